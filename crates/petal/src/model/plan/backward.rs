//! From forward steps to gradient steps.

use smallvec::SmallVec;

use super::forward::{ForwardStep, Value};
use super::op::Op;

/// A step of the backward pass.
#[derive(Debug)]
pub(crate) enum BackwardStep {
    /// The backward call of a forward step.
    Gradient(Gradient),
    /// Adds one contribution to a value's gradient to another.
    Accumulate {
        /// The sum, and its first term.
        into: Value,
        /// The second term.
        from: Value,
    },
    /// The same gradient for several inputs of a sum.
    Copy {
        /// The gradient.
        from: Value,
        /// Its copy.
        to: Value,
    },
}

/// The backward call of a forward step.
#[derive(Debug)]
pub(crate) struct Gradient {
    /// The forward step's number.
    pub step: usize,
    pub d_output: Value,
    /// For each input the buffer of its gradient, if somebody needs it.
    pub d_inputs: SmallVec<[Option<Value>; 2]>,
}

/// For each value, up to the last that a step makes, whether a trainable weight or the watched value lies before it.
pub(super) fn needs_gradient(forward: &[ForwardStep], watched: Option<Value>) -> Vec<bool> {
    let values = forward.iter().flat_map(|step| step.inputs.iter().copied().chain([step.output]));
    let len = values.chain(watched).max().map_or(0, |last| last + 1);
    let mut needed: Vec<bool> = (0..len).map(|value| Some(value) == watched).collect();
    for step in forward {
        needed[step.output] |= trains(step) || step.inputs.iter().any(|&input| needed[input]);
    }
    needed
}

fn trains(step: &ForwardStep) -> bool {
    step.op.operation().params().iter().any(|param| param.gradient.is_some())
}

/// The gradient steps for all trainable weights and for a value that is watched, from the gradient of `start`. Returns
/// them with the buffers of the gradients of `start` and of the watched value; none if there is nothing to train or to
/// watch. Appends the gradients' buffers to `values`.
///
/// A value needs a gradient only if a trainable weight or the watched value lies before it: a frozen prefix and the
/// input have none.
pub(super) fn differentiate(
    forward: &[ForwardStep],
    start: Value,
    watched: Option<Value>,
    values: &mut Vec<usize>,
) -> (Vec<BackwardStep>, Option<Value>, Option<Value>) {
    let needed = needs_gradient(forward, watched);
    if !needed[start] {
        return (Vec::new(), None, None);
    }
    let mut gradients: Vec<Option<Value>> = vec![None; values.len()];
    let new = |like: Value, values: &mut Vec<usize>| {
        values.push(values[like]);
        values.len() - 1
    };
    let d_start = new(start, values);
    gradients[start] = Some(d_start);
    let mut steps = Vec::new();
    for (number, step) in forward.iter().enumerate().rev() {
        let Some(d_output) = gradients[step.output] else { continue };
        if !trains(step) && !step.inputs.iter().any(|&input| needed[input]) {
            // What the watched value is made of.
            continue;
        }
        let wanted = step.inputs.iter().map(|&input| needed[input]);
        let d_inputs: SmallVec<[Option<Value>; 2]> = if matches!(step.op, Op::Add) {
            // The gradient of a sum's inputs is that of the sum: the last one takes over its buffer.
            let last = step.inputs.iter().rposition(|&input| needed[input]);
            wanted
                .enumerate()
                .map(|(i, wanted)| {
                    wanted.then(|| if Some(i) == last { d_output } else { new(step.inputs[i], values) })
                })
                .collect()
        } else {
            step.inputs.iter().map(|&input| needed[input].then(|| new(input, values))).collect()
        };
        if matches!(step.op, Op::Add) {
            let copies = d_inputs.iter().flatten().filter(|&&to| to != d_output);
            steps.extend(copies.map(|&to| BackwardStep::Copy { from: d_output, to }));
        } else {
            steps.push(BackwardStep::Gradient(Gradient {
                step: number,
                d_output,
                d_inputs: d_inputs.clone(),
            }));
        }
        for (&input, d_input) in step.inputs.iter().zip(d_inputs) {
            let Some(from) = d_input else { continue };
            match gradients[input] {
                Some(into) => steps.push(BackwardStep::Accumulate { into, from }),
                None => gradients[input] = Some(from),
            }
        }
    }
    (steps, Some(d_start), watched.and_then(|watched| gradients[watched]))
}
