//! Values in another shape → the same buffer.

use super::super::op::Op;
use super::super::plan::Ends;
use crate::program::Step;

pub(super) fn run(steps: &mut Vec<Step<Op>>, ends: &mut Ends) {
    let largest = steps.iter().map(|step| step.output).max().unwrap_or(0);
    let mut same: Vec<usize> = (0..=largest.max(ends.largest())).collect();
    steps.retain_mut(|step| {
        step.inputs.iter_mut().for_each(|input| *input = same[*input]);
        let drops = matches!(step.op, Op::Reshape);
        if drops {
            same[step.output] = step.inputs[0];
        }
        !drops
    });
    ends.rename(|value| same[value]);
}
