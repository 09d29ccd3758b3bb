//! Operations on bytes, which only infer. A value's bytes lie in the memory of a quarter as many floats.

use std::sync::Arc;

use petal_kernels::{self as kernels, QuantizedKernel, QuantizedOutput};

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::Grid;

/// An operation that reads bytes, makes bytes, or both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantized {
    pub kind: Kind,
    /// Values of a sample of each input, and of the output.
    pub inputs: [usize; 2],
    pub output: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Numbers to bytes: `x · scale + offset`.
    Quantize { scale: f32, offset: f32 },
    /// Bytes to numbers.
    Dequantize(Grid),
    /// Sums of products.
    Conv2d { conv: kernels::QuantizedConv2d, kernel: Arc<QuantizedKernel>, result: Sums },
    /// Sums of a channel's products.
    DepthwiseConv2d { conv: kernels::QuantizedDepthwiseConv2d, kernel: Arc<QuantizedKernel>, result: Sums },
    /// A function of each byte.
    Table(Box<[u8; 256]>),
    /// `a · scales[0] + b · scales[1] + offset`.
    Add { scales: [f32; 2], offset: f32 },
    /// A product, of pixels of these channels with one pixel if there are `repeats`.
    Multiply { channels: usize, repeats: usize, scale: f32, zero_points: [u8; 3] },
    /// Pixels that stand for 0 around the image.
    Pad { pad: kernels::Pad2d, zero_point: u8 },
    /// The largest of each window.
    MaxPool(kernels::Pool2d),
    /// The mean of each window, `· scale + offset`.
    AveragePool { pool: kernels::Pool2d, scale: f32, offset: f32 },
    /// The mean of each channel, `· scale + offset`.
    GlobalAveragePool { channels: usize, scale: f32, offset: f32 },
}

/// What becomes of sums of products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sums {
    Bytes { zero_point: u8, bounds: [u8; 2] },
    Floats { bounds: [f32; 2] },
}

impl Sums {
    /// Where `len` of them go, bytes or numbers.
    fn output(self, y: &mut [f32], len: usize) -> QuantizedOutput<'_> {
        match self {
            Sums::Bytes { zero_point, bounds } => {
                QuantizedOutput::Bytes { y: as_bytes(y, len), zero_point, bounds }
            }
            Sums::Floats { bounds } => QuantizedOutput::Floats { y: &mut y[..len], bounds },
        }
    }
}

impl Operation for Quantized {
    fn forward(&self, call: Forward<'_>) {
        let (batch, pixels, y) = (call.run.batch(), call.pixels(), call.output);
        let bytes = |i: usize| &kernels::as_bytes(call.inputs[i])[..batch * self.inputs[i]];
        let len = batch * self.output;
        match &self.kind {
            Kind::Quantize { scale, offset } => kernels::quantize(pixels, *scale, *offset, as_bytes(y, len)),
            Kind::Dequantize(grid) => kernels::dequantize(bytes(0), grid.scale, grid.zero_point, y),
            Kind::Conv2d { conv, kernel, result } => {
                let shape = kernels::Conv2d { batch, ..conv.shape };
                let conv = kernels::QuantizedConv2d { shape, ..*conv };
                conv.forward(bytes(0), kernel, result.output(y, len));
            }
            Kind::DepthwiseConv2d { conv, kernel, result } => {
                let shape = kernels::DepthwiseConv2d { batch, ..conv.shape };
                let conv = kernels::QuantizedDepthwiseConv2d { shape, ..*conv };
                conv.forward(bytes(0), kernel, result.output(y, len));
            }
            Kind::Table(table) => kernels::look_up(bytes(0), table, as_bytes(y, len)),
            Kind::Add { scales, offset } => {
                kernels::quantized_add([bytes(0), bytes(1)], *scales, *offset, as_bytes(y, len));
            }
            Kind::Multiply { channels, repeats, scale, zero_points } => {
                let factors = [bytes(0), bytes(1)];
                let y = as_bytes(y, len);
                kernels::quantized_multiply(factors, *channels, *repeats, *scale, *zero_points, y);
            }
            Kind::Pad { pad, zero_point } => {
                let pad = kernels::Pad2d { batch, ..*pad };
                kernels::quantized_pad(&pad, bytes(0), *zero_point, as_bytes(y, len));
            }
            Kind::MaxPool(pool) => {
                let pool = kernels::Pool2d { batch, ..*pool };
                kernels::quantized_max(&pool, bytes(0), as_bytes(y, len));
            }
            Kind::AveragePool { pool, scale, offset } => {
                let pool = kernels::Pool2d { batch, ..*pool };
                kernels::quantized_average(&pool, bytes(0), *scale, *offset, as_bytes(y, len));
            }
            Kind::GlobalAveragePool { channels, scale, offset } => {
                kernels::quantized_global_average(*channels, bytes(0), *scale, *offset, as_bytes(y, len));
            }
        }
    }

    fn backward(&self, _call: Backward<'_>) {
        unreachable!("bytes are computed with only where no gradient goes");
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn reads_bytes(&self) -> bool {
        matches!(self.kind, Kind::Quantize { .. })
    }
}

/// The first bytes of a value.
fn as_bytes(floats: &mut [f32], len: usize) -> &mut [u8] {
    &mut kernels::as_bytes_mut(floats)[..len]
}
