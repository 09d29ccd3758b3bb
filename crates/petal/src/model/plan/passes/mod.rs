//! Rewrites of the forward steps that never change results beyond f32 rounding.

mod fuse_activation;

use super::forward::{ForwardStep, Value};

/// Which passes run. All do by default; tests compare with [`Passes::none`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// A convolution's or dense layer's ReLU is computed while its output is still in registers.
    pub fuse_activation: bool,
}

impl Default for Passes {
    fn default() -> Self {
        Passes { fuse_activation: true }
    }
}

impl Passes {
    /// The plan as it was lowered.
    #[cfg(test)]
    pub fn none() -> Self {
        Passes { fuse_activation: false }
    }

    /// `kept` are values that the caller reads, so they must stay.
    pub(super) fn run(self, steps: &mut Vec<ForwardStep>, kept: &[Option<Value>]) {
        if self.fuse_activation {
            fuse_activation::run(steps, kept);
        }
    }
}
