//! The plan: a graph lowered for one purpose, as lists of kernel calls on numbered buffers.
//!
//! [`lower`](Plan::new) turns the graph's layers into forward steps, `passes/` rewrite them, `backward` derives the
//! gradient steps from them, `memory` gives every buffer its place, and [`Engine`] runs the result.

mod arena;
mod backward;
#[cfg(test)]
mod conformance;
mod engine;
#[cfg(test)]
mod equivalence;
mod forward;
mod frozen;
mod memory;
mod op;
mod ops;
mod passes;

pub(crate) use backward::BackwardStep;
pub(crate) use engine::{Engine, Run};
pub(crate) use forward::{ForwardStep, Lowering, Value, gives_probabilities};
pub(crate) use op::{Backward, Forward, Needs, Op, Operation, Param};
pub(crate) use ops::channel_affine::moments_to_affine;
pub(crate) use ops::color::Color;
pub(crate) use ops::elementwise::Extremum;
pub(crate) use ops::noise::Noise;
pub(crate) use ops::recolor::Draw;
pub(crate) use ops::warp::Warp;
pub use passes::Passes;

use super::Graph;
use crate::random::Key;
use memory::{Buffer, Lifetimes};

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Forward in training mode, then backward to the gradients of all trainable weights.
    Train,
    /// Forward in training mode only: to look at augmentations.
    Augment,
    /// Forward in inference mode.
    Infer,
    /// Forward in inference mode, then backward to the gradient of the watched layer's output.
    Explain,
}

/// Steps and the memory that they need.
#[derive(Debug)]
pub(crate) struct Plan {
    pub forward: Vec<ForwardStep>,
    pub backward: Vec<BackwardStep>,
    pub buffers: Vec<Buffer>,
    pub input: usize,
    /// Whether only the first step reads the input, and only forward: then it reads it where it is.
    pub first_alone: bool,
    pub output: usize,
    /// What the output's activation was applied to, for losses that know how to start there.
    pub logits: Option<Logits>,
    /// The buffer that takes the loss's gradient, with respect to `output` or to the logits.
    pub d_output: Option<usize>,
    /// The output of the layer that is watched, and its gradient in a plan that explains: there after a run.
    pub watched: Option<usize>,
    pub d_watched: Option<usize>,
    pub batch: usize,
    /// Floats of activations and activation gradients, bytes of masks, floats of scratch.
    pub arena: usize,
    pub masks: usize,
    pub scratch: usize,
    pub gradients: GradientLayout,
}

/// The values before the model's last activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logits {
    pub value: usize,
    pub activation: FinalActivation,
}

/// Activations that cross-entropy losses see through, as Keras does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinalActivation {
    Softmax,
    Sigmoid,
}

/// Where the gradient of each trainable weight lies in the gradient arena: the weights' order, without gaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GradientLayout {
    /// (offset in the weights' arena, offset in the gradients' arena, length), neighbours merged.
    pub segments: Vec<(usize, usize, usize)>,
    pub len: usize,
}

impl GradientLayout {
    pub(crate) fn new(graph: &Graph) -> Self {
        let mut layout = GradientLayout::default();
        for weight in graph.all_weights().iter().filter(|weight| weight.trainable) {
            let range = weight.weight.range();
            match layout.segments.last_mut() {
                Some((offset, _, len)) if *offset + *len == range.start => *len += range.len(),
                _ => layout.segments.push((range.start, layout.len, range.len())),
            }
            layout.len += range.len();
        }
        layout
    }

    /// The place of the gradient of the weight at `offset`, if it trains.
    fn of(&self, offset: usize) -> Option<usize> {
        let at = self.segments.partition_point(|segment| segment.0 <= offset).checked_sub(1)?;
        let (start, gradient, len) = self.segments[at];
        (offset < start + len).then(|| gradient + offset - start)
    }
}

impl Plan {
    /// Lowers `graph` for batches of up to `batch` samples. `loss_on_logits` lets the loss start before a last softmax
    /// or sigmoid. `key` is the root of the random streams of dropout and augmentation.
    pub(crate) fn new(
        graph: &Graph,
        purpose: Purpose,
        batch: usize,
        loss_on_logits: bool,
        key: Key,
        passes: Passes,
    ) -> Plan {
        Steps::new(graph, purpose, loss_on_logits, key, passes, None).plan(purpose, batch)
    }

    /// A plan for inference with weights that stay as they are: normalizations are folded into `weights` once and for
    /// all, which then serve this plan alone.
    pub(crate) fn with_constant_weights(
        graph: &Graph,
        batch: usize,
        key: Key,
        passes: Passes,
        weights: &mut [f32],
    ) -> Plan {
        let mut steps = Steps::new(graph, Purpose::Infer, false, key, passes, None);
        steps.forward.iter_mut().for_each(|step| step.op.fold_constants(weights));
        steps.plan(Purpose::Infer, batch)
    }

    /// The memory that it runs in, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let gradients = if self.backward.is_empty() { 0 } else { self.gradients.len };
        let floats = self.arena.saturating_add(self.scratch).saturating_add(gradients);
        floats.saturating_mul(size_of::<f32>()).saturating_add(self.masks)
    }

    /// [`Plan::new`] in two plans, of which the first gives the second's input, and gives the same for a sample as long as
    /// the model trains; without such a part the second is the whole.
    pub(crate) fn split(
        graph: &Graph,
        purpose: Purpose,
        batch: usize,
        loss_on_logits: bool,
        key: Key,
        passes: Passes,
    ) -> (Option<Plan>, Plan) {
        let mut rest = Steps::new(graph, purpose, loss_on_logits, key, passes, None);
        let kept: Vec<usize> = [rest.output].into_iter().chain(rest.logits.map(|l| l.value)).collect();
        let frozen = frozen::cut(&rest.forward, &kept).map(|cut| {
            let after = rest.forward.split_off(cut.steps);
            let forward = std::mem::replace(&mut rest.forward, after);
            let input = std::mem::replace(&mut rest.input, cut.value);
            let (values, gradients) = (rest.values.clone(), rest.gradients.clone());
            Steps { values, forward, input, output: cut.value, logits: None, watched: None, gradients }
        });
        (frozen.map(|steps| steps.plan(Purpose::Infer, batch)), rest.plan(purpose, batch))
    }

    /// A plan that keeps the output of the layer at `watched`: the names on the way to it, joined by `/`. The model's
    /// scores are those before a last softmax or sigmoid.
    pub(crate) fn watching(
        graph: &Graph,
        purpose: Purpose,
        batch: usize,
        watched: &str,
        key: Key,
        passes: Passes,
    ) -> Plan {
        Steps::new(graph, purpose, true, key, passes, Some(watched)).plan(purpose, batch)
    }
}

/// Forward steps after the passes, before they have a place in memory.
struct Steps {
    values: Vec<usize>,
    forward: Vec<ForwardStep>,
    input: usize,
    output: usize,
    logits: Option<Logits>,
    watched: Option<usize>,
    gradients: GradientLayout,
}

impl Steps {
    fn new(
        graph: &Graph,
        purpose: Purpose,
        loss_on_logits: bool,
        key: Key,
        passes: Passes,
        watched: Option<&str>,
    ) -> Self {
        let gradients = match purpose {
            // Who asks what a trained model sees asks for no weight's gradient.
            Purpose::Explain => GradientLayout::default(),
            Purpose::Train | Purpose::Augment | Purpose::Infer => GradientLayout::new(graph),
        };
        let training = matches!(purpose, Purpose::Train | Purpose::Augment);
        let lowered = forward::lower(graph, training, &gradients, key, watched);
        let forward::Lowered { values, steps: mut forward, input, output, logits, watched } = lowered;
        let logits = logits.filter(|_| loss_on_logits);
        passes.run(&mut forward, &[Some(output), logits.map(|logits| logits.value), watched], purpose);
        Steps { values, forward, input, output, logits, watched, gradients }
    }

    fn plan(self, purpose: Purpose, batch: usize) -> Plan {
        let Steps { mut values, mut forward, input, output, logits, watched, gradients } = self;
        let start = logits.map_or(output, |logits| logits.value);
        let (backward, d_output, d_watched) = match purpose {
            Purpose::Train | Purpose::Explain => {
                backward::differentiate(&forward, start, watched, &mut values)
            }
            Purpose::Augment | Purpose::Infer => (Vec::new(), None, None),
        };
        let mut lifetimes = Lifetimes::new(&values, batch);
        [watched, d_watched].into_iter().flatten().for_each(|value| lifetimes.keep(value));
        let is_first_alone = |first: &ForwardStep, others: &[ForwardStep]| {
            first.inputs[..] == [input]
                && (backward.is_empty() || !first.op.operation().needs().inputs)
                && others.iter().all(|step| !step.inputs.contains(&input))
                && ![Some(output), Some(start), watched].contains(&Some(input))
        };
        let first_alone = forward.split_first().is_some_and(|(first, others)| is_first_alone(first, others));
        let memory = lifetimes.plan(&mut forward, &backward, input, output, start, d_output);
        Plan {
            forward,
            backward,
            buffers: memory.buffers,
            input,
            first_alone,
            output,
            logits,
            d_output,
            watched,
            d_watched,
            batch,
            arena: memory.arena,
            masks: memory.masks,
            scratch: memory.scratch,
            gradients,
        }
    }
}
