//! Convolution or dense layer + batch normalization with fixed statistics → one step.

use super::producer;
use crate::model::plan::forward::{ForwardStep, Value};
use crate::model::plan::op::Op;
use petal_kernels::Activation;

pub(super) fn run(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
    let mut at = 1;
    while at < steps.len() {
        let Op::BatchNorm(norm) = &steps[at].op else {
            at += 1;
            continue;
        };
        let norm = norm.clone();
        let folded = norm.momentum.is_none()
            && producer(steps, kept, at).is_some_and(|producer| {
                let (slot, activation, channels) = match &mut steps[producer].op {
                    Op::Conv2d(op) => (&mut op.norm, op.activation, op.shape.filters),
                    Op::Dense(op) => (&mut op.norm, op.activation, op.shape.units),
                    Op::DepthwiseConv2d(op) => {
                        (&mut op.norm, op.activation, op.shape.input[2] * op.shape.multiplier)
                    }
                    _ => return false,
                };
                // A reshape in between leaves no step, but other channels.
                let free = slot.is_none() && activation == Activation::Linear && channels == norm.channels;
                if free {
                    *slot = Some(norm);
                    steps[producer].output = steps[at].output;
                }
                free
            });
        if folded {
            steps.remove(at);
        } else {
            at += 1;
        }
    }
}
