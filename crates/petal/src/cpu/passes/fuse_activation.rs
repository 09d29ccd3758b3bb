//! Convolution or dense layer + ReLU or ReLU6 → one step.

use petal_kernels::{Activation, Unary};

use crate::cpu::op::Op;
use crate::program::{Step, Value, absorb};

pub(super) fn run(steps: &mut Vec<Step<Op>>, kept: &[Option<Value>]) {
    absorb(steps, kept, |before, op| relu(op).is_some_and(|activation| set_activation(before, activation)));
}

fn relu(op: &Op) -> Option<Activation> {
    match op {
        Op::Unary(Unary::Relu { max_value, negative_slope, threshold })
            if *negative_slope == 0.0 && *threshold == 0.0 =>
        {
            match max_value {
                None => Some(Activation::Relu),
                Some(6.0) => Some(Activation::Relu6),
                Some(_) => None,
            }
        }
        _ => None,
    }
}

/// Whether the operation could take the activation.
fn set_activation(op: &mut Op, fused: Activation) -> bool {
    let activation = op.activations_mut().map(|activations| &mut activations.output);
    let Some(activation) = activation.filter(|activation| **activation == Activation::Linear) else {
        return false;
    };
    *activation = fused;
    true
}
