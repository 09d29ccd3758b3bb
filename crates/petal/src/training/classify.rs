use ndarray::{Array2, ArrayD, ArrayViewD, Axis};

use crate::data::Dataset;
use crate::model::Model;
use crate::model::plan::{Passes, Plan, Purpose};
use crate::{Error, Result};

impl Model {
    /// The classes' probabilities for `inputs`, `[samples, …]`: `[samples, classes]`, rows that sum to 1.
    ///
    /// A model that ends with a softmax gives them itself; logits go through a softmax here. A single output is the
    /// second class's, by its sigmoid unless the model ends with one.
    ///
    /// ```
    /// use ndarray::array;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::new([2]);
    /// let model = Model::new(&x, &Activation::new(Function::Linear).on(&x)?)?;
    /// let probabilities = model.predict_probabilities(array![[0.0, 0.0], [9.0, 0.0]].into_dyn().view())?;
    /// assert_eq!(probabilities[[0, 0]], 0.5);
    /// assert!(probabilities[[1, 0]] > 0.99);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the inputs have another shape than the model takes, or the model's output isn't one row a sample.
    pub fn predict_probabilities(&self, inputs: ArrayViewD<'_, f32>) -> Result<Array2<f32>> {
        self.probabilities(self.predict_array(inputs)?)
    }

    /// As [`Model::predict_probabilities`], for all samples of `data` in their own order.
    ///
    /// # Errors
    /// As [`Model::predict`], or if the model's output isn't one row a sample.
    pub fn classify(&self, data: &dyn Dataset) -> Result<Array2<f32>> {
        self.probabilities(self.predict(data)?)
    }

    /// The probabilities in outputs of the model, `[samples, …]`.
    pub(crate) fn probabilities(&self, outputs: ArrayD<f32>) -> Result<Array2<f32>> {
        let plan = Plan::new(self.graph(), Purpose::Infer, 1, true, self.streams(), Passes::default());
        probabilities(self, outputs, plan.logits.is_some())
    }
}

/// The probabilities in outputs of `model`, `[samples, …]`, which are some already if it ends with a softmax or sigmoid.
pub(super) fn probabilities(
    model: &Model,
    outputs: ArrayD<f32>,
    are_probabilities: bool,
) -> Result<Array2<f32>> {
    let mut outputs = outputs.into_dimensionality::<ndarray::Ix2>().map_err(|_| {
        let (name, shape) = (model.name(), model.output_shape());
        Error::Model(format!("model '{name}' has outputs of shape {shape}, not one value a class"))
    })?;
    if outputs.ncols() == 1 {
        if !are_probabilities {
            outputs.mapv_inplace(|z| 1.0 / (1.0 + (-z).exp()));
        }
        let first = outputs.mapv(|p| 1.0 - p);
        return Ok(ndarray::concatenate![Axis(1), first, outputs]);
    }
    if !are_probabilities {
        for mut row in outputs.rows_mut() {
            let largest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
            row.mapv_inplace(|z| (z - largest).exp());
            let sum = row.sum();
            row.mapv_inplace(|z| z / sum);
        }
    }
    Ok(outputs)
}
