use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};

use super::ColorMode;
use super::room::{MAX_DECODED, PICTURES, Room};

/// An 8-bit image, `[height, width, channels]`.
#[derive(Default)]
pub(in crate::data) struct Picture {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub pixels: Vec<u8>,
    room: Option<Room>,
}

impl Picture {
    /// A picture that was decoded elsewhere.
    pub fn set_image(&mut self, image: &DynamicImage, color_mode: ColorMode) {
        let (channels, pixels) = match image {
            DynamicImage::ImageLuma8(image) => (1, image.as_raw().clone()),
            DynamicImage::ImageRgb8(image) => (3, image.as_raw().clone()),
            _ => (4, image.to_rgba8().into_raw()),
        };
        let (height, width) = (image.height() as usize, image.width() as usize);
        *self = Picture { height, width, channels, pixels, room: None };
        self.convert(color_mode);
    }

    /// Makes a place for a picture of this size, once there is memory for it: its pixels, those of `color_mode` and
    /// what the decoder takes for each pixel besides.
    pub fn reshape(
        &mut self,
        (height, width): (usize, usize),
        channels: usize,
        color_mode: ColorMode,
        decoder: usize,
    ) -> Result<(), String> {
        self.room = None;
        check_sides(height, width)?;
        let converted = if color_mode.channels() > channels { color_mode.channels() } else { 0 };
        let bytes = height.saturating_mul(width).saturating_mul(channels + converted + decoder);
        if bytes > MAX_DECODED {
            return Err(format!(
                "the picture is {width} x {height} pixels and takes {:.1} GB to decode; expected at most {:.0} GB; make \
                 it smaller",
                bytes as f64 / 1e9,
                MAX_DECODED as f64 / 1e9,
            ));
        }
        self.room = Some(PICTURES.take(bytes));
        (self.height, self.width, self.channels) = (height, width, channels);
        // What a decoder doesn't write, because the file is damaged, is black and not of the photo before.
        self.pixels.clear();
        self.pixels.resize(height * width * channels, 0);
        Ok(())
    }

    /// Gives back the memory, but for a little that saves allocating for the next photo.
    pub fn release(&mut self) {
        const KEPT: usize = 16 << 20;
        self.pixels.truncate(KEPT);
        self.pixels.shrink_to(KEPT);
        self.room = None;
    }

    pub fn convert(&mut self, color_mode: ColorMode) {
        let pixels = &mut self.pixels;
        let converted: Vec<u8> = match (self.channels, color_mode) {
            (1, ColorMode::Grayscale) | (3, ColorMode::Rgb) | (4, ColorMode::Rgba) => return,
            (1, ColorMode::Rgb) => pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
            (1, ColorMode::Rgba) => pixels.iter().flat_map(|&gray| [gray, gray, gray, 255]).collect(),
            (2, ColorMode::Rgb) => pixels.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
            (2, ColorMode::Rgba) => pixels.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
            (_, ColorMode::Rgba) => pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
            // Fewer channels than before, in place.
            (channels, ColorMode::Rgb) => {
                shrink(pixels, channels, |p| [p[0], p[1], p[2]]);
                std::mem::take(pixels)
            }
            (2, ColorMode::Grayscale) => {
                shrink(pixels, 2, |p| [p[0]]);
                std::mem::take(pixels)
            }
            (channels, ColorMode::Grayscale) => {
                shrink(pixels, channels, |p| [luma(p)]);
                std::mem::take(pixels)
            }
        };
        self.channels = color_mode.channels();
        self.pixels = converted;
    }

    /// Makes each pixel the mean of `scale` × `scale`. The last ones of each axis count as often as some are missing.
    pub fn average(&mut self, scale: usize) {
        if scale == 1 {
            return;
        }
        let (height, width, channels) = (self.height, self.width, self.channels);
        (self.height, self.width) = (height.div_ceil(scale), width.div_ceil(scale));
        let mut sums = vec![0u64; self.width * channels];
        for y in 0..self.height {
            sums.fill(0);
            for row in (y * scale..(y + 1) * scale).map(|row| row.min(height - 1)) {
                let row = &self.pixels[row * width * channels..][..width * channels];
                for (sums, pixels) in sums.chunks_exact_mut(channels).zip(row.chunks(scale * channels)) {
                    let missing = scale - pixels.len() / channels;
                    let last = pixels.chunks_exact(channels).next_back();
                    for pixel in pixels.chunks_exact(channels).chain(last.into_iter().cycle().take(missing)) {
                        sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
                    }
                }
            }
            // Before all that is still to be read.
            let out = &mut self.pixels[y * sums.len()..][..sums.len()];
            let count = (scale * scale) as u64;
            out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = ((sum + count / 2) / count) as u8);
        }
        self.pixels.truncate(self.height * sums.len());
    }

    pub fn orient(&mut self, orientation: Orientation) {
        let (width, height) = (self.width as u32, self.height as u32);
        let pixels = std::mem::take(&mut self.pixels);
        let image = match self.channels {
            1 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
            3 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
            _ => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
        };
        let mut image = image.expect("a picture has as many bytes as its shape says");
        image.apply_orientation(orientation);
        (self.width, self.height) = (image.width() as usize, image.height() as usize);
        self.pixels = image.into_bytes();
    }
}

/// Refuses pictures without pixels, and those so long that a row of them costs too much.
pub(super) fn check_sides(height: usize, width: usize) -> Result<(), String> {
    const LONGEST: usize = u16::MAX as usize;
    if height == 0 || width == 0 {
        return Err(format!("the picture has no pixels ({width} x {height})"));
    }
    if height.max(width) > LONGEST {
        return Err(format!(
            "the picture is {width} x {height} pixels; expected at most {LONGEST} a side; make it smaller"
        ));
    }
    Ok(())
}

/// Replaces each pixel of `channels` values by one of `N`, which are not more.
pub(super) fn shrink<const N: usize>(
    pixels: &mut Vec<u8>,
    channels: usize,
    convert: impl Fn(&[u8]) -> [u8; N],
) {
    let count = pixels.len() / channels;
    for i in 0..count {
        let pixel = convert(&pixels[i * channels..][..channels]);
        pixels[i * N..][..N].copy_from_slice(&pixel);
    }
    pixels.truncate(count * N);
}

/// libpng's brightness, in 15-bit fixed point and rounded down.
fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((9798 * red + 19235 * green + 3735 * blue) >> 15) as u8
}
