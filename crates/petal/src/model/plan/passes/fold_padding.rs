//! Zeros around an image + convolution → a convolution with more padding.

use super::{producer, readers};
use crate::model::plan::forward::{ForwardStep, Value};
use crate::model::plan::op::Op;

pub(super) fn run(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
    // A folded step reads what the one before it has read.
    let readers = readers(steps);
    let mut at = 1;
    while at < steps.len() {
        let pad =
            producer(steps, &readers, kept, at).filter(|&producer| matches!(steps[producer].op, Op::Pad(_)));
        let Some(pad) = pad else {
            at += 1;
            continue;
        };
        let Op::Pad(op) = steps[pad].op.clone() else { unreachable!("the producer pads") };
        let (input, padding) = match &mut steps[at].op {
            Op::Conv2d(conv) => (&mut conv.shape.input, &mut conv.shape.padding),
            Op::DepthwiseConv2d(conv) => (&mut conv.shape.input, &mut conv.shape.padding),
            _ => {
                at += 1;
                continue;
            }
        };
        // A reshape in between leaves no step, but another image.
        if *input != op.pad.output() {
            at += 1;
            continue;
        }
        *input = op.pad.input;
        padding.top += op.pad.padding.top;
        padding.bottom += op.pad.padding.bottom;
        padding.left += op.pad.padding.left;
        padding.right += op.pad.padding.right;
        steps[at].inputs[0] = steps[pad].inputs[0];
        steps.remove(pad);
    }
}
