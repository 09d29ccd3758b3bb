//! Zeros around images of bytes. One task is an output row.

use rayon::prelude::*;

use crate::Pad2d;

/// `y` is `x` with pixels of `zero_point` around it.
pub fn quantized_pad(pad: &Pad2d, x: &[u8], zero_point: u8, y: &mut [u8]) {
    let [input_height, input_width, channels] = pad.input;
    let [height, width, _] = pad.output();
    assert_eq!(x.len(), pad.batch * input_height * input_width * channels);
    assert_eq!(y.len(), pad.batch * height * width * channels);
    if y.is_empty() {
        return;
    }
    let (row, left) = (input_width * channels, pad.padding.left * channels);
    y.par_chunks_exact_mut(width * channels).enumerate().for_each(|(i, y)| {
        y.fill(zero_point);
        let line = (i % height).wrapping_sub(pad.padding.top);
        if line < input_height {
            y[left..left + row].copy_from_slice(&x[(i / height * input_height + line) * row..][..row]);
        }
    });
}
