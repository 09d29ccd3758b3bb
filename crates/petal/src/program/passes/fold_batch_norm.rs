//! Convolution or dense layer + batch normalization with fixed statistics → one step.

use super::super::{Op, Program};
use super::absorb;

pub(super) fn run(program: &mut Program) {
    let kept = program.kept();
    absorb(&mut program.steps, &kept, |before, op| {
        let Op::BatchNorm(norm) = op else { return false };
        let slot = match before {
            Op::Conv2d(op) | Op::DepthwiseConv2d(op) => &mut op.norm,
            Op::Dense(op) => &mut op.norm,
            _ => return false,
        };
        let folds = norm.momentum.is_none() && slot.is_none();
        if folds {
            *slot = Some(norm.clone());
        }
        folds
    });
}
