//! Rounding to the 8-bit numbers that integer kernels compute with.
//!
//! Strategy: one pass in parallel chunks.

use crate::parallel::map;

/// `y = (clamp(round(x / scale) + zero_point, 0, 255) - zero_point) · scale`, halves rounded to the even number, as
/// ONNX' QuantizeLinear and DequantizeLinear do one after the other.
pub fn fake_quantize(scale: f32, zero_point: u8, x: &[f32], y: &mut [f32]) {
    /// Added to a small number it leaves no bits for fractions: the sum is rounded to the even one.
    const WHOLE: f32 = 12_582_912.0;
    let [low, high] = [-f32::from(zero_point), 255.0 - f32::from(zero_point)];
    // The ends are whole, so that it doesn't matter whether a number is cut off or rounded first.
    map(x, y, |x| ((x / scale).clamp(low, high) + WHOLE - WHOLE) * scale);
}
