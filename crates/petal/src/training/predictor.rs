use std::fmt;
use std::sync::Arc;

use ndarray::Array2;

use super::evaluate::output_array;
use super::views::Views;
use crate::calibration::familiarities;
use crate::memory;
use crate::model::{Model, Shape};
use crate::program::{Engine, Program, Run, Samples};
use crate::{Error, Result};

/// A model made ready to answer again and again: its plan and its memory are made once. From [`Model::predictor`]; it
/// goes on without the model, in any thread.
pub struct Predictor {
    name: String,
    input_shape: Shape,
    output_shape: Shape,
    seed: u64,
    engine: Box<dyn Engine>,
    program: usize,
    /// What logits are divided by; none where the outputs are probabilities.
    temperature: Option<f32>,
    /// What the model is shown of each sample, where it isn't the sample alone.
    views: Option<Views>,
    /// How many samples the last call had.
    last: usize,
    /// The samples' numbers, on which nothing depends in inference mode.
    samples: Vec<usize>,
}

impl fmt::Debug for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Predictor of {}, up to {} samples>", self.name, self.samples.len())
    }
}

impl Model {
    /// The model ready to answer for up to `batch` samples at a time, in inference mode.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::new([2]);
    /// let model = Model::new(&x, &Activation::new(Function::Relu).on(&x)?)?;
    /// let mut predictor = model.predictor(32)?;
    /// assert_eq!(predictor.predict(&[1.0, -1.0])?, [1.0, 0.0]);
    /// assert_eq!(predictor.predict(&[-2.0, 3.0, 4.0, 5.0])?, [0.0, 3.0, 4.0, 5.0]);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the model has weights that are no numbers, or there is too little memory for so many samples.
    pub fn predictor(&self, batch: usize) -> Result<Predictor> {
        self.check_weights()?;
        let (program, weights) = self.inference()?;
        Predictor::new(self, program, weights, batch)
    }

    /// As [`predictor`](Self::predictor), of a model that isn't needed any more: its weights are taken, where they would be
    /// copied to make normalizations part of them.
    ///
    /// # Errors
    /// As [`predictor`](Self::predictor).
    pub fn into_predictor(mut self, batch: usize) -> Result<Predictor> {
        self.check_weights()?;
        let (program, weights) = self.inference()?;
        drop(self.take_weights());
        Predictor::new(&self, program, weights, batch)
    }
}

impl Predictor {
    /// Of a program that gives the model's outputs with these weights.
    pub(super) fn new(
        model: &Model,
        program: Program,
        weights: Arc<Vec<f32>>,
        batch: usize,
    ) -> Result<Predictor> {
        let batch = batch.max(1);
        // At least, and so little that the plan's sizes are far from overflowing.
        let inputs = batch.saturating_mul(model.input_shape().elements() * size_of::<f32>());
        memory::check(inputs, || format!("a batch of {batch} samples"))?;
        let temperature = (!program.gives_probabilities()).then_some(model.temperature());
        let mut engine = model.new_engine();
        let program = engine.load(program, batch)?;
        engine.set_weights(weights);
        engine.fix_weights();
        Ok(Predictor {
            name: model.name().to_owned(),
            input_shape: model.input_shape().clone(),
            output_shape: model.output_shape().clone(),
            seed: model.seed(),
            engine,
            program,
            temperature,
            views: None,
            last: 0,
            samples: (0..batch).collect(),
        })
    }

    /// The same with probabilities that are the mean over several views of each image: itself, its mirror image, its middle
    /// enlarged by a ninth and that mirrored, then its corners and those mirrored; 12 at most. It takes as many times as
    /// long, and is often a little more right.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(2, 2, 1);
    /// let model = Model::new(&x, &Flatten::new().on(&x)?)?;
    /// let mut predictor = model.predictor(32)?.views(2)?;
    /// let probabilities = predictor.probabilities(&[0.0, 1.0, 2.0, 5.0])?;
    /// assert_eq!(probabilities[[0, 0]], probabilities[[0, 1]]);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the model takes no images, or there aren't so many views.
    pub fn views(self, count: usize) -> Result<Self> {
        Ok(Predictor { views: Some(Views::new(&self.input_shape, count)?), ..self })
    }

    /// The outputs for `inputs`, which are whole samples one after the other.
    ///
    /// # Errors
    /// If they aren't, or are more than the batch.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32]> {
        self.run(inputs.into())
    }

    pub(super) fn run(&mut self, inputs: Samples<'_>) -> Result<&[f32]> {
        let width = self.input_shape.elements();
        let count = inputs.len() / width.max(1);
        if count > self.samples.len() || count * width != inputs.len() {
            let expected = format!("up to {} samples of {width} values", self.samples.len());
            return Err(Error::argument("inputs", format!("{} values", inputs.len()), expected));
        }
        let run = Run { samples: &self.samples[..count], epoch: 0, seed: self.seed };
        self.engine.forward(self.program, run, inputs)?;
        self.last = count;
        Ok(self.engine.output(self.program, count))
    }

    /// The classes' probabilities for `inputs`, which are whole samples one after the other: `[samples, classes]`, as
    /// [`Model::predict_probabilities`] gives them.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), or if the model's output isn't one row a sample.
    pub fn probabilities(&mut self, inputs: &[f32]) -> Result<Array2<f32>> {
        self.probabilities_of(inputs.into())
    }

    /// How familiar the samples of the last call look, of a model that gives logits: see
    /// [`Familiarity`](crate::calibration::Familiarity). Of one that gives probabilities it says nothing of use.
    pub fn familiarity(&mut self) -> Vec<f32> {
        let outputs = self.engine.output(self.program, self.last).to_vec();
        familiarities(&output_array(&self.output_shape, outputs))
    }

    pub(super) fn probabilities_of(&mut self, inputs: Samples<'_>) -> Result<Array2<f32>> {
        let Some(views) = self.views.take() else { return self.of_one_view(inputs) };
        let mut sum: Option<Array2<f32>> = None;
        let seen = views.each(inputs, |view| {
            let probabilities = self.of_one_view(view)?;
            sum = Some(match sum.take() {
                Some(sum) => sum + probabilities,
                None => probabilities,
            });
            Ok(())
        });
        let count = views.count() as f32;
        self.views = Some(views);
        seen?;
        Ok(sum.expect("there is at least one view") / count)
    }

    fn of_one_view(&mut self, inputs: Samples<'_>) -> Result<Array2<f32>> {
        let outputs = self.run(inputs)?.to_vec();
        let outputs = output_array(&self.output_shape, outputs);
        super::classify::probabilities(&self.name, outputs, self.temperature)
    }
}
