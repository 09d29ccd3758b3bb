//! From a file's bytes to 8-bit pixels, as `tf.io.decode_image` does.
//!
//! The first bytes choose the decoder. A reason for not decoding is a text without the file's name, for the caller to
//! add.

#[cfg(feature = "gif")]
mod gif;
mod jpeg;
mod jpeg_means;
mod picture;
mod png;
pub(super) mod room;
#[cfg(feature = "webp")]
mod webp;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;
use serde::{Deserialize, Serialize};

use super::foreign_format::ForeignFormat;
use crate::error::no_feature;

pub(super) use picture::Picture;

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

/// Decodes a JPEG, PNG, GIF, BMP or WebP file into `picture`, whose memory is reused.
///
/// As with TensorFlow: bytes behind the picture do not matter, a JPEG or PNG that ends too early is broken, of 16 bits
/// the upper 8 are kept, of an animation the first picture, a GIF's transparent pixels are black, a CMYK JPEG's values
/// are ink or, where Adobe's segment says so, light. The EXIF orientation, which is returned, is honoured on request.
///
/// `scale` says of how many pixels' side each pixel is to be the mean, given the picture's height and width as they are
/// after that. A power of two, and 1 for the size that it leads to.
///
/// A picture that would take too much memory is refused before any is taken, and waits while other threads' pictures
/// take too much. A decoder that fails in a way that its author did not foresee costs this file only.
pub(super) fn decode(
    bytes: &[u8],
    color_mode: ColorMode,
    exif_orientation: bool,
    scale: impl Fn(usize, usize) -> usize,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    let outcome = guarded(|| {
        let scale = |orientation: Orientation, height: usize, width: usize| match orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
                if exif_orientation =>
            {
                scale(width, height)
            }
            _ => scale(height, width),
        };
        let orientation = decode_by_content(bytes, color_mode, scale, picture)?;
        picture.convert(color_mode);
        picture.average(scale(orientation, picture.height, picture.width));
        if exif_orientation && orientation != Orientation::NoTransforms {
            picture.orient(orientation);
        }
        Ok(orientation)
    });
    if outcome.is_err() {
        picture.release();
    }
    outcome
}

fn decode_by_content(
    bytes: &[u8],
    color_mode: ColorMode,
    scale: impl Fn(Orientation, usize, usize) -> usize,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    match bytes {
        [] => Err("the file is empty".into()),
        [0xff, 0xd8, 0xff, ..] => jpeg::decode(bytes, color_mode, scale, picture),
        [0x89, b'P', b'N', b'G', ..] => png::decode(bytes, color_mode, picture),
        #[cfg(feature = "gif")]
        [b'G', b'I', b'F', b'8', ..] => {
            gif::decode(bytes, color_mode, picture).map(|()| Orientation::NoTransforms)
        }
        [b'B', b'M', ..] => {
            let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(broken("BMP"))?;
            decode_with(decoder, "BMP", color_mode, 0, picture)
        }
        #[cfg(feature = "webp")]
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            webp::decode(bytes, color_mode, picture)
        }
        _ => Err(unknown_format(bytes)),
    }
}

/// What `decode` gives, or an error where it panics.
fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What a panic leaves half done is a picture, which is made anew for the next file.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err("its decoder failed in a way that it should not; save the picture anew or remove the file".into())
    })
}

/// `beside` is what the decoder takes for each pixel besides the pixel.
fn decode_with(
    mut decoder: impl ImageDecoder,
    format: &'static str,
    color_mode: ColorMode,
    beside: usize,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let channels = usize::from(color.channel_count());
    if usize::from(color.bytes_per_pixel()) != channels {
        return Err(format!("the {format} has {color:?} pixels; expected 8 bits a channel"));
    }
    picture.reshape((height as usize, width as usize), channels, color_mode, beside)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    decoder.read_image(&mut picture.pixels).map_err(broken(format))?;
    Ok(orientation)
}

fn broken<E: std::fmt::Display>(format: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("the {format} is broken ({}); replace or remove the file", plain(&error.to_string()))
}

/// A decoder's words without what a programmer would write around them: quotes, and a PNG's chunk as a structure.
fn plain(words: &str) -> String {
    let (mut plain, mut rest) = (String::new(), words);
    while let Some((before, chunk)) = rest.split_once("ChunkType { type: ") {
        let (name, fields) = chunk.split_once(", critical: ").unwrap_or((chunk, ""));
        plain = plain + before + name;
        rest = fields.split_once(" }").map_or("", |(_, after)| after);
    }
    plain += rest;
    plain.trim_matches('"').trim_end_matches("\\n").trim_end_matches('.').to_owned()
}

/// Why no decoder takes the file, which is often one of those that get into a folder of photos.
fn unknown_format(bytes: &[u8]) -> String {
    if let Some(format) = ForeignFormat::by_content(bytes) {
        return format.advice();
    }
    let found = match bytes {
        [b'G', b'I', b'F', b'8', ..] => return no_feature("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => return no_feature("webp"),
        _ if bytes.trim_ascii_start().starts_with(b"<") => "it is a web page or SVG",
        _ => "its first bytes are those of no known picture format",
    };
    format!("{found}; expected JPEG, PNG, GIF, BMP or WebP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_costs_one_file() {
        let outcome = guarded::<()>(|| panic!("index out of bounds"));
        assert!(outcome.unwrap_err().contains("its decoder failed"));
        assert_eq!(guarded(|| Ok(7)), Ok(7));
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let chunk = |name| {
            format!(
                "ChunkType {{ type: {name}, critical: true, private: false, reserved: false, safecopy: false }}"
            )
        };
        for (words, expected) in [
            (format!("Chunk length wrong: {}", chunk("IHDR")), "Chunk length wrong: IHDR"),
            (
                format!("{} chunk appeared before {} chunk", chunk("A, }"), chunk("IHDR")),
                "A, } chunk appeared before IHDR chunk",
            ),
            ("\"Bogus sampling factor 7.\"".to_owned(), "Bogus sampling factor 7"),
            ("\"Invalid length:1\\n\"".to_owned(), "Invalid length:1"),
            ("unexpected end of file".to_owned(), "unexpected end of file"),
        ] {
            assert_eq!(plain(&words), expected);
        }
    }
}
