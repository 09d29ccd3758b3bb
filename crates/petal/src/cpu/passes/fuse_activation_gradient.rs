//! The gradient of a fused ReLU or ReLU6 → part of the gradient by the input of the step that reads its output.

use petal_kernels::Activation;

use crate::cpu::op::Op;
use crate::program::{Step, Value, producer, readers};

pub(super) fn run(steps: &mut [Step<Op>], kept: &[Option<Value>]) {
    let readers = readers(steps);
    for at in 1..steps.len() {
        let Some(before) = producer(steps, &readers, kept, at) else { continue };
        let (head, tail) = steps.split_at_mut(at);
        let (Some(before), Some(after)) = (head[before].op.activations_mut(), tail[0].op.activations_mut())
        else {
            continue;
        };
        if before.output != Activation::Linear {
            before.passed_on = true;
            after.input = before.output;
        }
    }
}
