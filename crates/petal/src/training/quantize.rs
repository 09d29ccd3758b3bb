use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Predictor, largest_batch};
use crate::data::{Dataset, prefetch};
use crate::model::Model;
use crate::program::{Gradient, Mode, Op, Passes, Program, Quantized, Value, kernel_scales};
use crate::{Error, Result};

impl Model {
    /// The model with 8-bit numbers in place of floats: a quarter of the size when it is saved or exported, and faster,
    /// by up to four times where the processor multiplies bytes (VNNI).
    ///
    /// Kernels are rounded to 255 steps for each output channel, and what convolutions, dense layers, sums and means
    /// read and make to 256. The range of those numbers is the one that they have in the mean for samples of `data`, beyond
    /// which they are cut off: some hundred samples like those that the model is for are enough, their labels don't matter.
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
        let by_value = program.by_value(&ranges)?;
        let means = self.measured_means(&program, data)?;
        let mut model = self.clone();
        model.round_kernels(&program.clone().quantize(self.arena(), &by_value).program);
        model.correct_biases(self.arena(), &program, &means);
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

    /// Moves what is added to each output channel by what rounding the kernels, which were `before`, has changed in its mean
    /// (Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction", with measured means):
    /// without this a fine-tuned network loses several percent of its right answers.
    fn correct_biases(&mut self, before: &[f32], program: &Program, means: &BTreeMap<Value, Vec<f32>>) {
        for step in &program.steps {
            let (kernel, bias, norm, depthwise) = match &step.op {
                Op::Conv2d(conv) if conv.groups == 1 => (conv.kernel, conv.bias, &conv.norm, false),
                Op::DepthwiseConv2d(conv) => (conv.kernel, conv.bias, &conv.norm, true),
                Op::Dense(dense) => (dense.kernel, dense.bias, &dense.norm, false),
                _ => continue,
            };
            let Some(means) = means.get(&step.inputs[0]) else { continue };
            // A normalization subtracts a mean, which moves with the sum's.
            let (to, sign) = match (norm, bias) {
                (Some(norm), _) => (norm.mean, 1.0),
                (None, Some(bias)) => (bias, -1.0),
                (None, None) => continue,
            };
            let (kernel, to) = (program.weights[kernel].range(), program.weights[to].range());
            let channels = to.len();
            let mut moved = vec![0.0f64; channels];
            for (i, at) in kernel.enumerate() {
                let output = i % channels;
                // `[height, width, inputs, outputs]`, or for each channel by itself so many outputs.
                let input = match depthwise {
                    true => output * means.len() / channels,
                    false => i / channels % means.len(),
                };
                moved[output] += f64::from(self.arena()[at] - before[at]) * f64::from(means[input]);
            }
            for (value, moved) in self.arena_mut()[to].iter_mut().zip(moved) {
                *value += (sign * moved) as f32;
            }
        }
    }

    /// The means of the channels of what layers with rounded kernels read.
    fn measured_means(&self, program: &Program, data: &dyn Dataset) -> Result<BTreeMap<Value, Vec<f32>>> {
        let products = program
            .steps
            .iter()
            .filter(|step| matches!(step.op, Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense(_)));
        // Vectors, and images.
        let has_channels = |value: &Value| matches!(program.values[*value].len(), 1 | 3);
        let mut values: Vec<Value> = products.map(|step| step.inputs[0]).filter(has_channels).collect();
        values.sort_unstable();
        values.dedup();
        let mut sums = Vec::new();
        self.run_for_all(program.channel_means(&values), data, |sample| {
            sums.resize(sample.len(), 0.0f64);
            sums.iter_mut().zip(sample).for_each(|(sum, mean)| *sum += f64::from(*mean));
        })?;
        let mut means = sums.into_iter().map(|sum| (sum / data.len() as f64) as f32);
        let channels = |value: Value| program.values[value].last().copied().unwrap_or(1);
        Ok(values.into_iter().map(|value| (value, means.by_ref().take(channels(value)).collect())).collect())
    }

    /// Gives `take` what a program of the model gives for each sample.
    fn run_for_all(&self, program: Program, data: &dyn Dataset, mut take: impl FnMut(&[f32])) -> Result<()> {
        let width = program.values[program.output].elements();
        let mut predictor = Predictor::new(self, program, self.shared_weights(), largest_batch(data))?;
        let order: Vec<usize> = (0..data.len()).collect();
        prefetch(data, 0, &order, |batch| {
            predictor.run((&batch.inputs).into())?.chunks_exact(width.max(1)).for_each(&mut take);
            Ok(ControlFlow::Continue(()))
        })
    }

    /// The ranges of values in the mean over all samples: those of all of them would make wide steps for the few.
    fn measured_ranges(
        &self,
        program: &Program,
        values: &[Value],
        data: &dyn Dataset,
    ) -> Result<impl Iterator<Item = [f32; 2]> + use<>> {
        let mut high = vec![0.0; 2 * values.len()];
        self.run_for_all(program.extremes(values), data, |sample| {
            high.iter_mut().zip(sample).for_each(|(mean, value)| *mean += value / data.len() as f32);
        })?;
        if high.iter().any(|value| !value.is_finite()) {
            return Err(Error::Model(format!(
                "model '{}' has no finite numbers in it for these samples, so they have no range; train it anew, with a \
                 smaller learning rate",
                self.name()
            )));
        }
        let low = high.split_off(values.len());
        Ok(low.into_iter().zip(high).map(|(low, high)| [-low, high]))
    }
}
