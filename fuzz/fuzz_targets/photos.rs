//! Decoding and resizing, as `train` and `predict` do it, to 32×32 pixels. The first byte chooses the colours, how
//! the proportions are kept and whether large photos are averaged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petal::data::{AspectRatio, ColorMode, Preprocessing};

fuzz_target!(init: petal_fuzz::watch_panics(), |data: &[u8]| {
    let Some((&choice, photo)) = data.split_first() else { return };
    let preprocessing = Preprocessing {
        color_mode: [ColorMode::Rgb, ColorMode::Grayscale, ColorMode::Rgba][usize::from(choice % 3)],
        aspect_ratio: [AspectRatio::Stretch, AspectRatio::Crop, AspectRatio::Pad][usize::from(choice / 3 % 3)],
        exif_orientation: choice & 128 != 0,
        average_large: choice & 64 != 0,
        ..Preprocessing::new(32, 32)
    };
    if let Ok(pixels) = preprocessing.load_bytes(photo) {
        assert_eq!(pixels.len(), preprocessing.shape().iter().product::<usize>());
        assert!(pixels.iter().all(|value| (0.0..=255.0).contains(value)));
    }
});
