use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Noise, Op, RandomNoise, Value};
use crate::shape::Shape;

/// Adds to each value in training a normal random number of mean 0. In inference it changes nothing.
///
/// ```
/// use petal::layers::{GaussianNoise, Input, Layer};
/// let y = GaussianNoise::new(0.1).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GaussianNoise {
    stddev: f32,
}

impl GaussianNoise {
    /// Numbers of this standard deviation, in `[0, 1]`.
    pub fn new(stddev: f32) -> Self {
        GaussianNoise { stddev }
    }
}

impl Definition for GaussianNoise {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if !(0.0..=1.0).contains(&self.stddev) {
            return Err(format!("its standard deviation is {}; expected 0 to 1", self.stddev));
        }
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.trains() || self.stddev == 0.0 {
            return node.input();
        }
        let kind = Noise::Added { stddev: self.stddev };
        node.emit(Op::RandomNoise(RandomNoise { kind, stream: node.stream() }))
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{GaussianNoise, Input, Layer};
    use crate::model::Model;

    #[test]
    fn noise_is_another_for_each_sample_and_draw_and_the_same_each_time() {
        let x = Input::new([1000]);
        let model = Model::new(&x, &GaussianNoise::new(0.5).on(&x).unwrap()).unwrap();
        let inputs = ndarray::ArrayD::from_elem(vec![2, 1000], 3.0);
        let outputs = model.augment(inputs.view(), 0).unwrap();
        let mean = outputs.mean().unwrap();
        let deviation = outputs.std(0.0);
        assert!((mean - 3.0).abs() < 0.05 && (deviation - 0.5).abs() < 0.05, "{mean} {deviation}");
        assert_ne!(outputs.outer_iter().next(), outputs.outer_iter().nth(1));
        assert_eq!(outputs, model.augment(inputs.view(), 0).unwrap());
        assert_ne!(outputs, model.augment(inputs.view(), 1).unwrap());
        assert_eq!(model.predict_array(inputs.view()).unwrap(), inputs);
    }
}
