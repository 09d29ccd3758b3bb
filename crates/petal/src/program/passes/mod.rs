//! Rewrites of a program that any engine profits from. They never change results beyond f32 rounding; only
//! `compose_warps` makes augmented images that are sharper.

mod compose_warps;
mod fold_batch_norm;
mod fold_padding;

use super::{Program, Step, Value};

/// Which rewrites are made. All are by default; tests compare with [`Passes::none`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Neighbouring random flips, rotations, translations and zooms are composed and the image sampled once: the same
    /// random maps, one blending of pixels instead of several.
    pub compose_warps: bool,
    /// A batch normalization with fixed statistics becomes part of the layer before it, also while its gamma and beta
    /// train.
    pub fold_batch_norm: bool,
    /// Zeros around an image become the padding of the convolution after them.
    pub fold_padding: bool,
}

impl Default for Passes {
    fn default() -> Self {
        Passes { compose_warps: true, fold_batch_norm: true, fold_padding: true }
    }
}

impl Passes {
    /// The program as it was lowered.
    pub fn none() -> Self {
        Passes { compose_warps: false, fold_batch_norm: false, fold_padding: false }
    }
}

impl Program {
    /// Rewrites the program. In debug builds it is checked after each pass.
    pub fn simplify(mut self, passes: Passes) -> Self {
        type Pass = fn(&mut Program);
        let list: [(bool, Pass); 3] = [
            (passes.compose_warps, compose_warps::run),
            (passes.fold_batch_norm, fold_batch_norm::run),
            (passes.fold_padding, fold_padding::run),
        ];
        for (_, pass) in list.into_iter().filter(|(wanted, _)| *wanted) {
            pass(&mut self);
            debug_assert_eq!(self.check().map_err(|problem| problem.to_string()), Ok(()), "after a pass");
        }
        self
    }
}

/// Removes each step that becomes part of the one before it: `absorb(before, step)` changes the operation of the step
/// that makes the only input, if that is read by nobody else, and says whether it did.
pub(crate) fn absorb<O>(
    steps: &mut Vec<Step<O>>,
    kept: &[Option<Value>],
    absorb: impl Fn(&mut O, &O) -> bool,
) {
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

/// The largest number of a value that is read or made.
pub(crate) fn largest_value<O>(steps: &[Step<O>]) -> Option<Value> {
    steps.iter().flat_map(|step| step.inputs.iter().chain([&step.output])).max().copied()
}

/// How many steps read each value.
pub(crate) fn readers<O>(steps: &[Step<O>]) -> Vec<usize> {
    let mut readers = vec![0; largest_value(steps).map_or(0, |largest| largest + 1)];
    for step in steps {
        let mut inputs = step.inputs.clone();
        inputs.sort_unstable();
        inputs.dedup();
        inputs.iter().for_each(|&input| readers[input] += 1);
    }
    readers
}

/// The step that makes the only input of step `at`, if nobody else reads that value.
pub(crate) fn producer<O>(
    steps: &[Step<O>],
    readers: &[usize],
    kept: &[Option<Value>],
    at: usize,
) -> Option<usize> {
    let [input] = steps[at].inputs[..] else { return None };
    if readers[input] > 1 || kept.contains(&Some(input)) {
        return None;
    }
    steps[..at].iter().rposition(|step| step.output == input)
}
