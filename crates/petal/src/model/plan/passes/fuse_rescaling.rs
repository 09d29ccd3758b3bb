//! Random warp + rescaling → one step of the same bits.

use super::producer;
use crate::model::plan::forward::{ForwardStep, Value};
use crate::model::plan::op::Op;

pub(super) fn run(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
    let mut at = 1;
    while at < steps.len() {
        let fused = producer(steps, kept, at).filter(|&before| match (&steps[before].op, &steps[at].op) {
            (Op::Warp(warp), Op::Scale { .. }) => warp.rescaling.is_none(),
            _ => false,
        });
        let Some(before) = fused else {
            at += 1;
            continue;
        };
        let next = steps.remove(at);
        let (Op::Warp(warp), Op::Scale { scale, offset }) = (&mut steps[before].op, next.op) else {
            unreachable!("a warp and a scale");
        };
        warp.rescaling = Some([scale, offset]);
        steps[before].output = next.output;
    }
}
