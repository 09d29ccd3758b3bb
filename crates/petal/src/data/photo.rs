use std::fmt;
use std::io::Cursor;
use std::path::Path;

use image::codecs::bmp::BmpDecoder;
#[cfg(feature = "webp")]
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;

use super::decode::{self, ColorMode, Picture};
use super::preprocessing::Scratch;
use crate::{Error, Result};

/// One photo as it is in its file: to look at it before a data set is made of it.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("rose.png");
/// # image::RgbImage::new(320, 240).save(&file).unwrap();
/// let photo = petal::data::Photo::open(&file)?;
/// assert!(photo.to_string().starts_with("PNG, 320 × 240 pixels, RGB, "), "{photo}");
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Photo {
    format: &'static str,
    color: &'static str,
    orientation: Orientation,
    file_size: u64,
    image: RgbImage,
}

impl Photo {
    /// Reads and decodes the whole file.
    ///
    /// # Errors
    /// If it cannot be read or is no whole JPEG, PNG, GIF, BMP or WebP picture.
    pub fn open(path: impl AsRef<Path>) -> Result<Photo> {
        let path = path.as_ref();
        let mut scratch = Scratch::default();
        scratch
            .read(path)
            .and_then(|()| Photo::decode(&scratch.bytes))
            .map_err(|problem| Error::file(path, problem))
    }

    fn decode(bytes: &[u8]) -> Result<Photo, String> {
        let mut picture = Picture::default();
        let orientation = decode::decode(bytes, ColorMode::Rgb, false, |_, _| 1, &mut picture)?;
        let (format, color) = header(bytes);
        let (width, height) = (picture.width as u32, picture.height as u32);
        let image = RgbImage::from_raw(width, height, picture.pixels)
            .expect("a picture has as many bytes as its shape says");
        Ok(Photo { format, color, orientation, file_size: bytes.len() as u64, image })
    }

    /// `JPEG`, `PNG`, `GIF`, `BMP` or `WebP`.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// The colours that the file holds: `RGB`, `RGBA`, `grayscale`, `grayscale with alpha`, `palette` or `CMYK`.
    pub fn color(&self) -> &'static str {
        self.color
    }

    /// In pixels, as the file holds them.
    pub fn width(&self) -> u32 {
        self.image.width()
    }

    /// In pixels, as the file holds them.
    pub fn height(&self) -> u32 {
        self.image.height()
    }

    /// In bytes.
    pub fn file_size(&self) -> u64 {
        self.file_size
    }

    /// How the camera was held: 1 to 8 as in EXIF, 1 for upright and where the file says nothing.
    pub fn exif_orientation(&self) -> u8 {
        self.orientation.to_exif()
    }

    /// What must be done to see the photo upright, for example `turn by 90° clockwise`; none if it is.
    pub fn to_be_upright(&self) -> Option<&'static str> {
        match self.orientation {
            Orientation::NoTransforms => None,
            Orientation::Rotate90 => Some("turn by 90° clockwise"),
            Orientation::Rotate180 => Some("turn by 180°"),
            Orientation::Rotate270 => Some("turn by 90° counterclockwise"),
            Orientation::FlipHorizontal => Some("mirror left to right"),
            Orientation::FlipVertical => Some("mirror top to bottom"),
            Orientation::Rotate90FlipH => Some("turn by 90° clockwise, then mirror left to right"),
            Orientation::Rotate270FlipH => Some("turn by 90° counterclockwise, then mirror left to right"),
        }
    }

    /// The pixels as the file holds them, as 8-bit RGB: gray is repeated, alpha is dropped.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// Writes the pixels to a PNG file: whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save_png(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut bytes = Cursor::new(Vec::new());
        let path = path.as_ref();
        self.image
            .write_to(&mut bytes, image::ImageFormat::Png)
            .map_err(|problem| Error::file(path, problem))?;
        crate::saving::write_atomically(path, |file| file.write_all(bytes.get_ref()))
    }
}

/// One line: `JPEG, 500 × 333 pixels, RGB, 45.2 kB`.
impl fmt::Display for Photo {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (width, height) = self.image.dimensions();
        write!(f, "{}, {width} × {height} pixels, {}, ", self.format, self.color)?;
        match self.file_size {
            0..1_000_000 => write!(f, "{:.1} kB", self.file_size as f64 / 1e3)?,
            _ => write!(f, "{:.1} MB", self.file_size as f64 / 1e6)?,
        }
        match self.to_be_upright() {
            Some(action) => write!(f, ", EXIF orientation {} ({action})", self.exif_orientation()),
            None => Ok(()),
        }
    }
}

/// Format and colours of a file that has been decoded.
fn header(bytes: &[u8]) -> (&'static str, &'static str) {
    match bytes[0] {
        0xff => ("JPEG", jpeg_color(bytes)),
        0x89 => ("PNG", png_color(bytes)),
        b'G' => ("GIF", "palette"),
        #[cfg(feature = "webp")]
        b'R' => ("WebP", WebPDecoder::new(Cursor::new(bytes)).map_or("RGB", |decoder| color_of(&decoder))),
        _ => ("BMP", BmpDecoder::new(Cursor::new(bytes)).map_or("RGB", |decoder| color_of(&decoder))),
    }
}

fn jpeg_color(bytes: &[u8]) -> &'static str {
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
    match decoder.decode_headers().ok().and_then(|()| decoder.input_colorspace()) {
        Some(ColorSpace::Luma) => "grayscale",
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => "CMYK",
        _ => "RGB",
    }
}

fn png_color(bytes: &[u8]) -> &'static str {
    let Ok(reader) = png::Decoder::new(Cursor::new(bytes)).read_info() else { return "RGB" };
    match reader.info().color_type {
        png::ColorType::Grayscale => "grayscale",
        png::ColorType::GrayscaleAlpha => "grayscale with alpha",
        png::ColorType::Indexed => "palette",
        png::ColorType::Rgb => "RGB",
        png::ColorType::Rgba => "RGBA",
    }
}

fn color_of(decoder: &impl ImageDecoder) -> &'static str {
    match decoder.color_type() {
        ColorType::L8 => "grayscale",
        ColorType::Rgba8 => "RGBA",
        _ => "RGB",
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat};

    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn format_and_colours_are_those_of_the_file() {
        let (gray, rgb, rgba) =
            (DynamicImage::new_luma8(5, 4), DynamicImage::new_rgb8(5, 4), DynamicImage::new_rgba8(5, 4));
        for (image, format, expected) in [
            (&gray, ImageFormat::Jpeg, "JPEG, 5 × 4 pixels, grayscale, "),
            (&rgb, ImageFormat::Jpeg, "JPEG, 5 × 4 pixels, RGB, "),
            (&gray, ImageFormat::Png, "PNG, 5 × 4 pixels, grayscale, "),
            (&rgba, ImageFormat::Png, "PNG, 5 × 4 pixels, RGBA, "),
            (&rgba, ImageFormat::Gif, "GIF, 5 × 4 pixels, palette, "),
            (&rgb, ImageFormat::Bmp, "BMP, 5 × 4 pixels, RGB, "),
            (&rgba, ImageFormat::WebP, "WebP, 5 × 4 pixels, RGBA, "),
        ] {
            let photo = Photo::decode(&encoded(image, format)).unwrap();
            assert!(photo.to_string().starts_with(expected), "{photo}");
        }
    }

    #[test]
    fn a_camera_held_upright_turns_the_photo() {
        let jpeg = encoded(&DynamicImage::new_rgb8(6, 4), ImageFormat::Jpeg);
        // An EXIF segment with one entry: tag 0x0112, a short, 6.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
        let photo = Photo::decode(&turned).unwrap();
        assert_eq!((photo.exif_orientation(), photo.width(), photo.height()), (6, 6, 4));
        assert!(photo.to_string().ends_with("EXIF orientation 6 (turn by 90° clockwise)"), "{photo}");
        assert_eq!(Photo::decode(&jpeg).unwrap().to_be_upright(), None);
    }
}
