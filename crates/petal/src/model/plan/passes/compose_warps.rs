//! Random flip, rotation, translation, zoom one after the other → one sampling of the image.

use super::absorb;
use crate::model::plan::forward::{ForwardStep, Value};
use crate::model::plan::op::Op;

pub(super) fn run(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
    absorb(steps, kept, |before, op| match (before, op) {
        (Op::Warp(first), Op::Warp(next)) if first.composes_with(next) => {
            first.warps.extend(next.warps.iter().cloned());
            true
        }
        _ => false,
    });
}
