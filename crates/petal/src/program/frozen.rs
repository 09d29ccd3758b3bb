//! The first steps of a program that give the same result for a sample as long as a model trains.

use super::{Gradient, Op, Program, Step, Value};

/// A place between two steps where a single value goes on from the first to the second half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// The number of steps before it.
    steps: usize,
    value: Value,
}

impl Program {
    /// The program in two, of which the first gives the second's input, and gives the same for a sample as long as the
    /// model trains; without such a part the second is the whole.
    pub fn cut_at_frozen_prefix(mut self) -> (Option<Program>, Program) {
        let Some(cut) = self.cut() else { return (None, self) };
        let rest = self.steps.split_off(cut.steps);
        let whole = self;
        let second = Program { steps: rest, input: cut.value, ..whole.clone() };
        let first =
            Program { output: cut.value, logits: None, watched: None, gradient: Gradient::None, ..whole };
        (Some(first), second)
    }

    /// The last place before which no step depends on what training changes or on random numbers; none if no weights
    /// come before it, so that there is nothing to be gained.
    fn cut(&self) -> Option<Cut> {
        let steps = &self.steps;
        let constant = steps.iter().take_while(|step| self.is_constant(step)).count();
        let weights = steps.iter().position(|step| step.op.weights().next().is_some())?;
        let kept: Vec<Value> =
            [Some(self.output), self.logits.map(|l| l.value)].into_iter().flatten().collect();
        (weights + 1..=constant.min(steps.len().saturating_sub(1))).rev().find_map(|at| {
            let (before, after) = steps.split_at(at);
            let value = before[at - 1].output;
            let read = after.iter().flat_map(|step| &step.inputs).chain(&kept);
            let inside = |read: &Value| *read == value || after.iter().any(|step| step.output == *read);
            read.into_iter().all(inside).then_some(Cut { steps: at, value })
        })
    }

    /// Whether a sample always gives the same result while a model trains: nothing is drawn, and no weight or moving
    /// statistic that training changes is read.
    fn is_constant(&self, step: &Step) -> bool {
        let norm = match &step.op {
            Op::BatchNorm(norm) => Some(norm),
            Op::Conv2d(op) | Op::DepthwiseConv2d(op) => op.norm.as_ref(),
            Op::Dense(op) => op.norm.as_ref(),
            _ => None,
        };
        let trains = step.op.weights().any(|weight| self.weights[weight].trainable);
        !step.op.is_random() && !trains && norm.is_none_or(|norm| norm.fixed)
    }
}
