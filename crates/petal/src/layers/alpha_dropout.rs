use serde::{Deserialize, Serialize};

use super::dropout::{NoiseShape, check_rate, repeats};
use super::{Definition, Lowering, only};
use crate::program::{Noise, Op, RandomNoise, Value};
use crate::shape::Shape;

/// Dropout for networks with [`Function::Selu`](super::Function::Selu), which keeps mean 0 and variance 1 (Klambauer et
/// al. 2017). In inference it changes nothing.
///
/// In training it sets a random share of the values to SELU's limit `α' = -1.7581`, then computes `a · x + b` with
/// `a = 1 / √((1 - rate) · (1 + rate · α'²))` and `b = -a · α' · rate`.
///
/// ```
/// use petal::layers::{AlphaDropout, Dense, Function, Input, Layer};
/// let x = Dense::new(128).activation(Function::Selu).on(&Input::new([256]))?;
/// let y = AlphaDropout::new(0.1).on(&x)?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlphaDropout {
    rate: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise_shape: NoiseShape,
}

impl AlphaDropout {
    /// Drops a share of `rate`, in `[0, 1]`, of the values.
    pub fn new(rate: f32) -> Self {
        AlphaDropout { rate, noise_shape: None }
    }

    /// The shape of what is drawn, as in [`Dropout::noise_shape`](super::Dropout::noise_shape).
    pub fn noise_shape(self, noise_shape: impl Into<Vec<Option<usize>>>) -> Self {
        AlphaDropout { noise_shape: Some(noise_shape.into()), ..self }
    }
}

impl Definition for AlphaDropout {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_rate(self.rate)?;
        let input = only(inputs)?;
        repeats(&self.noise_shape, input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.trains() || self.rate == 0.0 {
            return node.input();
        }
        let repeats = repeats(&self.noise_shape, node.output_shape())
            .expect("shape inference has accepted the noise shape");
        let kind = Noise::AlphaDropout { rate: self.rate, repeats };
        node.emit(Op::RandomNoise(RandomNoise { kind, stream: node.stream() }))
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{AlphaDropout, Input, Layer};
    use crate::model::Model;
    use crate::random::Key;

    #[test]
    fn normal_values_keep_their_mean_and_variance_and_one_draw_goes_for_a_channel() {
        let x = Input::new([50, 400]);
        let dropout = AlphaDropout::new(0.3).noise_shape([None, Some(1), None]);
        let model = Model::new(&x, &dropout.on(&x).unwrap()).unwrap();
        let mut generator = Key::new(1).generator();
        let inputs = ndarray::ArrayD::from_shape_fn(vec![4, 50, 400], |_| generator.normal());
        let outputs = model.augment(inputs.view(), 0).unwrap();
        let (mean, deviation) = (outputs.mean().unwrap(), outputs.std(0.0));
        assert!(mean.abs() < 0.05 && (deviation - 1.0).abs() < 0.05, "{mean} {deviation}");
        let channels = (0..4).flat_map(|sample| (0..400).map(move |channel| (sample, channel)));
        let all = channels.filter(|&(sample, channel)| {
            // All rows of a channel are the same, or none is as the first.
            let same = |row: &usize| outputs[[sample, *row, channel]] == outputs[[sample, 0, channel]];
            let count = (0..50).filter(same).count();
            assert!(count == 1 || count == 50, "{count}");
            count == 50
        });
        let share = all.count() as f32 / 1600.0;
        assert!((share - 0.3).abs() < 0.05, "{share}");
    }
}
