use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::classify::{Prediction, predict_classes};
use super::{Predictor, largest_batch};
use crate::data::{Dataset, prefetch};
use crate::model::Model;
use crate::program::{Gradient, Mode, Passes, Program, Quantized, Value};
use crate::{Error, Result};

/// A model that computes with 8-bit numbers, to be exported: [`Model::quantize`] makes it.
///
/// Petal runs it with floats that are rounded as the 8-bit numbers are, so it is as accurate as the exported file is,
/// and not faster than the model.
#[derive(Clone, Debug)]
pub struct QuantizedModel {
    pub(crate) model: Model,
    pub(crate) quantized: Quantized,
}

impl Model {
    /// The model with 8-bit numbers in place of floats: a quarter of the size when it is exported, and
    /// faster on processors that multiply bytes.
    ///
    /// Kernels are rounded to 255 steps for each output channel, and what convolutions, dense layers, sums and means
    /// read and make to 256. The range of those numbers is the one that they have for `data`: some hundred samples like
    /// those that the model is for are enough, their labels don't matter.
    ///
    /// ```
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    ///
    /// let x = Input::image(8, 8, 3);
    /// let h = Conv2D::new(8, 3).relu().on(&Rescaling::new(1.0 / 255.0).on(&x)?)?;
    /// let model = Model::new(&x, &Dense::new(2).on(&Flatten::new().on(&h)?)?)?;
    /// let photos = ndarray::Array::from_shape_fn([20, 8, 8, 3], |(n, y, x, c)| ((n + y * x + c) * 7 % 256) as f32);
    /// let data = ArrayDataset::new(photos, &[0; 20])?;
    /// let quantized = model.quantize(&data)?;
    /// assert_eq!(quantized.predict_classes(&data)?.len(), 20);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there are no samples or they have another shape than the model takes, the model has weights that are no
    /// numbers or no layer that can be computed with 8 bits, there is too little memory, or the samples' numbers in the
    /// model are infinite.
    pub fn quantize(&self, data: &dyn Dataset) -> Result<QuantizedModel> {
        self.check_input(data.sample_shape())?;
        self.check_weights()?;
        if data.is_empty() {
            return Err(Error::Data("the data set is empty; expected some hundred samples".into()));
        }
        let program = self.program(Mode::Infer, Gradient::None).simplify(Passes::default());
        let values = program.values_to_quantize();
        if values.is_empty() {
            return Err(Error::Model(format!(
                "model '{}' has no layer that can be computed with 8-bit numbers; expected a convolution or dense layer",
                self.name()
            )));
        }
        let ranges = self.ranges(&program, values, data)?;
        Ok(QuantizedModel { model: self.clone(), quantized: program.quantize(self.arena(), &ranges) })
    }

    /// The ranges of values for all samples.
    fn ranges(
        &self,
        program: &Program,
        values: Vec<Value>,
        data: &dyn Dataset,
    ) -> Result<BTreeMap<Value, [f32; 2]>> {
        let extremes = program.extremes(&values);
        let mut predictor = Predictor::new(self, extremes, self.shared_weights(), largest_batch(data))?;
        let mut largest = vec![f32::NEG_INFINITY; 2 * values.len()];
        let order: Vec<usize> = (0..data.len()).collect();
        prefetch(data, 0, &order, |batch| {
            for sample in predictor.run((&batch.inputs).into())?.chunks_exact(2 * values.len()) {
                largest.iter_mut().zip(sample).for_each(|(largest, value)| *largest = largest.max(*value));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if largest.iter().any(|value| !value.is_finite()) {
            return Err(Error::Model(format!(
                "model '{}' has no finite numbers in it for these samples, so they have no range; train it anew, with a \
                 smaller learning rate",
                self.name()
            )));
        }
        let (high, low) = largest.split_at(values.len());
        let ranges = low.iter().zip(high).map(|(low, high)| [-low, *high]);
        Ok(values.iter().copied().zip(ranges).collect())
    }
}

impl QuantizedModel {
    /// The most probable class of each sample of `data`, as [`Model::predict_classes`].
    ///
    /// # Errors
    /// As [`Model::predict_classes`].
    pub fn predict_classes(&self, data: &dyn Dataset) -> Result<Vec<Prediction>> {
        self.model.check_input(data.sample_shape())?;
        predict_classes(&mut self.predictor(largest_batch(data))?, data)
    }

    /// Ready to answer for up to `batch` samples at a time, as [`Model::predictor`].
    ///
    /// # Errors
    /// If there is too little memory for so many samples.
    pub fn predictor(&self, batch: usize) -> Result<Predictor> {
        let Quantized { program, weights, .. } = &self.quantized;
        Predictor::new(&self.model, program.clone(), Arc::new(weights.clone()), batch)
    }
}
