//! Changes of colours pixel by pixel, with Keras' formulas: negatives, greys, few bits, solarization.
//!
//! Strategy: one task an image.

use rayon::prelude::*;

/// What happens to the colours of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Recolor {
    /// Nothing.
    Keep,
    /// `high - x`.
    Invert {
        /// The largest value of a colour.
        high: f32,
    },
    /// `x + share * (gray - x)`, clipped to `range`, with the luma of the image's three channels for `gray`.
    Gray {
        /// 1 for grey images, 0 for images as they are, less than 0 for more colourful ones.
        share: f32,
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Values of `range` in 256 steps, of which the lowest bits are set to 0.
    Posterize {
        /// The number of bits that stay, 1 to 8.
        bits: u32,
        /// The range of values.
        range: [f32; 2],
    },
    /// `x + addition`, clipped; from `threshold` on its negative. All on a scale of 0 to 255 for `range`.
    Solarize {
        /// What is added.
        addition: f32,
        /// Where the negative begins.
        threshold: f32,
        /// The range of values.
        range: [f32; 2],
    },
}

/// The luma's shares of red, green and blue (ITU-R BT.601, as TensorFlow rounds them).
const LUMA: [f32; 3] = [0.2989, 0.587, 0.114];

/// Changes each image of `x`, `[recolors.len(), pixels, channels]`, by its own recipe.
pub fn recolor(channels: usize, recolors: &[Recolor], x: &[f32], y: &mut [f32]) {
    each_image(recolors, [x, x], y, |recolor, [x, _], y| match recolor {
        Recolor::Keep => y.copy_from_slice(x),
        Recolor::Invert { high } => y.iter_mut().zip(x).for_each(|(y, x)| *y = high - x),
        Recolor::Gray { share, range } => {
            for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                let gray = luma(x);
                y.iter_mut().zip(x).for_each(|(y, x)| *y = clip(x + share * (gray - x), range));
            }
        }
        Recolor::Posterize { bits, range } => {
            let kept = !0u8 << (8 - bits);
            y.iter_mut().zip(x).for_each(|(y, x)| {
                // A cast to bytes cuts off the fraction and stays within 0 and 255.
                *y = from_bytes(f32::from(to_bytes(*x, range) as u8 & kept), range);
            });
        }
        Recolor::Solarize { addition, threshold, range } => y.iter_mut().zip(x).for_each(|(y, x)| {
            let moved = clip(to_bytes(*x, range) + addition, BYTES);
            *y = from_bytes(if moved < threshold { moved } else { 255.0 - moved }, range);
        }),
    });
}

/// Gradient of [`recolor`] by its input; clipped values and bits hand nothing back.
pub fn recolor_backward(channels: usize, recolors: &[Recolor], x: &[f32], dy: &[f32], dx: &mut [f32]) {
    each_image(recolors, [x, dy], dx, |recolor, [x, dy], dx| match recolor {
        Recolor::Keep => dx.copy_from_slice(dy),
        Recolor::Invert { .. } => dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = -dy),
        Recolor::Gray { share, range } => {
            let pixels = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
            for (dx, (x, dy)) in dx.chunks_exact_mut(channels).zip(pixels) {
                let gray = luma(x);
                let mut to_gray = 0.0;
                for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                    let y = x + share * (gray - x);
                    let passed = if range[0] <= y && y <= range[1] { *dy } else { 0.0 };
                    *dx = (1.0 - share) * passed;
                    to_gray += share * passed;
                }
                dx.iter_mut().zip(LUMA).for_each(|(dx, luma)| *dx += luma * to_gray);
            }
        }
        Recolor::Posterize { .. } => dx.fill(0.0),
        Recolor::Solarize { addition, threshold, range } => {
            for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                let moved = to_bytes(*x, range) + addition;
                let passed = if (0.0..=255.0).contains(&moved) { *dy } else { 0.0 };
                *dx = if moved < threshold { passed } else { -passed };
            }
        }
    });
}

fn each_image(
    recolors: &[Recolor],
    inputs: [&[f32]; 2],
    output: &mut [f32],
    f: impl Fn(Recolor, [&[f32]; 2], &mut [f32]) + Sync,
) {
    assert!(inputs.iter().all(|input| input.len() == output.len()));
    if output.is_empty() {
        return;
    }
    let image = output.len() / recolors.len();
    assert_eq!(image * recolors.len(), output.len());
    output.par_chunks_mut(image).zip(recolors).enumerate().for_each(|(i, (output, &recolor))| {
        f(recolor, inputs.map(|input| &input[i * image..][..image]), output);
    });
}

fn luma(pixel: &[f32]) -> f32 {
    pixel.iter().zip(LUMA).map(|(value, luma)| value * luma).sum()
}

fn clip(value: f32, [low, high]: [f32; 2]) -> f32 {
    value.max(low).min(high)
}

/// The range of 8-bit colours, whose values stay as they are, bit for bit.
const BYTES: [f32; 2] = [0.0, 255.0];

/// From `range` to 0 to 255.
fn to_bytes(value: f32, range: [f32; 2]) -> f32 {
    if range == BYTES { value } else { (value - range[0]) / (range[1] - range[0]) * 255.0 }
}

/// From 0 to 255 to `range`.
fn from_bytes(value: f32, range: [f32; 2]) -> f32 {
    if range == BYTES { value } else { value / 255.0 * (range[1] - range[0]) + range[0] }
}
