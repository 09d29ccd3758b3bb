//! The engine that says what is right.
//!
//! It interprets a program step by step as it was written, with plain loops on f64 values. Nothing is fused, nothing is
//! shared, and no kernel of another engine is used: what it computes follows from the documentation of
//! [`Op`](crate::program::Op) alone.
//!
//! Operations are of four kinds, by what makes their gradients:
//! - those that are an affine map around their inputs: [`Affine`], whose gradient is the map's transpose. Most are:
//!   layouts, poolings, warps, dropout, and with clipping the changes of colours;
//! - products with weights: each visits its triples of input, weight and output, for all three directions;
//! - normalizations;
//! - functions of values or rows.

mod affine;
mod changes;
mod color;
mod convolution;
mod image;
mod layout;
mod normalization;
mod pointwise;
mod pooling;
mod random;
mod step;
mod unary;

use std::sync::Arc;

use affine::Affine;
use step::{Call, Derivatives};

use crate::memory;
use crate::program::{
    Engine, Gradient, GradientStep, Gradients, Op, Program, Run, Samples, Step, Value, Weight, WeightNumber,
};
use crate::shape::Shape;
use crate::{Error, Result};

/// A naive engine that computes in f64.
///
/// Weights, inputs and outputs are f32 as everywhere; what is between them isn't rounded. It is far too slow to train
/// with.
///
/// ```
/// use petal::conformance::Reference;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::program::{Engine, Gradient, Mode, Run};
///
/// let x = Input::new([3]);
/// let model = Model::new(&x, &Dense::new(2).use_bias(false).on(&x)?)?;
/// let mut engine = Reference::default();
/// let program = engine.load(model.program(Mode::Infer, Gradient::None), 8)?;
/// engine.set_weights(vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0].into());
/// engine.forward(program, Run { samples: &[0], epoch: 0, seed: 0 }, (&[1.0, 1.0, 1.0][..]).into())?;
/// assert_eq!(engine.output(program, 1), [6.0, 60.0]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Reference {
    programs: Vec<Loaded>,
    weights: Arc<Vec<f32>>,
}

/// A program with the values of its last call.
#[derive(Debug)]
struct Loaded {
    program: Program,
    batch: usize,
    gradients: Gradients,
    /// The shapes of all values, with the gradients' behind them.
    shapes: Vec<Shape>,
    /// `[samples, …]` each; empty before the first call.
    values: Vec<Vec<f64>>,
    /// Where the gradient of each weight that trains begins.
    places: Vec<Option<usize>>,
    weight_gradients: Vec<f32>,
    /// What is seen from outside, `[batch, …]`.
    output: Vec<f32>,
    start: Vec<f32>,
    d_start: Option<Vec<f32>>,
    watched: [Vec<f32>; 2],
}

impl Loaded {
    fn new(program: Program, batch: usize) -> Self {
        let (gradients, shapes) = program.differentiate();
        let mut len = 0;
        let place = |weight: &Weight| {
            let trains = program.gradient == Gradient::Weights && weight.trainable;
            let start = len;
            len += if trains { weight.range().len() } else { 0 };
            trains.then_some(start)
        };
        let places = program.weights.iter().map(place).collect();
        let zeros = |value: Value| vec![0.0; batch * shapes[value].elements()];
        Loaded {
            places,
            weight_gradients: vec![0.0; len],
            output: zeros(program.output),
            start: zeros(program.start()),
            d_start: gradients.seeds.first().copied().flatten().map(zeros),
            watched: [program.watched, gradients.watched].map(|value| value.map_or(Vec::new(), zeros)),
            values: vec![Vec::new(); shapes.len()],
            shapes,
            gradients,
            batch,
            program,
        }
    }

    fn elements(&self, value: Value) -> usize {
        self.shapes[value].elements()
    }

    fn call<'a>(&'a self, step: &'a Step, run: &'a Run<'a>, weights: &'a [f32]) -> Call<'a> {
        Call {
            inputs: step.inputs.iter().map(|&input| self.values[input].as_slice()).collect(),
            shapes: step.inputs.iter().map(|&input| &self.shapes[input]).collect(),
            output: &self.shapes[step.output],
            program: &self.program,
            weights,
            run,
        }
    }

    fn forward(&mut self, run: Run<'_>, inputs: Samples<'_>, weights: &mut Arc<Vec<f32>>) -> Result<()> {
        let samples = run.batch();
        let expected = samples * self.elements(self.program.input);
        if samples > self.batch || inputs.len() != expected {
            return Err(Error::Model(format!(
                "the program of '{}' was loaded for up to {} samples, and {samples} have {expected} values; got {}",
                self.program.name,
                self.batch,
                inputs.len()
            )));
        }
        let input = self.program.input;
        self.values[input] = (0..inputs.len()).map(|i| f64::from(inputs.get(i))).collect();
        for step in &self.program.steps {
            self.values[step.output] = self.call(step, &run, weights).forward(&step.op);
        }
        self.move_statistics(&run, weights);
        round(&self.values[self.program.output], &mut self.output);
        round(&self.values[self.program.start()], &mut self.start);
        if let Some(watched) = self.program.watched {
            round(&self.values[watched], &mut self.watched[0]);
        }
        Ok(())
    }

    fn move_statistics(&self, run: &Run<'_>, weights: &mut Arc<Vec<f32>>) {
        if !self.program.mode.trains() || self.program.gradient != Gradient::Weights {
            return;
        }
        for step in &self.program.steps {
            let Op::BatchNorm(norm) = &step.op else { continue };
            for (weight, moved) in self.call(step, run, weights).moved_statistics(norm) {
                let range = self.program.weights[weight].range();
                Arc::make_mut(weights)[range].copy_from_slice(&moved);
            }
        }
    }

    fn backward(&mut self, run: Run<'_>, weights: &[f32]) -> Result<()> {
        let (Some(seed), Some(d_start)) =
            (self.gradients.seeds.first().copied().flatten(), self.d_start.as_ref())
        else {
            return Err(Error::Model(format!(
                "the program of '{}' has nothing that needs a gradient",
                self.program.name
            )));
        };
        let len = run.batch() * self.elements(seed);
        self.values[seed] = d_start[..len].iter().map(|&value| f64::from(value)).collect();
        let mut sums = vec![0.0; self.weight_gradients.len()];
        for gradient_step in &self.gradients.steps {
            match gradient_step {
                GradientStep::Copy { from, to } => self.values[*to] = self.values[*from].clone(),
                GradientStep::Accumulate { into, from } => {
                    let from = self.values[*from].clone();
                    self.values[*into].iter_mut().zip(from).for_each(|(into, from)| *into += from);
                }
                GradientStep::Gradient { step, d_output, d_inputs } => {
                    let step = &self.program.steps[*step];
                    let call = self.call(step, &run, weights);
                    let (output, d_output) = (&self.values[step.output], &self.values[*d_output]);
                    let Derivatives { inputs, weights } = call.backward(&step.op, output, d_output);
                    for (weight, gradient) in weights {
                        self.add_to(weight, &gradient, &mut sums);
                    }
                    for (d_input, gradient) in d_inputs.iter().zip(inputs) {
                        if let Some(d_input) = *d_input {
                            self.values[d_input] = gradient;
                        }
                    }
                }
            }
        }
        round(&sums, &mut self.weight_gradients);
        if let Some(watched) = self.gradients.watched {
            round(&self.values[watched], &mut self.watched[1]);
        }
        Ok(())
    }

    fn add_to(&self, weight: WeightNumber, gradient: &[f64], sums: &mut [f64]) {
        if let Some(start) = self.places[weight] {
            sums[start..].iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
        }
    }
}

/// The values as f32, in the first places of `to`.
fn round(values: &[f64], to: &mut [f32]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to = *value as f32);
}

impl Engine for Reference {
    fn load(&mut self, program: Program, batch: usize) -> Result<usize> {
        program.check()?;
        let floats = program.values.iter().fold(0usize, |sum, shape| sum.saturating_add(shape.elements()));
        // Once for the values and once for their gradients.
        let bytes = floats.saturating_mul(batch).saturating_mul(2 * size_of::<f64>());
        memory::check(bytes, || format!("a batch of {batch} samples"))?;
        self.programs.push(Loaded::new(program, batch));
        Ok(self.programs.len() - 1)
    }

    fn set_weights(&mut self, weights: Arc<Vec<f32>>) {
        self.weights = weights;
    }

    fn weights(&mut self) -> Arc<Vec<f32>> {
        self.weights.clone()
    }

    fn forward(&mut self, program: usize, run: Run<'_>, inputs: Samples<'_>) -> Result<()> {
        self.programs[program].forward(run, inputs, &mut self.weights)
    }

    fn output(&mut self, program: usize, samples: usize) -> &[f32] {
        let loaded = &self.programs[program];
        &loaded.output[..samples * loaded.elements(loaded.program.output)]
    }

    fn watched(&mut self, program: usize, samples: usize) -> [&[f32]; 2] {
        let loaded = &self.programs[program];
        let len = loaded.program.watched.map_or(0, |watched| samples * loaded.elements(watched));
        loaded.watched.each_ref().map(|values| &values[..len.min(values.len())])
    }

    fn loss(&mut self, program: usize, samples: usize) -> (&[f32], Option<&mut [f32]>) {
        let loaded = &mut self.programs[program];
        let len = samples * loaded.elements(loaded.program.start());
        (&loaded.start[..len], loaded.d_start.as_mut().map(|d_start| &mut d_start[..len]))
    }

    fn backward(&mut self, program: usize, run: Run<'_>) -> Result<()> {
        self.programs[program].backward(run, &self.weights)
    }

    fn gradients(&mut self, program: usize) -> &mut [f32] {
        &mut self.programs[program].weight_gradients
    }

    fn update(&mut self, program: usize, rule: &mut dyn FnMut(&mut [f32], &[f32])) {
        rule(Arc::make_mut(&mut self.weights).as_mut_slice(), &self.programs[program].weight_gradients);
    }
}
