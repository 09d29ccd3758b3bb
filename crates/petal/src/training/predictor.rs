use ndarray::Array2;
use petal_kernels::Pixels;

use crate::data::memory;
use crate::model::Model;
use crate::model::plan::{Engine, Passes, Plan, Run, gives_probabilities};
use crate::{Error, Result};

/// A model made ready to answer again and again: its plan and its memory are made once. From [`Model::predictor`].
#[derive(Debug)]
pub struct Predictor<'a> {
    model: &'a Model,
    engine: Engine,
    weights: Vec<f32>,
    are_probabilities: bool,
    /// The samples' numbers, on which nothing depends in inference mode.
    samples: Vec<usize>,
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
    pub fn predictor(&self, batch: usize) -> Result<Predictor<'_>> {
        self.check_weights()?;
        let batch = batch.max(1);
        // At least, and so little that the plan's sizes are far from overflowing.
        let inputs = batch.saturating_mul(self.input_shape().elements() * size_of::<f32>());
        memory::check(inputs, || format!("a batch of {batch} samples"))?;
        let mut weights = self.arena().to_vec();
        let plan =
            Plan::with_constant_weights(self.graph(), batch, self.streams(), Passes::default(), &mut weights);
        let are_probabilities = gives_probabilities(self.graph());
        let engine = Engine::new(plan)?;
        Ok(Predictor { model: self, engine, weights, are_probabilities, samples: (0..batch).collect() })
    }
}

impl Predictor<'_> {
    /// The outputs for `inputs`, which are whole samples one after the other.
    ///
    /// # Errors
    /// If they aren't, or are more than the batch.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32]> {
        self.run(inputs.into())
    }

    pub(super) fn run(&mut self, inputs: Pixels<'_>) -> Result<&[f32]> {
        let width = self.model.input_shape().elements();
        let count = inputs.len() / width.max(1);
        if count > self.samples.len() || count * width != inputs.len() {
            let expected = format!("up to {} samples of {width} values", self.samples.len());
            return Err(Error::argument("inputs", format!("{} values", inputs.len()), expected));
        }
        self.engine.forward(Run { samples: &self.samples[..count], epoch: 0 }, inputs, &mut self.weights);
        Ok(self.engine.output(count))
    }

    /// The classes' probabilities for `inputs`, which are whole samples one after the other: `[samples, classes]`, as
    /// [`Model::predict_probabilities`] gives them.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), or if the model's output isn't one row a sample.
    pub fn probabilities(&mut self, inputs: &[f32]) -> Result<Array2<f32>> {
        self.probabilities_of(inputs.into())
    }

    pub(super) fn probabilities_of(&mut self, inputs: Pixels<'_>) -> Result<Array2<f32>> {
        let outputs = self.run(inputs)?.to_vec();
        super::classify::probabilities(self.model, self.model.output_array(outputs), self.are_probabilities)
    }
}
