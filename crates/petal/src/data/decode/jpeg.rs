use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::picture::{Picture, shrink};
use super::{ColorMode, broken, jpeg_means};

/// The picture, at the `scale` that is asked for or a larger one.
pub(super) fn decode(
    bytes: &[u8],
    color_mode: ColorMode,
    scale: impl Fn(Orientation, usize, usize) -> usize,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    let segments = Segments::of(bytes);
    if !segments.has_end {
        return Err("the JPEG is cut off: it has no end marker; get the whole file again".into());
    }
    let limit = usize::from(u16::MAX);
    let options = DecoderOptions::default().set_max_width(limit).set_max_height(limit);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken("JPEG"))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (space, channels) = match (color_mode, decoder.input_colorspace()) {
        // Brightness is a channel of its own in most JPEGs, and reading it alone is what TensorFlow does.
        (ColorMode::Grayscale, Some(ColorSpace::YCbCr | ColorSpace::Luma)) => (ColorSpace::Luma, 1),
        (_, Some(ColorSpace::CMYK)) => (ColorSpace::CMYK, 4),
        _ => (ColorSpace::RGB, 3),
    };
    let exif = decoder.exif();
    let orientation =
        exif.and_then(|exif| Orientation::from_exif_chunk(exif)).unwrap_or(Orientation::NoTransforms);
    // Of a block of 8 × 8 pixels no mean can be taken of more.
    let scale = scale(orientation, height, width).min(8);
    if let (true, Some(input @ (ColorSpace::YCbCr | ColorSpace::Luma))) =
        (scale > 1, decoder.input_colorspace())
    {
        let channels = if input == ColorSpace::Luma { 1 } else { channels };
        picture.reshape((height.div_ceil(scale), width.div_ceil(scale)), channels, color_mode, 0)?;
        if jpeg_means::decode(bytes, (height, width), scale, picture).is_some() {
            return Ok(orientation);
        }
    }
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    // Where a scan doesn't complete the pixels, two bytes of each component are kept.
    let kept = if segments.is_complete_in_one_scan { 0 } else { 2 * segments.components };
    picture.reshape((height, width), channels, color_mode, kept)?;
    decoder.decode_into(&mut picture.pixels).map_err(broken("JPEG"))?;
    if channels == 4 {
        paint(picture, segments.is_adobe);
    }
    Ok(orientation)
}

/// From cyan, magenta, yellow and black to red, green and blue, as TensorFlow does it: Adobe's files, which say so, hold
/// the light that each ink leaves, others the ink. (Browsers and Pillow take the light for granted.)
fn paint(picture: &mut Picture, is_adobe: bool) {
    let ink = if is_adobe { 0 } else { 255 };
    shrink(&mut picture.pixels, 4, |pixel| {
        let black = u16::from(pixel[3] ^ ink);
        [pixel[0], pixel[1], pixel[2]].map(|color| (u16::from(color ^ ink) * black / 255) as u8)
    });
    picture.channels = 3;
}

/// What the segments of a JPEG say.
#[derive(Default)]
struct Segments {
    is_adobe: bool,
    components: usize,
    is_complete_in_one_scan: bool,
    /// Whether an end-of-image marker follows the start of the first scan. In a scan's data these two bytes cannot occur
    /// otherwise; in the segments before it they can, as in a thumbnail.
    has_end: bool,
}

impl Segments {
    fn of(bytes: &[u8]) -> Segments {
        let mut found = Segments::default();
        let mut is_progressive = false;
        let mut rest = &bytes[2..];
        loop {
            rest = match rest {
                [0xff, 0xff, ..] => &rest[1..],
                // Start of scan.
                [0xff, 0xda, scan @ ..] => {
                    let components = usize::from(scan.get(2).copied().unwrap_or_default());
                    found.is_complete_in_one_scan = !is_progressive && components >= found.components;
                    found.has_end = scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9]);
                    return found;
                }
                // Markers without a segment.
                [0xff, 0x01 | 0xd0..=0xd8, rest @ ..] => rest,
                [0xff, marker, high, low, body @ ..] => {
                    match (marker, body) {
                        // Start of frame, baseline to progressive.
                        (0xc0..=0xc2, [_, _, _, _, _, components, ..]) => {
                            is_progressive |= *marker == 0xc2;
                            found.components = found.components.max(usize::from(*components));
                        }
                        (0xee, [b'A', b'd', b'o', b'b', b'e', ..]) => found.is_adobe = true,
                        _ => {}
                    }
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    rest.get(2 + length..).unwrap_or_default()
                }
                [0xff] | [] => return found,
                [_, rest @ ..] => rest,
            };
        }
    }
}
