use std::io::Cursor;

use image::metadata::Orientation;

use super::picture::{Picture, check_sides};
use super::{ColorMode, broken};

pub(super) fn decode(
    bytes: &[u8],
    color_mode: ColorMode,
    picture: &mut Picture,
) -> Result<Orientation, String> {
    // For rows and metadata; the pixels' own place is counted by itself.
    let limits = png::Limits { bytes: 64 << 20 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(broken("PNG"))?;
    let (height, width) = (header.height as usize, header.width as usize);
    check_sides(height, width)?;
    let mut reader = decoder.read_info().map_err(broken("PNG"))?;
    let (color, _) = reader.output_color_type();
    picture.reshape((height, width), color.samples(), color_mode, 0)?;
    reader.next_frame(&mut picture.pixels).map_err(broken("PNG"))?;
    // The end of the file, which the pixels do not need; a file without it is cut off.
    reader.finish().map_err(broken("PNG"))?;
    let exif = reader.info().exif_metadata.as_deref();
    Ok(exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms))
}
