//! From steps to gradient steps.

use smallvec::SmallVec;

use super::op::Value;

/// A step of the backward pass. Values are those of the steps and, behind them, the gradients'.
#[derive(Clone, Debug, PartialEq)]
pub enum GradientStep {
    /// The backward call of a step.
    Gradient {
        /// The step's number.
        step: usize,
        /// The gradient by its output; nobody needs it after this.
        d_output: Value,
        /// For each input the value of its gradient, if somebody needs it.
        d_inputs: SmallVec<[Option<Value>; 2]>,
    },
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

/// A step as far as gradients go through it.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    /// What it reads.
    pub inputs: &'a [Value],
    /// What it makes.
    pub output: Value,
    /// Whether a weight trains that it reads.
    pub trains: bool,
    /// Whether it is a sum, whose gradient is that of each input.
    pub is_sum: bool,
}

/// The gradient steps, and where the gradients lie that are written or read from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradients {
    /// In the order in which they are to run.
    pub steps: Vec<GradientStep>,
    /// For each value with which the gradients begin, that of its gradient; none if there is nothing to train or to
    /// watch before it.
    pub seeds: Vec<Option<Value>>,
    /// The gradient of the watched value.
    pub watched: Option<Value>,
}

/// For each value, up to the last that a step makes, whether a trainable weight or the watched value lies before it.
pub fn needs_gradient<'a>(
    links: impl Iterator<Item = Link<'a>> + Clone,
    watched: Option<Value>,
) -> Vec<bool> {
    let values = links.clone().flat_map(|link| link.inputs.iter().copied().chain([link.output]));
    let len = values.chain(watched).max().map_or(0, |last| last + 1);
    let mut needed: Vec<bool> = (0..len).map(|value| Some(value) == watched).collect();
    for link in links {
        needed[link.output] |= link.trains || link.inputs.iter().any(|&input| needed[input]);
    }
    needed
}

/// The gradient steps for all trainable weights and for a value that is watched, from the gradients of `starts`: one
/// for each loss. Appends to `values`, which say what a value is like, those of the gradients.
///
/// A value needs a gradient only if a trainable weight or the watched value lies before it: a frozen prefix and the
/// input have none.
pub fn differentiate<V: Clone>(
    links: &[Link<'_>],
    starts: &[Value],
    watched: Option<Value>,
    values: &mut Vec<V>,
) -> Gradients {
    let needed = needs_gradient(links.iter().cloned(), watched);
    let needs = |value: Value| needed.get(value).copied().unwrap_or(false);
    let mut gradients: Vec<Option<Value>> = vec![None; values.len()];
    let new = |like: Value, values: &mut Vec<V>| {
        values.push(values[like].clone());
        values.len() - 1
    };
    let mut seeds = Vec::with_capacity(starts.len());
    for &start in starts {
        if needs(start) && gradients[start].is_none() {
            gradients[start] = Some(new(start, values));
        }
        seeds.push(gradients[start]);
    }
    let mut steps = Vec::new();
    for (number, link) in links.iter().enumerate().rev() {
        let Some(d_output) = gradients[link.output] else { continue };
        if !link.trains && !link.inputs.iter().any(|&input| needs(input)) {
            // What the watched value is made of.
            continue;
        }
        // The gradient of a sum's inputs is that of the sum: the last one takes over its value.
        let last = link.inputs.iter().rposition(|&input| needs(input)).filter(|_| link.is_sum);
        let d_input = |(i, &input): (usize, &Value)| {
            needs(input).then(|| if Some(i) == last { d_output } else { new(input, values) })
        };
        let d_inputs: SmallVec<[Option<Value>; 2]> = link.inputs.iter().enumerate().map(d_input).collect();
        if link.is_sum {
            let copies = d_inputs.iter().flatten().filter(|&&to| to != d_output);
            steps.extend(copies.map(|&to| GradientStep::Copy { from: d_output, to }));
        } else {
            steps.push(GradientStep::Gradient { step: number, d_output, d_inputs: d_inputs.clone() });
        }
        for (&input, d_input) in link.inputs.iter().zip(d_inputs) {
            let Some(from) = d_input else { continue };
            match gradients[input] {
                Some(into) => steps.push(GradientStep::Accumulate { into, from }),
                None => gradients[input] = Some(from),
            }
        }
    }
    Gradients { steps, seeds, watched: watched.and_then(|watched| gradients[watched]) }
}
