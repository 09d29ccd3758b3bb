//! The plan: a program as lists of kernel calls on numbered buffers in one arena.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::lower::lower;
use super::memory::{Buffer, Lifetimes};
use super::op::Op;
use super::packed::Packed;
use super::passes::{Passes, quantize};
use crate::memory;
use crate::program::{self, Gradient, GradientStep, Link, Program, Step, Value, Weight, differentiate};

/// Steps and the memory that they need.
#[derive(Debug)]
pub(crate) struct Plan {
    pub forward: Vec<ForwardStep>,
    pub backward: Vec<GradientStep>,
    pub buffers: Vec<Buffer>,
    pub input: Value,
    /// Whether only the first step reads the input, and only forward: then it reads it where it is.
    pub first_alone: bool,
    pub output: Value,
    /// What the loss reads: the output, or what its activation was applied to.
    pub start: Value,
    /// The buffer that takes the loss's gradient.
    pub d_output: Option<Value>,
    /// The value that is watched, and its gradient in a plan that explains: there after a run.
    pub watched: Option<Value>,
    pub d_watched: Option<Value>,
    pub batch: usize,
    /// Floats of activations and activation gradients, bytes of masks, floats of scratch.
    pub arena: usize,
    pub masks: usize,
    pub scratch: usize,
    pub gradients: GradientLayout,
    /// The kernels of weights that stay as they are.
    pub packed: Option<Packed>,
}

/// One call of an operation's forward kernel.
#[derive(Debug)]
pub(crate) struct ForwardStep {
    pub op: Op,
    pub inputs: SmallVec<[Value; 2]>,
    pub output: Value,
    /// Floats kept for the backward step, and bytes of it in the mask arena.
    pub saved: Option<Value>,
    pub mask: Option<(usize, usize)>,
    /// The path of the layer that it belongs to.
    pub layer: String,
}

impl From<Step<Op>> for ForwardStep {
    fn from(Step { op, inputs, output, layer }: Step<Op>) -> Self {
        ForwardStep { op, inputs, output, saved: None, mask: None, layer }
    }
}

impl Step<Op> {
    pub(super) fn link(&self) -> Link<'_> {
        Link {
            inputs: &self.inputs,
            output: self.output,
            trains: self.op.operation().params().iter().any(|param| param.gradient.is_some()),
            is_sum: matches!(self.op, Op::Add),
        }
    }
}

/// The values of a plan that are written and read from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub input: Value,
    pub output: Value,
    pub start: Value,
    pub watched: Option<Value>,
}

impl Ends {
    pub fn kept(&self) -> [Option<Value>; 3] {
        [Some(self.output), Some(self.start), self.watched]
    }

    pub fn largest(&self) -> Value {
        self.kept().into_iter().flatten().max().unwrap_or(0).max(self.input)
    }

    pub fn rename(&mut self, name: impl Fn(Value) -> Value) {
        self.output = name(self.output);
        self.start = name(self.start);
        self.watched = self.watched.map(name);
    }
}

/// Where the gradient of each trainable weight lies in the gradient arena: the weights' order, without gaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GradientLayout {
    /// (offset in the weights' arena, offset in the gradients' arena, length), neighbours merged.
    pub segments: Vec<(usize, usize, usize)>,
    pub len: usize,
}

impl GradientLayout {
    pub(crate) fn new(weights: &[Weight]) -> Self {
        let mut layout = GradientLayout::default();
        for weight in weights.iter().filter(|weight| weight.trainable) {
            let range = weight.range();
            match layout.segments.last_mut() {
                Some((offset, _, len)) if *offset + *len == range.start => *len += range.len(),
                _ => layout.segments.push((range.start, layout.len, range.len())),
            }
            layout.len += range.len();
        }
        layout
    }

    /// The place of the gradient of the weight at `offset`, if it trains.
    pub(super) fn of(&self, offset: usize) -> Option<usize> {
        let at = self.segments.partition_point(|segment| segment.0 <= offset).checked_sub(1)?;
        let (start, gradient, len) = self.segments[at];
        (offset < start + len).then(|| gradient + offset - start)
    }
}

impl Plan {
    /// The plan of `program` for batches of up to `batch` samples.
    pub(crate) fn new(program: Program, batch: usize, passes: Passes) -> Plan {
        Plan::place(Steps::new(program, passes), batch)
    }

    /// A plan with weights that stay as they are: normalizations are folded into `weights` once and for all, which then
    /// serve this plan alone, and kernels are packed if there is memory for it; what is rounded to 8 bits is computed with
    /// bytes. Where there are no normalizations, nobody's weights are copied.
    pub(crate) fn with_constant_weights(
        program: Program,
        batch: usize,
        passes: Passes,
        weights: &mut Arc<Vec<f32>>,
    ) -> Plan {
        let scaled =
            program.weights.iter().filter_map(|weight| Some((weight.offset, weight.scales.clone()?)));
        let scales: BTreeMap<usize, Vec<f32>> = scaled.collect();
        let mut steps = Steps::new(program, passes);
        steps.forward.iter_mut().for_each(|step| step.op.fold_constants(weights));
        let Steps { forward, values, ends, .. } = &mut steps;
        quantize::run(forward, values, &ends.kept(), weights, &scales);
        let len: usize = steps.forward.iter().map(|step| step.op.packed_len()).sum();
        // Without them it is slower, but goes on.
        let fits = memory::check(len.saturating_mul(size_of::<f32>()), String::new).is_ok();
        let packed = fits.then(|| {
            let mut packed = Packed::with_room(len);
            steps.forward.iter_mut().for_each(|step| step.op.pack_constants(weights, &mut packed));
            packed
        });
        Plan { packed, ..Plan::place(steps, batch) }
    }

    /// The memory that it runs in, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let gradients = if self.backward.is_empty() { 0 } else { self.gradients.len };
        let packed = self.packed.as_ref().map_or(0, |packed| packed.len());
        let floats = self.arena.saturating_add(self.scratch).saturating_add(gradients).saturating_add(packed);
        floats.saturating_mul(size_of::<f32>()).saturating_add(self.masks)
    }

    fn place(steps: Steps, batch: usize) -> Plan {
        let Steps { mut values, forward, ends, gradient, gradients } = steps;
        let Ends { input, output, start, watched } = ends;
        let program::Gradients { steps: backward, seeds, watched: d_watched } = match gradient {
            Gradient::None => program::Gradients::default(),
            Gradient::Weights | Gradient::Watched => {
                let links: Vec<Link<'_>> = forward.iter().map(Step::link).collect();
                let watched = watched.filter(|_| gradient == Gradient::Watched);
                differentiate(&links, &[start], watched, &mut values)
            }
        };
        let d_output = seeds.first().copied().flatten();
        let mut lifetimes = Lifetimes::new(&values, batch);
        [watched, d_watched].into_iter().flatten().for_each(|value| lifetimes.keep(value));
        let mut forward: Vec<ForwardStep> = forward.into_iter().map(ForwardStep::from).collect();
        let is_first_alone = |first: &ForwardStep, others: &[ForwardStep]| {
            first.inputs[..] == [input]
                && (backward.is_empty() || !first.op.operation().needs().inputs)
                && others.iter().all(|step| !step.inputs.contains(&input))
                && !ends.kept().contains(&Some(input))
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
            start,
            d_output,
            watched,
            d_watched,
            batch,
            arena: memory.arena,
            masks: memory.masks,
            scratch: memory.scratch,
            gradients,
            packed: None,
        }
    }
}

/// Forward steps after the passes, before they have a place in memory.
struct Steps {
    /// For each value the number of its floats in one sample.
    values: Vec<usize>,
    forward: Vec<Step<Op>>,
    ends: Ends,
    gradient: Gradient,
    gradients: GradientLayout,
}

impl Steps {
    fn new(program: Program, passes: Passes) -> Self {
        let program = program.simplify(passes.simplify);
        let gradients = match program.gradient {
            // Who asks what a trained model sees asks for no weight's gradient.
            Gradient::Watched => GradientLayout::default(),
            Gradient::Weights | Gradient::None => GradientLayout::new(&program.weights),
        };
        let mut forward = lower(&program, &gradients);
        let Program { input, output, watched, gradient, .. } = program;
        let mut ends = Ends { input, output, start: program.start(), watched };
        passes.run(&mut forward, &mut ends, gradient);
        let values = program.values.iter().map(|shape| shape.elements()).collect();
        Steps { values, forward, ends, gradient, gradients }
    }
}
