use std::ops::ControlFlow;

use ndarray::{Array2, ArrayD, ArrayView1, ArrayViewD, Axis};

use super::{Predictor, largest_batch};
use crate::calibration::familiarities;
use crate::data::{Dataset, Part, check_complete, measured_prefetch, prefetch};
use crate::metrics::arg_max;
use crate::model::{Model, Shape};
use crate::program::{Gradient, Mode};
use crate::{Error, Result};

/// What a sample was taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The most probable class: its index.
    pub class: usize,
    /// Its probability, in 0..=1.
    pub probability: f32,
}

impl Prediction {
    /// What samples with these probabilities, `[samples, classes]`, are taken for.
    pub(crate) fn of(probabilities: &Array2<f32>) -> Vec<Prediction> {
        let most_probable = |row: ArrayView1<'_, f32>| {
            let class = arg_max(&row.to_vec());
            Prediction { class, probability: row[class] }
        };
        probabilities.rows().into_iter().map(most_probable).collect()
    }
}

impl Model {
    /// The classes' probabilities for `inputs`, `[samples, …]`: `[samples, classes]`, rows that sum to 1.
    ///
    /// A model that ends with a softmax, or with the mean of several, gives them itself; logits are divided
    /// by the model's [`temperature`](Model::temperature) and go through a softmax here. A single output is the second class's, by its sigmoid unless the model ends with one.
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
    /// If the inputs have another shape than the model takes, the model's output isn't one row a sample, or an output is
    /// no number.
    pub fn predict_probabilities(&self, inputs: ArrayViewD<'_, f32>) -> Result<Array2<f32>> {
        self.probabilities(self.predict_array(inputs)?)
    }

    /// As [`Model::predict_probabilities`], for all samples of `data` in their own order.
    ///
    /// # Errors
    /// As [`Model::predict`], or if the model's output isn't one row a sample, or an output is no number.
    pub fn classify(&self, data: &dyn Dataset) -> Result<Array2<f32>> {
        self.probabilities(self.predict(data)?)
    }

    /// As [`Model::classify`], and how familiar each sample looks: see [`Familiarity`](crate::calibration::Familiarity).
    ///
    /// # Errors
    /// As [`Model::classify`], or if the model gives probabilities instead of logits.
    pub fn classify_with_familiarity(&self, data: &dyn Dataset) -> Result<(Array2<f32>, Vec<f32>)> {
        self.check_logits()?;
        let outputs = self.predict(data)?;
        let familiarities = familiarities(&outputs);
        Ok((self.probabilities(outputs)?, familiarities))
    }

    /// As [`Model::classify_with_familiarity`], with probabilities that are the mean over several views of each image: see
    /// [`Predictor::views`]. Familiarity is that of the image itself, and of no use where the model gives probabilities.
    ///
    /// # Errors
    /// As [`Model::classify`], or if the model takes no images, or there aren't so many views.
    pub fn classify_views(&self, data: &dyn Dataset, views: usize) -> Result<(Array2<f32>, Vec<f32>)> {
        self.check_input(data.sample_shape())?;
        let mut predictor = self.predictor(largest_batch(data))?.views(views)?;
        let (mut rows, mut familiarities) = (Vec::new(), Vec::with_capacity(data.len()));
        let order: Vec<usize> = (0..data.len()).collect();
        measured_prefetch(data, 0, &order, Part::WHOLE, self.profile(), |batch| {
            rows.extend(predictor.probabilities_of((&batch.inputs).into())?);
            familiarities.extend(predictor.familiarity());
            Ok(ControlFlow::Continue(()))
        })?;
        check_complete(data, familiarities.len())?;
        let classes = rows.len() / familiarities.len().max(1);
        let probabilities = Array2::from_shape_vec((familiarities.len(), classes), rows);
        Ok((probabilities.expect("each sample has one row"), familiarities))
    }

    /// The most probable class of each sample of `data`, in their own order. It keeps one answer a sample, where
    /// [`Model::classify`] keeps one number a sample and class.
    ///
    /// ```
    /// use ndarray::array;
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::new([2]);
    /// let model = Model::new(&x, &Activation::new(Function::Linear).on(&x)?)?;
    /// let data = ArrayDataset::new(array![[0.0, 9.0], [9.0, 0.0]], &[0, 0])?;
    /// let predictions = model.predict_classes(&data)?;
    /// assert_eq!([predictions[0].class, predictions[1].class], [1, 0]);
    /// assert!(predictions[0].probability > 0.99);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::classify`].
    pub fn predict_classes(&self, data: &dyn Dataset) -> Result<Vec<Prediction>> {
        self.check_input(data.sample_shape())?;
        let mut predictor = self.predictor(largest_batch(data))?;
        predict_classes(&mut predictor, data)
    }

    /// The probabilities in outputs of the model, `[samples, …]`.
    pub(crate) fn probabilities(&self, outputs: ArrayD<f32>) -> Result<Array2<f32>> {
        self.probabilities_at(outputs, self.temperature())
    }

    /// The probabilities in outputs of the model, `[samples, …]`, as they are at this temperature.
    pub(crate) fn probabilities_at(&self, outputs: ArrayD<f32>, temperature: f32) -> Result<Array2<f32>> {
        probabilities(self.name(), outputs, (!self.gives_probabilities()).then_some(temperature))
    }

    /// Refuses a model whose outputs are probabilities already.
    pub(crate) fn check_logits(&self) -> Result<()> {
        if !self.gives_probabilities() {
            return Ok(());
        }
        Err(Error::Model(format!(
            "model '{}' ends with a softmax or sigmoid; expected one that gives logits, which calibration is about: leave \
             its last activation out, and train with a loss from_logits()",
            self.name()
        )))
    }

    fn gives_probabilities(&self) -> bool {
        self.program(Mode::Infer, Gradient::None).gives_probabilities()
    }
}

/// The most probable class of each sample, in their own order.
pub(super) fn predict_classes(predictor: &mut Predictor, data: &dyn Dataset) -> Result<Vec<Prediction>> {
    let mut predictions = Vec::with_capacity(data.len());
    let order: Vec<usize> = (0..data.len()).collect();
    prefetch(data, 0, &order, |batch| {
        let probabilities = predictor.probabilities_of((&batch.inputs).into())?;
        predictions.extend(Prediction::of(&probabilities));
        Ok(ControlFlow::Continue(()))
    })?;
    check_complete(data, predictions.len())?;
    Ok(predictions)
}

/// The probabilities in outputs of the model of this name, `[samples, …]`: logits that are divided by the temperature, or probabilities
/// already if there is none.
pub(super) fn probabilities(
    name: &str,
    outputs: ArrayD<f32>,
    temperature: Option<f32>,
) -> Result<Array2<f32>> {
    if outputs.iter().any(|value| !value.is_finite()) {
        return Err(Error::Model(format!(
            "model '{name}' gives answers that are no numbers (NaN or infinite): its training has diverged, or the inputs are \
             no numbers; train it anew, with a smaller learning rate"
        )));
    }
    let shape = Shape::from(&outputs.shape()[1..]);
    let mut outputs = outputs.into_dimensionality::<ndarray::Ix2>().map_err(|_| {
        Error::Model(format!("model '{name}' has outputs of shape {shape}, not one value a class"))
    })?;
    if outputs.ncols() == 1 {
        if let Some(temperature) = temperature {
            outputs.mapv_inplace(|z| 1.0 / (1.0 + (-z / temperature).exp()));
        }
        let first = outputs.mapv(|p| 1.0 - p);
        return Ok(ndarray::concatenate![Axis(1), first, outputs]);
    }
    if let Some(temperature) = temperature {
        for mut row in outputs.rows_mut() {
            let largest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
            row.mapv_inplace(|z| ((z - largest) / temperature).exp());
            let sum = row.sum();
            row.mapv_inplace(|z| z / sum);
        }
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use crate::layers::*;
    use crate::model::Model;

    #[test]
    fn the_mean_of_probabilities_is_not_taken_for_logits() {
        let x = Input::new([2]);
        let softmax = |scale: f64| Softmax::new().on(&Rescaling::new(scale).on(&x).unwrap()).unwrap();
        let mean = Average::new().on([&softmax(1.0), &softmax(-3.0)]).unwrap();
        let inputs = array![[0.5, 2.0]].into_dyn();
        let ensemble = Model::new(&x, &mean).unwrap();
        let outputs = ensemble.predict_array(inputs.view()).unwrap();
        assert_eq!(ensemble.predict_probabilities(inputs.view()).unwrap().into_dyn(), outputs);
        assert_eq!(ensemble.predictor(1).unwrap().probabilities(&[0.5, 2.0]).unwrap().into_dyn(), outputs);
        // Half a softmax, or the mean of logits, is none.
        for other in
            [Rescaling::new(0.5).on(&softmax(1.0)).unwrap(), Average::new().on([&softmax(1.0), &x]).unwrap()]
        {
            let model = Model::new(&x, &other).unwrap();
            let probabilities = model.predict_probabilities(inputs.view()).unwrap();
            assert!((probabilities.sum() - 1.0).abs() < 1e-6);
            assert_ne!(probabilities.into_dyn(), model.predict_array(inputs.view()).unwrap());
        }
    }
}
