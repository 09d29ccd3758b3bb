//! `Preprocessing::average_large`: the means are those of the whole picture's pixels, whether they are taken while it is
//! decoded or after, and what cannot be decoded is refused with the same words.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, RgbImage};
use petal::data::{ColorMode, Interpolation, Preprocessing};

const FLOWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/flower_photos");

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/data")).join(name)
}

fn averaging(height: usize, width: usize) -> Preprocessing {
    Preprocessing { average_large: true, ..Preprocessing::new(height, width) }
}

/// The photo in its own size, of which the height and width are known.
fn whole(file: &Path, size: (usize, usize), preprocessing: &Preprocessing) -> Vec<u8> {
    let whole = Preprocessing {
        image_size: size,
        interpolation: Interpolation::Nearest,
        average_large: false,
        ..preprocessing.clone()
    };
    whole.load(file).unwrap().into_iter().map(|value| value as u8).collect()
}

/// What the documentation says of a whole photo: means of squares, and they resized.
fn expected(pixels: &[u8], (height, width): (usize, usize), preprocessing: &Preprocessing) -> Vec<f32> {
    let channels = preprocessing.color_mode.channels();
    let (target_height, target_width) = preprocessing.image_size;
    let mut scale = 1;
    while height.div_ceil(2 * scale) >= 2 * target_height && width.div_ceil(2 * scale) >= 2 * target_width {
        scale *= 2;
    }
    let (rows, columns) = (height.div_ceil(scale), width.div_ceil(scale));
    let mut means = Vec::new();
    for i in 0..rows * columns * channels {
        let (y, x, c) = (i / channels / columns, i / channels % columns, i % channels);
        let square = (0..scale * scale).map(|i| {
            let row = (y * scale + i / scale).min(height - 1);
            let column = (x * scale + i % scale).min(width - 1);
            f64::from(pixels[(row * width + column) * channels + c])
        });
        means.push((square.sum::<f64>() / (scale * scale) as f64).round() as u8);
    }
    let (rows, columns) = (rows as u32, columns as u32);
    let image = match channels {
        1 => DynamicImage::ImageLuma8(GrayImage::from_raw(columns, rows, means).unwrap()),
        _ => DynamicImage::ImageRgb8(RgbImage::from_raw(columns, rows, means).unwrap()),
    };
    Preprocessing { average_large: false, ..preprocessing.clone() }.load_image(&image).unwrap()
}

/// `tolerance`: the largest difference of a value, and of all values on average.
fn assert_close(found: &[f32], expected: &[f32], tolerance: (f32, f32), what: &str) {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let worst = differences.clone().fold(0.0, f32::max);
    let mean = differences.sum::<f32>() / found.len() as f32;
    println!("{what}: differs by at most {worst}, {mean:.3} on average");
    assert!(worst <= tolerance.0 && mean <= tolerance.1, "{what}: {worst}, {mean}");
}

#[test]
fn every_format_is_averaged_at_every_scale() {
    // Scales 2, 4, 8 and 16 of 24 × 33 pixels. Decoders of whole pictures spread colours over their neighbours, and round;
    // a scale of 16 is one of 8 and one of 2, which tell at the edges of so small a picture.
    for (height, width, tolerance) in
        [(6, 8, (5.0, 1.0)), (3, 4, (5.0, 1.0)), (1, 2, (5.0, 2.0)), (1, 1, (9.0, 5.0))]
    {
        for color_mode in [ColorMode::Rgb, ColorMode::Grayscale] {
            for file in [
                "rgb.jpg",
                "rgb_422.jpg",
                "rgb_444.jpg",
                "restarts.jpg",
                "trailing.jpg",
                "progressive.jpg",
                "gray.jpg",
                "cmyk.jpg",
                "inks_without_adobe.jpg",
            ] {
                let preprocessing = Preprocessing { color_mode, ..averaging(height, width) };
                let whole = whole(&fixture(file), (24, 33), &preprocessing);
                let expected = expected(&whole, (24, 33), &preprocessing);
                let found = preprocessing.load(fixture(file)).unwrap();
                assert_close(
                    &found,
                    &expected,
                    tolerance,
                    &format!("{file} {color_mode:?} to {height} × {width}"),
                );
            }
        }
    }
    for file in ["rgb.bmp", "rgba.png", "animated.gif", "rgb.webp"] {
        let preprocessing = averaging(1, 2);
        let whole = whole(&fixture(file), (7, 9), &preprocessing);
        let expected = expected(&whole, (7, 9), &preprocessing);
        assert_close(&preprocessing.load(fixture(file)).unwrap(), &expected, (0.0, 0.0), file);
    }
}

#[test]
fn a_turned_photo_is_averaged_by_the_sides_it_has_upright() {
    // Upright it is 33 × 24, of which 8 × 6 pixels are a quarter.
    let preprocessing = Preprocessing { exif_orientation: true, ..averaging(8, 6) };
    let whole = whole(&fixture("turned.jpg"), (33, 24), &preprocessing);
    let expected = expected(&whole, (33, 24), &preprocessing);
    assert_close(&preprocessing.load(fixture("turned.jpg")).unwrap(), &expected, (4.0, 1.0), "turned.jpg");
}

#[test]
fn photos_that_are_not_large_and_those_that_shall_not_be_averaged_are_as_ever() {
    let exact = |height, width| Preprocessing::new(height, width).load(fixture("rgb.jpg")).unwrap();
    assert_eq!(averaging(7, 8).load(fixture("rgb.jpg")).unwrap(), exact(7, 8));
    assert_ne!(averaging(6, 8).load(fixture("rgb.jpg")).unwrap(), exact(6, 8));
    // What was saved before there was a choice.
    let saved: Preprocessing = serde_json::from_str(r#"{"image_size": [6, 8]}"#).unwrap();
    assert!(!saved.average_large);
    let json = serde_json::to_string(&averaging(6, 8)).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessing>(&json).unwrap(), averaging(6, 8));
}

/// The file with one to four other bytes, the same ones in each round.
fn damaged(bytes: &[u8], round: usize) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    let mut state = round as u64 + 1;
    for _ in 0..=round % 4 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let at = (state >> 33) as usize % damaged.len();
        damaged[at] = (state >> 24) as u8;
    }
    damaged
}

#[test]
fn damaged_photos_are_refused_with_the_words_for_whole_ones() {
    for file in ["rgb.jpg", "rgb_444.jpg", "restarts.jpg", "gray.jpg", "progressive.jpg"] {
        let bytes = fs::read(fixture(file)).unwrap();
        let ends = (0..bytes.len()).map(|end| bytes[..end].to_vec());
        let others = (0..2000).map(|round| damaged(&bytes, round));
        for (i, bytes) in ends.chain(others).enumerate() {
            let exact = Preprocessing::new(3, 4).load_bytes(&bytes).map_err(|error| error.to_string());
            let averaged = averaging(3, 4).load_bytes(&bytes).map_err(|error| error.to_string());
            assert_eq!(averaged.err(), exact.err(), "{file}, damage {i}");
        }
    }
}

#[test]
fn flower_photos_have_the_means_of_their_pixels() {
    if !Path::new(FLOWERS).is_dir() {
        println!("skipped: no photos in {FLOWERS}");
        return;
    }
    for class in fs::read_dir(FLOWERS).unwrap() {
        let mut files: Vec<_> =
            fs::read_dir(class.unwrap().path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files.iter().step_by(60) {
            let (width, height) = image::image_dimensions(file).unwrap();
            let size = (height as usize, width as usize);
            for target in [12, 24, 50] {
                let preprocessing = averaging(target, target);
                let whole = whole(file, size, &preprocessing);
                let expected = expected(&whole, size, &preprocessing);
                assert_close(
                    &preprocessing.load(file).unwrap(),
                    &expected,
                    (10.0, 1.5),
                    &file.display().to_string(),
                );
            }
        }
    }
}
