use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, Rgb, imageops};

use crate::{Error, Result};

/// A picture as a `data:` address, shrunk to at most `longest` pixels a side: JPEG, or PNG where it is so small that
/// JPEG would spoil it.
///
/// `rgb` is `[height, width, 3]`.
///
/// # Errors
/// If `rgb` has not `height * width * 3` values, or a side is 0.
pub(crate) fn picture(rgb: &[u8], width: usize, height: usize, longest: u32) -> Result<String> {
    let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
    let sides = (u32::try_from(width), u32::try_from(height));
    let (Some(expected), (Ok(columns), Ok(rows))) = (expected, sides) else {
        return Err(Error::argument("image size", format!("{width}x{height}"), "sides below 2^32"));
    };
    if expected == 0 || rgb.len() != expected {
        let found = format!("{} values for {width}x{height} pixels", rgb.len());
        return Err(Error::argument("rgb", found, format!("{expected} values and no empty side")));
    }
    let shrunk;
    let (rgb, columns, rows) = match columns.max(rows) {
        side if side <= longest => (rgb, columns, rows),
        side => {
            let scaled =
                |length: u32| (u64::from(length) * u64::from(longest)).div_ceil(u64::from(side)) as u32;
            let photo =
                ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(columns, rows, rgb).expect("the length is checked");
            shrunk = imageops::thumbnail(&photo, scaled(columns), scaled(rows));
            (&shrunk.as_raw()[..], shrunk.width(), shrunk.height())
        }
    };
    let mut bytes = Vec::new();
    let (kind, written) = if columns.max(rows) <= 64 {
        let encoder = PngEncoder::new(&mut bytes);
        ("png", encoder.write_image(rgb, columns, rows, ExtendedColorType::Rgb8))
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        ("jpeg", encoder.write_image(rgb, columns, rows, ExtendedColorType::Rgb8))
    };
    written.map_err(|error| Error::argument("rgb", error, "pixels that can be written as a picture"))?;
    Ok(format!("data:image/{kind};base64,{}", base64(&bytes)))
}

/// RFC 4648, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_the_test_vectors_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_picture_of_the_wrong_size_is_refused() {
        assert!(picture(&[0; 11], 2, 2, 64).is_err());
        assert!(picture(&[], 0, 2, 64).is_err());
        assert!(picture(&[], usize::MAX, 2, 64).is_err());
        assert!(picture(&[0; 12], 2, 2, 64).unwrap().starts_with("data:image/png;base64,iVBOR"));
        assert!(picture(&[0; 3 * 70 * 70], 70, 70, 90).unwrap().starts_with("data:image/jpeg;base64,/9j/"));
    }

    #[test]
    fn a_large_picture_is_shrunk_and_a_thin_one_keeps_its_pixels() {
        let address = picture(&vec![200; 3 * 4000 * 1000], 4000, 1000, 400).unwrap();
        assert!(address.starts_with("data:image/jpeg") && address.len() < 20_000, "{}", address.len());
        picture(&vec![200; 3 * 100_000], 100_000, 1, 400).unwrap();
    }
}
