//! The first steps of a plan that give the same result for a sample as long as a model trains.

use super::forward::{ForwardStep, Value};

/// A place between two steps where a single value goes on from the first to the second half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The number of steps before it.
    pub steps: usize,
    pub value: Value,
}

/// The last place before which no step depends on what training changes or on random numbers; none if no weights come
/// before it, so that there is nothing to be gained. `kept` are values that the caller reads.
pub(super) fn cut(steps: &[ForwardStep], kept: &[Value]) -> Option<Cut> {
    let constant = steps.iter().take_while(|step| step.op.operation().is_constant()).count();
    let weights = steps.iter().position(|step| step.op.has_weights())?;
    (weights + 1..=constant.min(steps.len().saturating_sub(1))).rev().find_map(|at| {
        let (before, after) = steps.split_at(at);
        let value = before[at - 1].output;
        let read = after.iter().flat_map(|step| &step.inputs).chain(kept);
        let inside = |read: &Value| *read == value || after.iter().any(|step| step.output == *read);
        read.into_iter().all(inside).then_some(Cut { steps: at, value })
    })
}
