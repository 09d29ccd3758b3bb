//! Zeros around an image + convolution → a convolution with more padding.

use super::super::{Op, Program};
use super::{producer, readers};

pub(super) fn run(program: &mut Program) {
    // A folded step reads what the one before it has read.
    let (kept, steps) = (program.kept(), &mut program.steps);
    let readers = readers(steps);
    let mut at = 1;
    while at < steps.len() {
        let padded = producer(steps, &readers, &kept, at).and_then(|pad| match steps[pad].op {
            Op::Pad(padding) => Some((pad, padding)),
            _ => None,
        });
        match (padded, &mut steps[at].op) {
            (Some((pad, more)), Op::Conv2d(conv) | Op::DepthwiseConv2d(conv)) => {
                conv.padding.top += more.top;
                conv.padding.bottom += more.bottom;
                conv.padding.left += more.left;
                conv.padding.right += more.right;
                steps[at].inputs[0] = steps[pad].inputs[0];
                steps.remove(pad);
            }
            _ => at += 1,
        }
    }
}
