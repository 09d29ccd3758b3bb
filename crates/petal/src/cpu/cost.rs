//! What an operation costs, counted by its shape.

use petal_kernels::{Conv2d, DepthwiseConv2d};

use super::op::Op;
use super::ops::quantized::Kind;
use crate::program::snake_case;

impl Op {
    /// Its name, with the window of a convolution.
    pub(super) fn label(&self) -> String {
        let name = match self {
            Op::Quantized(op) => format!("int8 {}", snake_case(&op.kind)),
            Op::Unary(unary) => snake_case(unary),
            op => snake_case(op),
        };
        let [height, width] = match self {
            Op::Conv2d(op) => op.shape.kernel,
            Op::DepthwiseConv2d(op) => op.shape.kernel,
            Op::PooledConv2d(op) => op.shape.conv.kernel,
            Op::Quantized(op) => match &op.kind {
                Kind::Conv2d { conv, .. } => conv.shape.kernel,
                Kind::DepthwiseConv2d { conv, .. } => conv.shape.kernel,
                _ => return name,
            },
            _ => return name,
        };
        format!("{name} {height}×{width}")
    }

    /// Multiply-adds of a sample's forward call, as convolutions and matrix products are defined: kernels may do with
    /// fewer, and a padding's zeros count. Other operations have none.
    pub(super) fn multiply_adds(&self) -> usize {
        match self {
            Op::Conv2d(op) => conv2d(&op.shape),
            Op::PooledConv2d(op) => conv2d(&op.shape.conv),
            Op::DepthwiseConv2d(op) => depthwise_conv2d(&op.shape),
            Op::Dense(op) => op.shape.rows * op.shape.inputs * op.shape.units,
            Op::Quantized(op) => match &op.kind {
                Kind::Conv2d { conv, .. } => conv2d(&conv.shape),
                Kind::DepthwiseConv2d { conv, .. } => depthwise_conv2d(&conv.shape),
                _ => 0,
            },
            Op::InvertedResidual(block) => {
                block.expand.as_ref().map_or(0, |expand| conv2d(&expand.shape))
                    + depthwise_conv2d(&block.depthwise.shape)
                    + conv2d(&block.project.shape)
            }
            _ => 0,
        }
    }
}

fn conv2d(shape: &Conv2d) -> usize {
    let [height, width, _] = shape.output();
    height * width * shape.kernel_len()
}

fn depthwise_conv2d(shape: &DepthwiseConv2d) -> usize {
    let [height, width, _] = shape.output();
    height * width * shape.kernel_len()
}
