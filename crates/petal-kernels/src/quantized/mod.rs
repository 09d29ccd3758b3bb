//! Kernels of 8-bit numbers, which only infer.
//!
//! A value is bytes of a grid: `scale · (byte - zero_point)`, so that a byte stands for 0. Weights are signed bytes, each
//! `scale` of its output channel times, sums whole numbers of 32 bits: the same on any processor and any number of
//! threads. Where there is VNNI, four products are added by one instruction.

mod conv2d;
mod depthwise_conv2d;
mod elementwise;
mod pad;
mod pooling;

pub use conv2d::QuantizedConv2d;
pub use depthwise_conv2d::QuantizedDepthwiseConv2d;
pub use elementwise::{dequantize, look_up, quantize, quantized_add, quantized_multiply};
pub use pad::quantized_pad;
pub use pooling::{quantized_average, quantized_global_average, quantized_max};

/// Terms of a sum at most: as many products of bytes as surely fit into 32 bits.
pub const MAX_QUANTIZED_TERMS: usize = 1 << 16;

/// Multiply-adds that are so few that waking another thread for half of them would take longer.
const FEW: usize = 1 << 20;

/// The weights of a convolution as they are multiplied, and what becomes of its sums.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedKernel {
    weights: Vec<i8>,
    /// What the sums begin with: the bias, less what the zero point's distance from 0 adds.
    offsets: Vec<i32>,
    /// What sums are multiplied with.
    scales: Vec<f32>,
}

/// What becomes of a sum: `sum · scale`, and where it goes.
#[derive(Debug)]
pub enum QuantizedOutput<'a> {
    /// Bytes of a grid: the scales are divided by its scale.
    Bytes {
        /// The results.
        y: &'a mut [u8],
        /// What stands for 0.
        zero_point: u8,
        /// The least and the largest that may come.
        bounds: [u8; 2],
    },
    /// Numbers.
    Floats {
        /// The results.
        y: &'a mut [f32],
        /// The least and the largest that may come.
        bounds: [f32; 2],
    },
}

/// [`QuantizedOutput`] as tasks write to it.
#[derive(Clone, Copy)]
struct Target {
    /// Bytes, or the first of a float.
    y: crate::parallel::SharedMut<u8>,
    bytes: bool,
    shift: f32,
    bounds: [f32; 2],
}

impl QuantizedOutput<'_> {
    fn len(&self) -> usize {
        match self {
            QuantizedOutput::Bytes { y, .. } => y.len(),
            QuantizedOutput::Floats { y, .. } => y.len(),
        }
    }

    fn target(self) -> Target {
        use crate::parallel::SharedMut;
        match self {
            QuantizedOutput::Bytes { y, zero_point, bounds } => Target {
                y: SharedMut::new(y),
                bytes: true,
                shift: f32::from(zero_point),
                bounds: bounds.map(f32::from),
            },
            QuantizedOutput::Floats { y, bounds } => {
                Target { y: SharedMut::new(y).cast(), bytes: false, shift: 0.0, bounds }
            }
        }
    }
}

/// The memory of these floats as bytes, four each.
pub fn as_bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: the same memory, which as bytes is valid whatever it holds and needs no alignment.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
}

/// As [`as_bytes`], to be written: floats may hold any bits.
pub fn as_bytes_mut(floats: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above, and nobody else has it.
    unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) }
}
