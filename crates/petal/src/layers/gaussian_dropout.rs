use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Noise, Op, RandomNoise, Value};
use crate::shape::Shape;

/// Multiplies each value in training by a normal random number of mean 1 and standard deviation `√(rate / (1 - rate))`,
/// which is that of [`Dropout`](super::Dropout) (Srivastava et al. 2014). In inference it changes nothing.
///
/// ```
/// use petal::layers::{GaussianDropout, Input, Layer};
/// let y = GaussianDropout::new(0.2).on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GaussianDropout {
    rate: f32,
}

impl GaussianDropout {
    /// As much noise as dropout of this rate, in `[0, 1)`.
    pub fn new(rate: f32) -> Self {
        GaussianDropout { rate }
    }
}

impl Definition for GaussianDropout {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if !(0.0..1.0).contains(&self.rate) {
            return Err(format!("its rate is {}; expected at least 0 and less than 1", self.rate));
        }
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.trains() || self.rate == 0.0 {
            return node.input();
        }
        let kind = Noise::Multiplied { stddev: (self.rate / (1.0 - self.rate)).sqrt() };
        node.emit(Op::RandomNoise(RandomNoise { kind, stream: node.stream() }))
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{GaussianDropout, Input, Layer};
    use crate::model::Model;

    #[test]
    fn the_noise_has_the_deviation_of_dropout() {
        let x = Input::new([20_000]);
        let model = Model::new(&x, &GaussianDropout::new(0.2).on(&x).unwrap()).unwrap();
        let outputs = model.augment(ndarray::ArrayD::from_elem(vec![1, 20_000], 2.0).view(), 0).unwrap();
        let (mean, deviation) = (outputs.mean().unwrap(), outputs.std(0.0));
        assert!((mean - 2.0).abs() < 0.03 && (deviation - 1.0).abs() < 0.03, "{mean} {deviation}");
    }
}
