use super::picture::Picture;
use super::{ColorMode, broken};

/// The first picture of an animation, as `tf.io.decode_image` gives it: of the picture's own size, not the canvas', but
/// moved by its place on the canvas; what it leaves free or transparent is black, what it moves out is lost.
pub(super) fn decode(bytes: &[u8], color_mode: ColorMode, picture: &mut Picture) -> Result<(), String> {
    const BYTES_A_PIXEL: usize = 4;
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    // What the frame takes is counted by `reshape`.
    options.set_memory_limit(gif::MemoryLimit::Unlimited);
    let mut decoder = options.read_info(bytes).map_err(broken("GIF"))?;
    let Some(frame) = decoder.next_frame_info().map_err(broken("GIF"))? else {
        return Err("the GIF is broken (it has no picture); replace or remove the file".into());
    };
    let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
    // Its colours' numbers come first, then the colours.
    picture.reshape((height, width), BYTES_A_PIXEL, color_mode, 1)?;
    decoder.read_into_buffer(&mut picture.pixels).map_err(broken("GIF"))?;
    let row = width * BYTES_A_PIXEL;
    if (left, top) != (0, 0) {
        for y in (0..height).rev() {
            let shift = left.min(width) * BYTES_A_PIXEL;
            let (above, below) = picture.pixels.split_at_mut(y * row);
            let to = &mut below[..row];
            to.fill(0);
            if y >= top && top > 0 {
                to[shift..].copy_from_slice(&above[(y - top) * row..][..row - shift]);
            }
        }
    }
    let (pixels, _) = picture.pixels.as_chunks_mut::<BYTES_A_PIXEL>();
    pixels.iter_mut().filter(|pixel| pixel[3] == 0).for_each(|pixel| *pixel = [0; BYTES_A_PIXEL]);
    Ok(())
}
