use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Sets a random share of the values to 0 in training and scales the others by `1 / (1 - rate)`, so that their sum
/// stays the same on average (Srivastava et al. 2014). In inference it changes nothing.
///
/// ```
/// use petal::layers::{Dropout, Input, Layer};
/// let y = Dropout::new(0.2).on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    rate: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise_shape: NoiseShape,
}

impl Dropout {
    /// Drops a share of `rate`, in `[0, 1]`, of the values.
    pub fn new(rate: f32) -> Self {
        Dropout { rate, noise_shape: None }
    }

    /// The shape of what is drawn for a batch; by default each value has a draw of its own. `None` stands for the
    /// input's size, and 1 for one draw along the whole axis: `[None, Some(1), Some(1), Some(1)]` drops whole samples
    /// (stochastic depth, Huang et al. 2016). Each sample has its own draws, and the axes of 1 come before the others.
    pub fn noise_shape(self, noise_shape: impl Into<Vec<Option<usize>>>) -> Self {
        Dropout { noise_shape: Some(noise_shape.into()), ..self }
    }
}

/// The shape of what is drawn for a batch, with the batch axis; `None` is the input's size.
pub(super) type NoiseShape = Option<Vec<Option<usize>>>;

/// How often a sample of this shape repeats its draws.
pub(super) fn repeats(noise_shape: &NoiseShape, input: &Shape) -> Result<usize, String> {
    let Some(noise) = noise_shape else { return Ok(1) };
    let own = |(noise, &size): (&Option<usize>, &usize)| noise.is_none_or(|noise| noise == size);
    let axes = || noise.iter().skip(1).zip(input.iter());
    let shared = axes().take_while(|(noise, _)| **noise == Some(1)).count();
    if noise.len() != input.len() + 1 || noise[0].is_some() || !axes().skip(shared).all(own) {
        return Err(format!(
            "its noise shape is {noise:?}; expected None for the batch, then any number of 1, then the sizes of its input \
             of shape {input} or None"
        ));
    }
    Ok(input[..shared].iter().product())
}

/// Refuses rates outside of `[0, 1]`.
pub(crate) fn check_rate(rate: f32) -> Result<(), String> {
    if (0.0..=1.0).contains(&rate) { Ok(()) } else { Err(format!("its rate is {rate}; expected 0 to 1")) }
}

impl Definition for Dropout {
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
        node.emit(Op::Dropout { rate: self.rate, repeats, stream: node.stream() })
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{Dropout, Input, Layer};
    use crate::model::Model;

    fn dropped(noise_shape: &[Option<usize>]) -> Vec<Vec<f32>> {
        let x = Input::image(4, 3, 5);
        let y = Dropout::new(0.4).noise_shape(noise_shape).on(&x).unwrap();
        let output = Model::new(&x, &y).unwrap().augment(ndarray::ArrayD::ones(vec![200, 4, 3, 5]).view(), 0);
        output.unwrap().outer_iter().map(|sample| sample.iter().copied().collect()).collect()
    }

    #[test]
    fn one_draw_drops_a_whole_sample_or_channel() {
        let samples = dropped(&[None, Some(1), Some(1), Some(1)]);
        assert!(samples.iter().all(|sample| sample.iter().all(|&value| value == sample[0])));
        let kept = samples.iter().filter(|sample| sample[0] == 1.0 / 0.6).count();
        assert_eq!(samples.iter().filter(|sample| sample[0] == 0.0).count(), 200 - kept);
        assert!((90..150).contains(&kept), "{kept}");
        let samples = dropped(&[None, Some(1), Some(1), None]);
        assert!(samples.iter().all(|sample| sample.chunks(5).all(|pixel| *pixel == sample[..5])));
        assert!(samples.iter().any(|sample| sample[..5] != [0.0; 5] && sample[..5].contains(&0.0)));
    }

    #[test]
    fn other_noise_shapes_are_refused() {
        let x = Input::image(4, 3, 5);
        let four = [None; 4];
        for noise in [
            &four[..3],
            &[Some(1), None, None, None],
            &[None, None, None, Some(1)],
            &[None, Some(2), None, None],
            &[],
        ] {
            let problem = Dropout::new(0.4).noise_shape(noise).on(&x).unwrap_err().to_string();
            assert!(problem.contains("its noise shape is"), "{problem}");
        }
        Dropout::new(0.4).noise_shape([None, Some(1), Some(3), Some(5)]).on(&x).unwrap();
    }
}
