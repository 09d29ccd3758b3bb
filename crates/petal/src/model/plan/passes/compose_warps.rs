//! Random flip, rotation, translation, zoom one after the other → one sampling of the image.

use super::producer;
use crate::model::plan::forward::{ForwardStep, Value};
use crate::model::plan::op::Op;

pub(super) fn run(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
    let mut at = 1;
    while at < steps.len() {
        let composed = producer(steps, kept, at).filter(|&before| match (&steps[before].op, &steps[at].op) {
            (Op::Warp(first), Op::Warp(next)) => first.composes_with(next),
            _ => false,
        });
        let Some(before) = composed else {
            at += 1;
            continue;
        };
        let next = steps.remove(at);
        let (Op::Warp(first), Op::Warp(next_op)) = (&mut steps[before].op, next.op) else {
            unreachable!("both are warps");
        };
        first.warps.extend(next_op.warps);
        steps[before].output = next.output;
    }
}
