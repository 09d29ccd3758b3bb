use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Predictor, largest_batch};
use crate::data::{Dataset, prefetch};
use crate::model::Model;
use crate::program::{Gradient, Mode, Passes, Program, Quantized, Value, kernel_scales};
use crate::{Error, Result};

impl Model {
    /// The model with 8-bit numbers in place of floats: a quarter of the size when it is saved or exported, and faster,
    /// by up to four times where the processor multiplies bytes (VNNI).
    ///
    /// Kernels are rounded to 255 steps for each output channel, and what convolutions, dense layers, sums and means
    /// read and make to 256. The range of those numbers is the one that they have for `data`: some hundred samples like
    /// those that the model is for are enough, their labels don't matter.
    ///
    /// It predicts, evaluates, saves (`.petal`) and exports (ONNX) as any model does; to be trained it is too coarse.
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
    /// assert!(quantized.is_quantized());
    /// assert_eq!(quantized.predict_classes(&data)?.len(), 20);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is quantized already, there are no samples or they have another shape than the model takes, the model has weights that are no
    /// numbers or no layer that can be computed with 8 bits, there is too little memory, or the samples' numbers in the
    /// model are infinite.
    pub fn quantize(&self, data: &dyn Dataset) -> Result<Model> {
        if self.is_quantized() {
            return Err(Error::Model(format!("model '{}' computes with 8-bit numbers already", self.name())));
        }
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
        let ranges = program.ranges(self.measured_ranges(&program, &values, data)?);
        let mut model = self.clone();
        let by_value = program.by_value(&ranges)?;
        model.round_kernels(&program.quantize(self.arena(), &by_value).program);
        model.ranges = Some(Arc::new(ranges));
        // What an optimizer has seen is of no use any more.
        if let Some(compiled) = &mut model.compiled {
            compiled.state = None;
        }
        Ok(model)
    }

    /// Whether it computes with 8-bit numbers: [`quantize`](Model::quantize) has made it.
    pub fn is_quantized(&self) -> bool {
        self.ranges.is_some()
    }

    /// What the model infers by: its program, with 8-bit numbers if it is quantized, and the weights of that.
    pub(crate) fn inference(&self) -> Result<(Program, Arc<Vec<f32>>)> {
        let program = self.program(Mode::Infer, Gradient::None);
        let Some(ranges) = &self.ranges else { return Ok((program, self.shared_weights())) };
        let program = program.simplify(Passes::default());
        let ranges = program.by_value(ranges)?;
        let Quantized { program, weights } = program.quantize(self.arena(), &ranges);
        Ok((program, Arc::new(weights)))
    }

    /// The number of output channels of each kernel that is rounded in this program, by its path.
    pub(crate) fn rounded_kernels(program: &Program) -> impl Iterator<Item = (&str, usize)> {
        let kernels = program.weights.iter().filter(|weight| weight.shape.len() > 1);
        kernels.filter_map(|weight| Some((&*weight.path, weight.scales.as_ref()?.len())))
    }

    /// Rounds the kernels as they are when normalizations have become part of them, which changes only the scales: so the
    /// saved model is the same.
    fn round_kernels(&mut self, quantized: &Program) {
        for (path, channels) in Model::rounded_kernels(quantized) {
            let Some(weight) = quantized.weights.iter().find(|weight| weight.path == path) else { continue };
            let kernel = &mut self.arena_mut()[weight.range()];
            let scales = kernel_scales(kernel, channels);
            for (i, value) in kernel.iter_mut().enumerate() {
                let scale = scales[i % channels];
                *value = (*value / scale).round_ties_even() * scale;
            }
        }
    }

    /// The ranges of values for all samples.
    fn measured_ranges(
        &self,
        program: &Program,
        values: &[Value],
        data: &dyn Dataset,
    ) -> Result<impl Iterator<Item = [f32; 2]> + use<>> {
        let extremes = program.extremes(values);
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
        let low = largest.split_off(values.len());
        Ok(low.into_iter().zip(largest).map(|(low, high)| [-low, high]))
    }
}
