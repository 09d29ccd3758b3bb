//! From a file's bytes to 8-bit pixels, as `tf.io.decode_image` does.
//!
//! The first bytes choose the decoder. A reason for not decoding is a text without the file's name, for the caller to
//! add.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder};
use serde::{Deserialize, Serialize};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The channels that a photo is turned into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMode {
    /// Red, green, blue. Gray is repeated; alpha is dropped, the colours below it stay as they are. The default.
    #[default]
    Rgb,
    /// Brightness (ITU-R 601: 0.299 red + 0.587 green + 0.114 blue).
    Grayscale,
    /// Red, green, blue, alpha. Photos without alpha get 255.
    Rgba,
}

impl ColorMode {
    /// 3, 1 or 4.
    pub fn channels(self) -> usize {
        match self {
            ColorMode::Rgb => 3,
            ColorMode::Grayscale => 1,
            ColorMode::Rgba => 4,
        }
    }
}

/// An 8-bit image, `[height, width, channels]`.
#[derive(Default)]
pub(super) struct Picture {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub pixels: Vec<u8>,
}

/// Decodes a JPEG, PNG, GIF (its first frame), BMP or WebP file into `picture`, whose memory is reused.
///
/// As with TensorFlow: bytes behind the picture do not matter, a JPEG or PNG that ends too early is broken, of 16 bits
/// the upper 8 are kept, a GIF's transparent pixels are black. The EXIF orientation, which is returned, is honoured on
/// request.
pub(super) fn decode(
    bytes: &[u8],
    color_mode: ColorMode,
    exif_orientation: bool,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    let orientation = match bytes {
        [] => return Err("the file is empty".into()),
        [0xff, 0xd8, 0xff, ..] => decode_jpeg(bytes, color_mode, picture)?,
        [0x89, b'P', b'N', b'G', ..] => decode_png(bytes, picture)?,
        [b'G', b'I', b'F', b'8', ..] => {
            let decoder = GifDecoder::new(Cursor::new(bytes)).map_err(broken("GIF"))?;
            let orientation = decode_with(decoder, "GIF", picture)?;
            blacken_transparent(picture);
            orientation
        }
        [b'B', b'M', ..] => {
            decode_with(BmpDecoder::new(Cursor::new(bytes)).map_err(broken("BMP"))?, "BMP", picture)?
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            decode_with(WebPDecoder::new(Cursor::new(bytes)).map_err(broken("WebP"))?, "WebP", picture)?
        }
        _ => return Err(unknown_format(bytes)),
    };
    convert(picture, color_mode);
    if exif_orientation && orientation != Orientation::NoTransforms {
        orient(picture, orientation);
    }
    Ok(orientation)
}

/// A picture that was decoded elsewhere.
pub(super) fn from_image(image: &DynamicImage, color_mode: ColorMode, picture: &mut Picture) {
    let (channels, pixels) = match image {
        DynamicImage::ImageLuma8(image) => (1, image.as_raw().clone()),
        DynamicImage::ImageRgb8(image) => (3, image.as_raw().clone()),
        _ => (4, image.to_rgba8().into_raw()),
    };
    let (height, width) = (image.height() as usize, image.width() as usize);
    *picture = Picture { height, width, channels, pixels };
    convert(picture, color_mode);
}

/// The most memory that one decoded photo may take; what claims to be larger is taken for broken.
const MAX_BYTES: usize = 512 << 20;

impl Picture {
    fn reshape(&mut self, height: usize, width: usize, channels: usize) -> Result<(), String> {
        if height == 0 || width == 0 {
            return Err(format!("the picture has no pixels ({width} x {height})"));
        }
        let size = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
        let Some(size) = size.filter(|&size| size <= MAX_BYTES) else {
            return Err(format!(
                "the picture is {width} x {height} pixels; expected at most 512 MiB of them"
            ));
        };
        (self.height, self.width, self.channels) = (height, width, channels);
        self.pixels.resize(size, 0);
        Ok(())
    }
}

fn decode_jpeg(bytes: &[u8], color_mode: ColorMode, picture: &mut Picture) -> Result<Orientation, String> {
    if !jpeg_has_end(bytes) {
        return Err("the JPEG is cut off: it has no end marker; get the whole file again".into());
    }
    let limit = usize::from(u16::MAX);
    let options = DecoderOptions::default().set_max_width(limit).set_max_height(limit);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken("JPEG"))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    // Brightness is a channel of its own in most JPEGs, and reading it alone is what TensorFlow does.
    let has_luma = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    let (space, channels) = match color_mode {
        ColorMode::Grayscale if has_luma => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    picture.reshape(height, width, channels)?;
    decoder.decode_into(&mut picture.pixels).map_err(broken("JPEG"))?;
    Ok(decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms))
}

/// Whether an end-of-image marker follows the start of the first scan. In a scan's data these two bytes cannot occur
/// otherwise; in the segments before it they can, as in a thumbnail.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut rest = &bytes[2..];
    loop {
        rest = match rest {
            [0xff, 0xff, ..] => &rest[1..],
            [0xff, START_OF_SCAN, scan @ ..] => {
                return scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9]);
            }
            // Markers without a segment.
            [0xff, 0x01 | 0xd0..=0xd8, rest @ ..] => rest,
            [0xff, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest.get(2 + length..).unwrap_or_default()
            }
            [0xff] | [] => return false,
            [_, rest @ ..] => rest,
        };
    }
}

fn decode_png(bytes: &[u8], picture: &mut Picture) -> Result<Orientation, String> {
    let limits = png::Limits { bytes: MAX_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(broken("PNG"))?;
    let (color, _) = reader.output_color_type();
    let (height, width) = (reader.info().height as usize, reader.info().width as usize);
    picture.reshape(height, width, color.samples())?;
    reader.next_frame(&mut picture.pixels).map_err(broken("PNG"))?;
    // The end of the file, which the pixels do not need; a file without it is cut off.
    reader.finish().map_err(broken("PNG"))?;
    let exif = reader.info().exif_metadata.as_deref();
    Ok(exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms))
}

fn decode_with(
    mut decoder: impl ImageDecoder,
    format: &'static str,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let channels = usize::from(color.channel_count());
    if usize::from(color.bytes_per_pixel()) != channels {
        return Err(format!("the {format} has {color:?} pixels; expected 8 bits a channel"));
    }
    picture.reshape(height as usize, width as usize, channels)?;
    decoder.set_limits(image::Limits::default()).map_err(broken(format))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    decoder.read_image(&mut picture.pixels).map_err(broken(format))?;
    Ok(orientation)
}

fn broken<E: std::fmt::Display>(format: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("the {format} is broken ({error}); replace or remove the file")
}

/// What the file seems to be, for those that often get into a folder of photos.
fn unknown_format(bytes: &[u8]) -> String {
    let found = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => "it is an AVIF picture",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => "it is a HEIC picture",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "it is a TIFF picture",
        _ if bytes.trim_ascii_start().starts_with(b"<") => "it is a web page or SVG",
        _ => "its first bytes are those of no known picture format",
    };
    format!("{found}; expected JPEG, PNG, GIF, BMP or WebP")
}

/// TensorFlow paints a first frame's transparent pixels black.
fn blacken_transparent(picture: &mut Picture) {
    if picture.channels == 4 {
        let (pixels, _) = picture.pixels.as_chunks_mut::<4>();
        pixels.iter_mut().filter(|pixel| pixel[3] == 0).for_each(|pixel| *pixel = [0; 4]);
    }
}

fn convert(picture: &mut Picture, color_mode: ColorMode) {
    let pixels = &picture.pixels;
    let converted: Vec<u8> = match (picture.channels, color_mode) {
        (1, ColorMode::Grayscale) | (3, ColorMode::Rgb) | (4, ColorMode::Rgba) => return,
        (1, ColorMode::Rgb) => pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
        (1, ColorMode::Rgba) => pixels.iter().flat_map(|&gray| [gray, gray, gray, 255]).collect(),
        (2, ColorMode::Rgb) => pixels.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
        (2, ColorMode::Rgba) => pixels.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        (2, ColorMode::Grayscale) => pixels.chunks_exact(2).map(|p| p[0]).collect(),
        (_, ColorMode::Rgba) => pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        (_, ColorMode::Rgb) => pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        (channels, ColorMode::Grayscale) => pixels.chunks_exact(channels).map(luma).collect(),
    };
    picture.channels = color_mode.channels();
    picture.pixels = converted;
}

/// libpng's brightness, in 15-bit fixed point and rounded down.
fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((9798 * red + 19235 * green + 3735 * blue) >> 15) as u8
}

fn orient(picture: &mut Picture, orientation: Orientation) {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let pixels = std::mem::take(&mut picture.pixels);
    let image = match picture.channels {
        1 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        3 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        _ => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
    };
    let mut image = image.expect("a picture has as many bytes as its shape says");
    image.apply_orientation(orientation);
    (picture.width, picture.height) = (image.width() as usize, image.height() as usize);
    picture.pixels = image.into_bytes();
}
