use petal_kernels::{Activation, ActivationGradient};

use crate::cpu::Needs;

/// The activations that a convolution or matrix product computes on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Activations {
    /// Applied to the output.
    pub output: Activation,
    /// Whether the step that reads the output computes the gradient of its activation.
    pub passed_on: bool,
    /// That of the step that made the input, whose gradient is computed here.
    pub input: Activation,
}

impl Activations {
    /// Turns the gradient by the output into the one before the activation, in place, if it isn't that already.
    pub(super) fn backward_output(&self, output: &[f32], d_output: &mut [f32]) {
        if self.needs_output() {
            ActivationGradient { activation: self.output, y: output }.apply(d_output);
        }
    }

    /// What the kernel of the gradient by the input computes too.
    pub(super) fn input_gradient<'a>(&self, input: &'a [f32]) -> Option<ActivationGradient<'a>> {
        let activation = self.input;
        (activation != Activation::Linear).then_some(ActivationGradient { activation, y: input })
    }

    /// `inputs` says whether the backward step reads the input for other reasons.
    pub(super) fn needs(&self, inputs: bool) -> Needs {
        Needs { inputs: inputs || self.input != Activation::Linear, output: self.needs_output() }
    }

    fn needs_output(&self) -> bool {
        self.output != Activation::Linear && !self.passed_on
    }
}
