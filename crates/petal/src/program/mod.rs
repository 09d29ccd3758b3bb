//! A model as a list of operations: what is between a graph of layers and whatever computes it.
//!
//! A [`Program`] is plain data, without kernels and without memory: values with their shapes, weights with their names,
//! and steps, each an [`Op`] of settings. [`Graph::program`](crate::model::Graph::program) makes it for one purpose,
//! [`Program::simplify`] rewrites it as any engine likes it, [`Program::differentiate`] gives the steps of its
//! gradients. An [`Engine`] runs it: Petal's own is [`cpu`](crate::cpu), [`Reference`](crate::conformance::Reference) says what is right, and others
//! may be anywhere.
//!
//! ```
//! use petal::layers::*;
//! use petal::model::Model;
//! use petal::program::{Gradient, Mode};
//!
//! let x = Input::image(32, 32, 3);
//! let h = Conv2D::new(8, 3).relu().on(&x)?;
//! let model = Model::new(&x, &Dense::new(5).softmax().on(&GlobalAveragePooling2D::new().on(&h)?)?)?;
//! let program = model.program(Mode::Infer, Gradient::None);
//! assert_eq!(program.steps.len(), 5);
//! println!("{program}");
//! # Ok::<(), petal::Error>(())
//! ```

mod builder;
mod changes;
mod check;
mod collective;
mod differentiate;
mod display;
mod dtype_policy;
mod engine;
mod fold_constants;
mod frozen;
mod head;
mod mix;
mod multiply_adds;
mod op;
mod passes;
mod quantize;
mod random;

use std::ops::Range;

use smallvec::SmallVec;

pub use builder::Builder;
#[cfg(test)]
pub(crate) use changes::homography;
pub use changes::{Change, Changing, RandomChanges};
pub(crate) use check::check_order;
pub use collective::{Collective, PendingSum};
pub use differentiate::{GradientStep, Gradients, Link, differentiate, needs_gradient};
pub(crate) use display::snake_case;
pub use dtype_policy::DTypePolicy;
pub use engine::{Engine, Samples};
pub use mix::{Mix, Mixing, RandomMix};
pub use op::{
    BatchNorm, Conv2d, Dense, FillMode, Grid, Interpolation, LayerNorm, Op, Padding, Unary, Value,
    WeightNumber, Window, moments_to_affine,
};
pub use passes::Passes;
pub(crate) use passes::{absorb, largest_value, producer, readers};
pub(crate) use quantize::kernel_scales;
pub use quantize::{Quantized, Ranges};
pub use random::{
    Noise, RandomCrop, RandomErase, RandomNoise, RandomRecolor, RandomShift, RandomWarp, Recolor, Recoloring,
    Sampling, Shift, Warp, compose,
};

use crate::random::Key;
use crate::shape::Shape;

/// How layers behave that do something else in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As in prediction.
    Infer,
    /// As in prediction, but augmentation layers draw: to average over augmented copies, or to look at them.
    Augment,
    /// As in training: augmentation and dropout draw, batch normalization takes the batch's statistics.
    Train,
}

impl Mode {
    /// Whether augmentation layers draw.
    pub fn augments(self) -> bool {
        self != Mode::Infer
    }

    /// Whether dropout draws and batch normalization takes the batch's statistics.
    pub fn trains(self) -> bool {
        self == Mode::Train
    }
}

/// Which gradients are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradient {
    /// None: forward is all.
    None,
    /// Those by all weights that train.
    Weights,
    /// That by the watched value.
    Watched,
}

/// Steps, and what they work on. Shapes are those of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The model's name.
    pub name: String,
    /// How layers behave.
    pub mode: Mode,
    /// Which gradients are wanted.
    pub gradient: Gradient,
    /// Which numbers are multiplied.
    pub dtype_policy: DTypePolicy,
    /// The shape of each value.
    pub values: Vec<Shape>,
    /// All of the model's weights, in the order in which they lie one after the other.
    pub weights: Vec<Weight>,
    /// In an order in which they can run.
    pub steps: Vec<Step>,
    /// The value that comes from outside.
    pub input: Value,
    /// The model's output.
    pub output: Value,
    /// What the output's activation was applied to, for losses that start there.
    pub logits: Option<Logits>,
    /// A value that the caller wants to know too.
    pub watched: Option<Value>,
}

/// One operation on values: of a program, or an engine's own that it makes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<O = Op> {
    /// What is computed.
    pub op: O,
    /// Of what.
    pub inputs: SmallVec<[Value; 2]>,
    /// The value that it makes.
    pub output: Value,
    /// The path of the layer that it belongs to, names joined by `/`.
    pub layer: String,
}

/// A weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// The path of its layer, and its name.
    pub path: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it begins among all numbers.
    pub offset: usize,
    /// Whether training changes it by gradients.
    pub trainable: bool,
    /// Of numbers that are whole ones times a scale, the scales of the output channels, which are the last axis, or in a
    /// kernel of a depthwise convolution the last two. A kernel's whole numbers are at most 127, a bias' have 32 bits.
    pub scales: Option<Vec<f32>>,
}

impl Weight {
    /// Its place among all numbers.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.shape.iter().product::<usize>()
    }
}

/// The values before the model's last activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logits {
    /// The activation's input.
    pub value: Value,
    /// The activation.
    pub activation: FinalActivation,
}

/// Activations that cross-entropy losses see through, as Keras does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalActivation {
    /// Over all outputs.
    Softmax,
    /// Of each.
    Sigmoid,
}

/// What distinguishes one call of a program from another.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The samples in the batch, by their numbers in the data set.
    pub samples: &'a [usize],
    /// The epoch, from 0 on.
    pub epoch: usize,
    /// The model's seed.
    pub seed: u64,
}

impl Run<'_> {
    /// The number of samples.
    pub fn batch(&self) -> usize {
        self.samples.len()
    }

    /// One random key a sample: what is drawn depends on (seed, stream, epoch, sample) alone.
    pub fn keys(&self, stream: &str) -> impl Iterator<Item = u64> {
        self.keys_below(self.root().named(stream))
    }

    /// The keys of a stream within a stream.
    pub fn keys_within(&self, stream: &str, inner: &str) -> impl Iterator<Item = u64> {
        self.keys_below(self.root().named(stream).named(inner))
    }

    fn root(&self) -> Key {
        Key::new(self.seed).named("layers")
    }

    fn keys_below(&self, stream: Key) -> impl Iterator<Item = u64> {
        let epoch = stream.number(self.epoch as u64);
        self.samples.iter().map(move |&sample| epoch.number(sample as u64).bits())
    }
}

impl Program {
    /// The number of all weights' numbers.
    pub fn count_params(&self) -> usize {
        self.weights.last().map_or(0, |last| last.range().end)
    }

    /// Whether a normalization takes the mean and variance of the batch.
    pub fn has_batch_statistics(&self) -> bool {
        self.steps.iter().any(|step| matches!(&step.op, Op::BatchNorm(norm) if norm.momentum.is_some()))
    }

    /// The values that a loss starts from: the output, or what its activation was applied to.
    pub fn start(&self) -> Value {
        self.logits.map_or(self.output, |logits| logits.value)
    }

    /// Values that stay whatever a pass does: somebody outside reads them.
    pub fn kept(&self) -> [Option<Value>; 3] {
        [Some(self.output), self.logits.map(|logits| logits.value), self.watched]
    }

    /// Lets losses start from the output alone.
    pub fn without_logits(self) -> Self {
        Program { logits: None, ..self }
    }

    /// Whether a weight trains that the step reads.
    pub fn trains(&self, step: &Step) -> bool {
        self.gradient == Gradient::Weights && step.op.weights().any(|weight| self.weights[weight].trainable)
    }

    /// The gradient steps from one loss at [`start`](Program::start), and the shapes of all values with the
    /// gradients' behind them.
    pub fn differentiate(&self) -> (Gradients, Vec<Shape>) {
        let mut values = self.values.clone();
        let links: Vec<Link<'_>> = self.links().collect();
        let watched = self.watched.filter(|_| self.gradient == Gradient::Watched);
        let gradients = match self.gradient {
            Gradient::None => Gradients { seeds: vec![None], ..Gradients::default() },
            Gradient::Weights | Gradient::Watched => {
                differentiate(&links, &[self.start()], watched, &mut values)
            }
        };
        (gradients, values)
    }

    /// The steps as far as gradients go through them.
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> + Clone {
        self.steps.iter().map(|step| Link {
            inputs: &step.inputs,
            output: step.output,
            trains: self.trains(step),
            is_sum: matches!(step.op, Op::Add),
        })
    }

    /// Whether the outputs are probabilities: the program ends with a softmax or sigmoid, or with the mean of several,
    /// as an ensemble does.
    pub fn gives_probabilities(&self) -> bool {
        are_probabilities(&self.steps, self.output)
    }

    fn find_logits(&self) -> Option<Logits> {
        let mut output = self.output;
        let step = self.steps.iter().rev().find(|step| {
            let makes = step.output == output;
            if makes && matches!(step.op, Op::Reshape) {
                output = step.inputs[0];
                return false;
            }
            makes
        })?;
        let activation = match step.op {
            Op::Softmax { .. } => FinalActivation::Softmax,
            Op::Unary(Unary::Sigmoid) => FinalActivation::Sigmoid,
            _ => return None,
        };
        Some(Logits { value: step.inputs[0], activation })
    }
}

fn are_probabilities(steps: &[Step], value: Value) -> bool {
    let Some(last) = steps.iter().rposition(|step| step.output == value) else { return false };
    let (before, step) = (&steps[..last], &steps[last]);
    match step.op {
        Op::Softmax { .. } | Op::Unary(Unary::Sigmoid) => true,
        Op::Reshape => are_probabilities(before, step.inputs[0]),
        Op::Scale { scale, offset: 0.0 } => {
            before.iter().rfind(|sum| sum.output == step.inputs[0]).is_some_and(|sum| {
                let is_mean = matches!(sum.op, Op::Add) && scale == 1.0 / sum.inputs.len() as f32;
                is_mean && sum.inputs.iter().all(|&input| are_probabilities(before, input))
            })
        }
        _ => false,
    }
}
