//! Rewrites of the forward steps for a CPU's caches, which never change results beyond f32 rounding.

mod drop_reshapes;
mod fuse_activation;
mod fuse_activation_gradient;
mod fuse_inverted_residual;
mod fuse_pooling;
mod fuse_rescaling;

use super::op::Op;
use super::plan::{Ends, ForwardStep};
use crate::program::{self, Gradient, Value};

/// Which passes run. All do by default; tests compare with [`Passes::none`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passes {
    /// Those that any engine profits from.
    pub simplify: program::Passes,
    /// A convolution's or dense layer's ReLU is computed while its output is still in registers.
    pub fuse_activation: bool,
    /// Its gradient is computed by the layer after it, while the gradient of its output is in the cache.
    pub fuse_activation_gradient: bool,
    /// A 1×1, a depthwise and another 1×1 convolution become one step whose wide activations stay in the cache, where
    /// no gradient goes.
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

    /// Values of `ends` are read from outside, so they stay, if maybe under other numbers.
    pub(super) fn run(self, steps: &mut Vec<ForwardStep>, ends: &mut Ends, gradient: Gradient) {
        let kept = &ends.kept();
        if self.fuse_activation {
            fuse_activation::run(steps, kept);
        }
        if self.fuse_inverted_residual && gradient != Gradient::Watched {
            fuse_inverted_residual::run(steps, kept, gradient == Gradient::Weights);
        }
        if self.fuse_pooling {
            fuse_pooling::run(steps, kept);
        }
        if self.fuse_rescaling {
            fuse_rescaling::run(steps, kept);
        }
        drop_reshapes::run(steps, ends);
        if self.fuse_activation_gradient {
            fuse_activation_gradient::run(steps, &ends.kept());
        }
    }
}

/// Removes each step that becomes part of the one before it: `absorb(before, step)` changes the operation of the step
/// that makes the only input, if that is read by nobody else, and says whether it did.
fn absorb(steps: &mut Vec<ForwardStep>, kept: &[Option<Value>], absorb: impl Fn(&mut Op, &Op) -> bool) {
    // Of the values that stay, an absorbed step changes nothing.
    let readers = readers(steps);
    let mut at = 1;
    while at < steps.len() {
        let absorbed = producer(steps, &readers, kept, at).filter(|&before| {
            let (head, tail) = steps.split_at_mut(at);
            absorb(&mut head[before].op, &tail[0].op)
        });
        match absorbed {
            Some(before) => steps[before].output = steps.remove(at).output,
            None => at += 1,
        }
    }
}

/// How many steps read each value.
fn readers(steps: &[ForwardStep]) -> Vec<usize> {
    let largest = steps.iter().flat_map(|step| step.inputs.iter().chain([&step.output])).max();
    let mut readers = vec![0; largest.map_or(0, |largest| largest + 1)];
    for step in steps {
        let mut inputs = step.inputs.clone();
        inputs.sort_unstable();
        inputs.dedup();
        inputs.iter().for_each(|&input| readers[input] += 1);
    }
    readers
}

/// The step that makes the only input of step `at`, if nobody else reads that value.
fn producer(steps: &[ForwardStep], readers: &[usize], kept: &[Option<Value>], at: usize) -> Option<usize> {
    let [input] = steps[at].inputs[..] else { return None };
    if readers[input] > 1 || kept.contains(&Some(input)) {
        return None;
    }
    steps[..at].iter().rposition(|step| step.output == input)
}
