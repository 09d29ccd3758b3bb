//! Convolution or dense layer + batch normalization with fixed statistics → one step.

use super::absorb;
use crate::model::plan::forward::{ForwardStep, Value};
use crate::model::plan::op::Op;
use petal_kernels::Activation;

pub(super) fn run(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
    absorb(steps, kept, |before, op| {
        let Op::BatchNorm(norm) = op else { return false };
        let (slot, activation, channels) = match before {
            Op::Conv2d(op) => (&mut op.norm, op.activations.output, op.shape.filters),
            Op::Dense(op) => (&mut op.norm, op.activations.output, op.shape.units),
            Op::DepthwiseConv2d(op) => {
                (&mut op.norm, op.activations.output, op.shape.input[2] * op.shape.multiplier)
            }
            _ => return false,
        };
        // A reshape in between leaves no step, but other channels.
        let folds = norm.momentum.is_none()
            && slot.is_none()
            && activation == Activation::Linear
            && channels == norm.channels;
        if folds {
            *slot = Some(norm.clone());
        }
        folds
    });
}
