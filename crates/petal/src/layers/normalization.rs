use ndarray::ArrayViewD;
use serde::{Deserialize, Serialize};

use super::axes::Axes;
use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::data::{Batch, Dataset};
use crate::program::{Op, Value, moments_to_affine};
use crate::shape::Shape;
use crate::{Error, Result};

/// Brings the values of each channel to mean 0 and variance 1 with a mean and a variance that are known beforehand, in
/// training and in inference: `(x - mean) / max(√variance, 1e-7)`.
///
/// [`Normalization::new`] takes them, [`Normalization::adapt`] measures them on a data set; they are settings of the layer,
/// not weights. A layer that Keras has adapted (no `mean` in its configuration) has the weights `mean`, `variance` and
/// `count`, which training leaves as they are. Default: the last axis.
///
/// ```
/// use petal::layers::{Input, Layer, Normalization};
/// let y = Normalization::new([123.7, 116.3, 103.5], [3411.0, 3263.0, 3291.0]).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Normalization {
    axis: Axes,
    mean: Option<Numbers>,
    variance: Option<Numbers>,
    invert: bool,
}

/// A number, or numbers in lists, one list deeper for each axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Numbers {
    One(f32),
    List(Vec<Numbers>),
}

impl Numbers {
    fn flat(&self) -> Vec<f32> {
        match self {
            Numbers::One(number) => vec![*number],
            Numbers::List(list) => list.iter().flat_map(Numbers::flat).collect(),
        }
    }
}

impl From<Vec<f32>> for Numbers {
    fn from(values: Vec<f32>) -> Self {
        Numbers::List(values.into_iter().map(Numbers::One).collect())
    }
}

impl Default for Normalization {
    /// Without mean and variance: they are weights.
    fn default() -> Self {
        Normalization { axis: Axes::last(), mean: None, variance: None, invert: false }
    }
}

impl Normalization {
    /// With a mean and a variance for each channel, or one of each for all channels.
    pub fn new(mean: impl Into<Vec<f32>>, variance: impl Into<Vec<f32>>) -> Self {
        let (mean, variance) = (Some(mean.into().into()), Some(variance.into().into()));
        Normalization { mean, variance, ..Normalization::default() }
    }

    /// With the mean and the variance of each channel over all samples of a data set.
    ///
    /// # Errors
    /// If a sample cannot be read, or there are none.
    pub fn adapt(data: &dyn Dataset) -> Result<Self> {
        let channels = data.sample_shape().last().copied().unwrap_or(1);
        let mut moments = Moments::new(channels);
        let mut batch = Batch::default();
        let samples: Vec<usize> = (0..data.len()).collect();
        for samples in samples.chunks(data.batch_size().max(1)) {
            data.load(samples, 0, &mut batch)?;
            moments.add(batch.inputs.to_floats().iter());
        }
        moments.finish()
    }

    /// With the mean and the variance of each channel, the last axis of `values`.
    ///
    /// # Errors
    /// If there are no values.
    pub fn adapt_array(values: ArrayViewD<'_, f32>) -> Result<Self> {
        let mut moments = Moments::new(values.shape().last().copied().unwrap_or(1));
        moments.add(values.iter());
        moments.finish()
    }

    /// The way back: `x · max(√variance, 1e-7) + mean`.
    pub fn invert(self) -> Self {
        Normalization { invert: true, ..self }
    }

    /// The axes whose positions have a mean and a variance of their own.
    fn kept(&self, input: &Shape) -> Result<Vec<usize>, String> {
        self.axis.resolve(input)
    }

    /// For each place in a sample, from the first kept axis on, the number of its mean among all means.
    fn places(&self, input: &Shape) -> Vec<usize> {
        let kept = self.kept(input).expect("shape inference has accepted the axes");
        let Some(&first) = kept.first() else { return vec![0] };
        let count = input[first..].iter().product();
        let place = |flat: usize| {
            let (mut rest, mut stride, mut place) = (flat, 1, 0);
            for axis in (first..input.len()).rev() {
                if kept.contains(&axis) {
                    place += rest % input[axis] * stride;
                    stride *= input[axis];
                }
                rest /= input[axis];
            }
            place
        };
        (0..count).map(place).collect()
    }
}

/// Sums for means and variances, in f64: the squares of millions of colours don't fit into f32.
struct Moments {
    count: f64,
    /// Sum and sum of squares, for each channel.
    sums: Vec<[f64; 2]>,
}

impl Moments {
    fn new(channels: usize) -> Self {
        Moments { count: 0.0, sums: vec![[0.0; 2]; channels.max(1)] }
    }

    fn add<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a f32>) {
        let channels = self.sums.len();
        self.count += (values.len() / channels) as f64;
        for (i, &value) in values.enumerate() {
            let (value, sums) = (f64::from(value), &mut self.sums[i % channels]);
            sums[0] += value;
            sums[1] += value * value;
        }
    }

    fn finish(self) -> Result<Normalization> {
        if self.count == 0.0 {
            return Err(Error::Data(
                "there are no values to take a mean of; give at least one sample".into(),
            ));
        }
        let mean = |sum: f64| sum / self.count;
        let variance = |[sum, squares]: [f64; 2]| (mean(squares) - mean(sum) * mean(sum)).max(0.0) as f32;
        let means: Vec<f32> = self.sums.iter().map(|sums| mean(sums[0]) as f32).collect();
        Ok(Normalization::new(means, self.sums.iter().copied().map(variance).collect::<Vec<_>>()))
    }
}

impl Definition for Normalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        let kept = self.kept(input)?;
        if self.mean.is_some() != self.variance.is_some() {
            return Err("it has one of mean and variance; expected both or none".into());
        }
        let expected: usize = kept.iter().map(|&axis| input[axis]).product();
        for (what, numbers) in [("mean", &self.mean), ("variance", &self.variance)] {
            let Some(numbers) = numbers else { continue };
            let found = numbers.flat().len();
            if found != expected && found != 1 {
                return Err(format!(
                    "its {what} has {found} numbers; expected {expected} (or one) for an input of shape {input}"
                ));
            }
        }
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        if self.mean.is_some() {
            return Vec::new();
        }
        let kept = self.kept(&inputs[0]).expect("shape inference has accepted the axes");
        let shape: Vec<usize> = kept.iter().map(|&axis| inputs[0][axis]).collect();
        let fixed = |name, shape: Vec<usize>, initializer: Initializer| WeightSpec {
            trainable: false,
            ..WeightSpec::new(name, shape, &initializer)
        };
        vec![
            fixed("mean", shape.clone(), Initializer::Zeros {}),
            fixed("variance", shape, Initializer::Ones {}),
            fixed("count", Vec::new(), Initializer::Zeros {}),
        ]
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let places = self.places(node.output_shape());
        let invert = self.invert;
        node.emit(match (&self.mean, &self.variance) {
            (Some(mean), Some(variance)) => {
                let (mean, variance) = (mean.flat(), variance.flat());
                let pick = |values: &[f32], place: usize| values[if values.len() == 1 { 0 } else { place }];
                let affine =
                    |&place: &usize| moments_to_affine(pick(&mean, place), pick(&variance, place), invert);
                let (scale, offset) = places.iter().map(affine).unzip();
                Op::ChannelAffine { scale, offset }
            }
            _ => {
                let (mean, variance) = (node.weight(0), node.weight(1));
                Op::NormalizeByWeights { mean, variance, places, invert }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_and_variance_of_each_channel_are_measured() {
        let values = ndarray::array![[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]].into_dyn();
        let layer = Normalization::adapt_array(values.view()).unwrap();
        assert_eq!(layer.mean.unwrap().flat(), [3.0, 20.0]);
        assert_eq!(layer.variance.unwrap().flat(), [8.0 / 3.0, 200.0]);
        assert!(Normalization::adapt_array(ndarray::ArrayD::zeros(vec![0, 3]).view()).is_err());
    }
}
