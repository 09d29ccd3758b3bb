//! The dense layer that a classifier ends with.

use super::{Dense, Gradient, Op, Program};

impl Program {
    /// The program in two: what makes the features of a sample, and the dense layer, with the activation after it if there
    /// is one, that makes the output of them; and which weights that layer has. None if the program ends otherwise.
    pub(crate) fn cut_at_head(mut self) -> Option<(Program, Dense, Program)> {
        let place = self.steps.iter().rposition(|step| step.output == self.start())?;
        let head = &self.steps[place];
        let Op::Dense(dense @ Dense { norm: None, .. }) = head.op.clone() else { return None };
        let features = head.inputs[0];
        let is_activation = self.steps.len() - place - 1 <= usize::from(self.logits.is_some());
        // Nothing of the head may read what the features were made of.
        if place == 0 || !is_activation || features == self.input {
            return None;
        }
        let steps = self.steps.split_off(place);
        let second = Program { steps, input: features, ..self.clone() };
        let first =
            Program { output: features, logits: None, watched: None, gradient: Gradient::None, ..self };
        Some((first, dense, second))
    }
}
