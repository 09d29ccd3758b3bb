//! Decoded and resized pixels are those of TensorFlow (fixtures by `fixtures/data.py`).

use std::fs;
use std::path::{Path, PathBuf};

use petal::data::{AspectRatio, ColorMode, Interpolation, Preprocessing};
use serde::Deserialize;

const FLOWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/flower_photos");

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/data")).join(name)
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&fs::read(fixture(name)).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct ResizeCase {
    size: (usize, usize),
    method: Interpolation,
    fit: AspectRatio,
    pixels: Vec<f32>,
}

#[test]
fn every_interpolation_and_fit_equals_tensorflow_rounded_and_clamped() {
    let cases: Vec<ResizeCase> = read("resize.json");
    assert!(Interpolation::ALL.iter().all(|method| cases.iter().any(|case| case.method == *method)));
    for case in cases {
        let preprocessing = Preprocessing {
            interpolation: case.method,
            aspect_ratio: case.fit,
            ..Preprocessing::new(case.size.0, case.size.1)
        };
        let found = preprocessing.load(fixture("noise.png")).unwrap();
        assert_eq!(found.len(), case.pixels.len());
        for (i, (found, expected)) in found.iter().zip(&case.pixels).enumerate() {
            // Half a level of rounding, and the fixture's two decimals.
            let difference = (found - expected.clamp(0.0, 255.0)).abs();
            assert!(
                difference <= 0.51,
                "{:?} {:?} {:?} at {i}: {found}, TensorFlow {expected}",
                case.method,
                case.fit,
                case.size
            );
        }
    }
}

#[derive(Deserialize)]
struct FormatCase {
    file: String,
    channels: usize,
    height: usize,
    width: usize,
    pixels: Vec<u8>,
}

#[test]
fn every_format_decodes_to_tensorflows_pixels() {
    for case in read::<Vec<FormatCase>>("formats.json") {
        let found = decode(&case.file, case.channels, case.height, case.width);
        // JPEG decoders round differently; TensorFlow's takes a fast cosine transform.
        let lossy = case.file.ends_with("jpg") && case.file != "png_inside.jpg";
        compare(&found, &case.pixels, if lossy { (6, 2.0) } else { (0, 0.0) }, &case.file);
    }
}

#[test]
fn what_tensorflow_refuses_to_convert_loads_too() {
    for (file, channels) in
        [("rgb.bmp", 1), ("animated.gif", 1), ("cmyk.jpg", 1), ("rgb.jpg", 4), ("palette.png", 4)]
    {
        let converted = decode(file, channels, 7, 9);
        let rgb = decode(file, 3, 7, 9);
        for (converted, rgb) in converted.chunks(channels).zip(rgb.chunks(3)) {
            let luma = 0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2]);
            match channels {
                1 => assert!((f32::from(converted[0]) - luma).abs() <= 1.0, "{file}"),
                _ => assert_eq!((&converted[..3], converted[3]), (rgb, 255), "{file}"),
            }
        }
    }
}

#[test]
fn exif_orientation_counts_only_on_request() {
    let upright = decode("rgb.jpg", 3, 24, 33);
    assert_eq!(decode("turned.jpg", 3, 24, 33), upright);
    let turning = Preprocessing {
        exif_orientation: true,
        interpolation: Interpolation::Nearest,
        ..Preprocessing::new(33, 24)
    };
    let turned = turning.load(fixture("turned.jpg")).unwrap();
    // Orientation 6 is to be shown turned a quarter clockwise: the first row is the first column from below.
    for x in 0..24 {
        for c in 0..3 {
            assert_eq!(turned[x * 3 + c], f32::from(upright[(23 - x) * 33 * 3 + c]));
        }
    }
}

#[test]
fn a_file_its_bytes_and_its_image_give_the_same() {
    let preprocessing = Preprocessing { aspect_ratio: AspectRatio::Pad, ..Preprocessing::new(16, 16) };
    let path = fixture("noise.png");
    let from_file = preprocessing.load(&path).unwrap();
    assert_eq!(preprocessing.load_bytes(&fs::read(&path).unwrap()).unwrap(), from_file);
    assert_eq!(preprocessing.load_image(&image::open(&path).unwrap()).unwrap(), from_file);
    let json = serde_json::to_string(&preprocessing).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessing>(&json).unwrap(), preprocessing);
}

#[test]
fn extreme_proportions_and_sizes_are_safe() {
    let strip = image::DynamicImage::new_rgb8(1000, 1);
    let dot = image::DynamicImage::new_rgb8(1, 1);
    for aspect_ratio in [AspectRatio::Stretch, AspectRatio::Crop, AspectRatio::Pad] {
        for interpolation in Interpolation::ALL {
            for (height, width) in [(1, 1), (3, 200), (200, 3), (7, 7)] {
                let preprocessing =
                    Preprocessing { aspect_ratio, interpolation, ..Preprocessing::new(height, width) };
                for image in [&strip, &strip.rotate90(), &dot] {
                    assert_eq!(preprocessing.load_image(image).unwrap().len(), height * width * 3);
                }
            }
        }
    }
    assert!(Preprocessing::new(0, 10).load_image(&dot).unwrap_err().to_string().contains("0 x 10"));
    assert!(Preprocessing::new(5, 5).load_image(&image::DynamicImage::new_rgb8(0, 0)).is_err());
}

#[derive(Deserialize)]
struct RealCase {
    file: String,
    pixels: Vec<f32>,
}

#[test]
fn flower_photos_are_within_a_few_levels_of_tensorflows() {
    if !Path::new(FLOWERS).is_dir() {
        println!("skipped: no photos in {FLOWERS}");
        return;
    }
    for case in read::<Vec<RealCase>>("real_pixels.json") {
        let photo = Preprocessing::new(180, 180).load(Path::new(FLOWERS).join(&case.file)).unwrap();
        let mut found = Vec::new();
        for y in (4..180).step_by(19) {
            for x in (7..180).step_by(23) {
                found.extend(photo[(y * 180 + x) * 3..][..3].iter().map(|&value| value as u8));
            }
        }
        let expected: Vec<u8> = case.pixels.iter().map(|&value| value as u8).collect();
        compare(&found, &expected, (12, 2.0), &case.file);
    }
}

fn decode(file: &str, channels: usize, height: usize, width: usize) -> Vec<u8> {
    let color_mode = match channels {
        1 => ColorMode::Grayscale,
        3 => ColorMode::Rgb,
        _ => ColorMode::Rgba,
    };
    let preprocessing = Preprocessing {
        color_mode,
        interpolation: Interpolation::Nearest,
        ..Preprocessing::new(height, width)
    };
    preprocessing.load(fixture(file)).unwrap().into_iter().map(|value| value as u8).collect()
}

/// `tolerance`: the largest difference of a value, and of all values on average.
fn compare(found: &[u8], expected: &[u8], tolerance: (u8, f64), what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differences: Vec<u8> = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).collect();
    let largest = differences.iter().max().copied().unwrap_or(0);
    let mean = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / differences.len() as f64;
    println!("{what}: differs by at most {largest}, {mean:.3} on average");
    assert!(largest <= tolerance.0 && mean <= tolerance.1, "{what}: {largest}, {mean}");
}
