//! Rewrites of the forward steps for a CPU's caches, which never change results beyond f32 rounding.

mod drop_reshapes;
mod fuse_activation;
mod fuse_activation_gradient;
mod fuse_inverted_residual;
mod fuse_pooling;
mod fuse_rescaling;
pub(super) mod quantize;

use super::op::Op;
use super::plan::Ends;
use crate::program::{self, Gradient, Step, check_order, largest_value};

/// Which passes run. All do by default; tests compare with [`Passes::none`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passes {
    /// Those that any engine profits from.
    pub simplify: program::Passes,
    /// A convolution's or dense layer's ReLU is computed while its output is still in registers.
    pub fuse_activation: bool,
    /// Its gradient is computed by the layer after it, while the gradient of its output is in the cache.
    pub fuse_activation_gradient: bool,
    /// A convolution, mostly a 1×1, a depthwise and a 1×1 convolution become one step whose wide activations stay in the
    /// cache, where no gradient goes.
    pub fuse_inverted_residual: bool,
    /// A convolution and its max pooling over 2×2 windows are one step, and what lies between them is never stored.
    pub fuse_pooling: bool,
    /// Augmented images are rescaled in the pass that samples them.
    pub fuse_rescaling: bool,
}

impl Default for Passes {
    fn default() -> Self {
        Passes {
            simplify: program::Passes::default(),
            fuse_activation: true,
            fuse_activation_gradient: true,
            fuse_inverted_residual: true,
            fuse_pooling: true,
            fuse_rescaling: true,
        }
    }
}

impl Passes {
    /// The plan as it was lowered.
    #[cfg(test)]
    pub fn none() -> Self {
        Passes {
            simplify: program::Passes::none(),
            fuse_activation: false,
            fuse_activation_gradient: false,
            fuse_inverted_residual: false,
            fuse_pooling: false,
            fuse_rescaling: false,
        }
    }

    /// Values of `ends` are read from outside, so they stay, if maybe under other numbers. In debug builds the order of
    /// the steps is checked after each pass.
    pub(super) fn run(self, steps: &mut Vec<Step<Op>>, ends: &mut Ends, gradient: Gradient) {
        let values = largest_value(steps).map_or(0, |largest| largest + 1).max(ends.largest() + 1);
        let check = |steps: &[Step<Op>], ends: &Ends| {
            debug_assert_eq!(check_order(steps, values, ends.input, &ends.kept()), Ok(()), "after a pass");
        };
        let kept = &ends.kept();
        if self.fuse_activation {
            fuse_activation::run(steps, kept);
            check(steps, ends);
        }
        if self.fuse_inverted_residual && gradient != Gradient::Watched {
            fuse_inverted_residual::run(steps, kept, gradient == Gradient::Weights);
            check(steps, ends);
        }
        if self.fuse_pooling {
            fuse_pooling::run(steps, kept);
            check(steps, ends);
        }
        if self.fuse_rescaling {
            fuse_rescaling::run(steps, kept);
            check(steps, ends);
        }
        drop_reshapes::run(steps, ends);
        check(steps, ends);
        if self.fuse_activation_gradient {
            fuse_activation_gradient::run(steps, &ends.kept());
            check(steps, ends);
        }
    }
}
