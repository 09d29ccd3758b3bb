//! Random warp + rescaling → one step of the same bits.

use crate::cpu::op::Op;
use crate::program::{Step, Value, absorb};

pub(super) fn run(steps: &mut Vec<Step<Op>>, kept: &[Option<Value>]) {
    absorb(steps, kept, |before, op| match (before, op) {
        (Op::Warp(warp), &Op::Scale { scale, offset }) if warp.rescaling.is_none() => {
            warp.rescaling = Some([scale, offset]);
            true
        }
        _ => false,
    });
}
