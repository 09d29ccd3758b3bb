use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;

use super::picture::Picture;
use super::{ColorMode, broken, decode_with};

/// The picture, or the first one of an animation.
pub(super) fn decode(
    bytes: &[u8],
    color_mode: ColorMode,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    // A decoded frame, the frame in RGB, and the canvas of an animation.
    const DECODER: usize = 2 + 4 + 4;
    check(bytes)?;
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(broken("WebP"))?;
    decode_with(decoder, "WebP", color_mode, DECODER, picture)
}

/// Refuses what the decoder would take memory for before it looks: chunks that are longer than the file, and pictures
/// that are larger than the canvas.
fn check(bytes: &[u8]) -> Result<(), String> {
    const RIFF: usize = 12;
    let end = u32_at(bytes, 4).map_or(0, |size| size as usize + 8).min(bytes.len());
    let mut canvas = None;
    chunks(&bytes[RIFF..end.max(RIFF)], &mut |name, body| {
        match name {
            b"VP8X" => canvas = pixels(u24_at(body, 4), u24_at(body, 7)).or(canvas),
            b"VP8 " => {
                let size =
                    |at| Some(u32::from(u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]) & 0x3fff));
                if let (Some(canvas), Some(width), Some(height)) = (canvas, size(6), size(8))
                    && u64::from(width) * u64::from(height) > canvas
                {
                    return Err(
                        "the WebP is broken (a picture is larger than its canvas); replace the file".into()
                    );
                }
            }
            _ => {}
        }
        Ok(())
    })
}

/// Calls `visit` with each chunk's name and body, those in the frames of an animation included.
fn chunks(
    mut rest: &[u8],
    visit: &mut impl FnMut(&[u8; 4], &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    const FRAME: usize = 16;
    while let Some((name, body)) = rest.split_first_chunk::<4>() {
        let Some(length) = u32_at(rest, 4) else { return Ok(()) };
        let Some(body) = body[4..].get(..length as usize) else {
            return Err("the WebP is cut off; get the whole file again".into());
        };
        visit(name, body)?;
        if name == b"ANMF" {
            chunks(body.get(FRAME..).unwrap_or_default(), visit)?;
        }
        rest = rest.get(8 + length as usize + length as usize % 2..).unwrap_or_default();
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u24_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]))
}

/// From sides that are stored less one.
fn pixels(width: Option<u32>, height: Option<u32>) -> Option<u64> {
    Some((u64::from(width?) + 1) * (u64::from(height?) + 1))
}
