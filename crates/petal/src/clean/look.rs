//! What can be measured on one photo without any model.

use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage};

use crate::Result;
use crate::data::Photo;

/// The longer side at which sharpness is measured, so that it doesn't depend on the photo's size.
const SHARPNESS_SIDE: u32 = 256;
/// The side of the grey picture by which two photos with like hashes are compared.
const SMALL: u32 = 16;

/// One photo, measured.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub width: u32,
    pub height: u32,
    /// Of all pixels and the shape.
    pub digest: u64,
    /// Whether each of 8 × 8 places is brighter than the one to its right.
    pub hash: u64,
    /// The photo at 16 × 16, grey.
    pub small: Vec<u8>,
    /// The mean of the grey values, 0..=255.
    pub brightness: f32,
    /// The standard deviation of the grey values.
    pub contrast: f32,
    /// The variance of the Laplacian.
    pub sharpness: f32,
}

impl Look {
    pub fn at(path: &Path) -> Result<Look> {
        let photo = Photo::open(path)?;
        let (width, height) = photo.image().dimensions();
        let mut hasher = DefaultHasher::new();
        hasher.write_u32(width);
        hasher.write(photo.image().as_raw());
        let longest = width.max(height).max(1);
        let rgb = photo.image();
        let shrunk = if longest > SHARPNESS_SIDE {
            let scaled = |side: u32| (side * SHARPNESS_SIDE).div_ceil(longest).max(1);
            imageops::thumbnail(rgb, scaled(width), scaled(height))
        } else {
            rgb.clone()
        };
        let gray = DynamicImage::ImageRgb8(shrunk).into_luma8();
        let (brightness, contrast) = mean_and_deviation(gray.as_raw().iter().map(|&v| f32::from(v)));
        Ok(Look {
            width,
            height,
            digest: hasher.finish(),
            hash: difference_hash(&gray),
            small: imageops::resize(&gray, SMALL, SMALL, FilterType::Triangle).into_raw(),
            brightness,
            contrast,
            sharpness: sharpness(&gray),
        })
    }

    /// How much the grey pictures differ where they are equally bright: the mean distance, in levels of 255.
    pub fn distance(&self, other: &Look) -> f32 {
        let sum: u32 = self.small.iter().zip(&other.small).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
        sum as f32 / self.small.len() as f32
    }

    pub fn aspect(&self) -> f32 {
        let (long, short) = (self.width.max(self.height), self.width.min(self.height));
        long as f32 / short.max(1) as f32
    }

    pub fn shorter_side(&self) -> u32 {
        self.width.min(self.height)
    }
}

fn difference_hash(gray: &GrayImage) -> u64 {
    let row = imageops::resize(gray, 9, 8, FilterType::Triangle);
    let bits = (0..64).map(|i| {
        let (x, y) = (i % 8, i / 8);
        u64::from(row.get_pixel(x, y).0[0] > row.get_pixel(x + 1, y).0[0]) << i
    });
    bits.sum()
}

fn sharpness(gray: &GrayImage) -> f32 {
    let (width, height) = gray.dimensions();
    if width < 3 || height < 3 {
        return f32::INFINITY;
    }
    let at = |x: u32, y: u32| f32::from(gray.get_pixel(x, y).0[0]);
    let edges = (1..height - 1).flat_map(|y| {
        (1..width - 1)
            .map(move |x| at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y))
    });
    mean_and_deviation(edges).1.powi(2)
}

fn mean_and_deviation(values: impl Iterator<Item = f32>) -> (f32, f32) {
    let (mut count, mut sum, mut squares) = (0.0f64, 0.0f64, 0.0f64);
    for value in values.map(f64::from) {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    let mean = sum / count.max(1.0);
    (mean as f32, (squares / count.max(1.0) - mean * mean).max(0.0).sqrt() as f32)
}
