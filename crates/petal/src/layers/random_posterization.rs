use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, Lowering, only};
use crate::program::{Op, RandomRecolor, Recoloring, Value};
use crate::shape::Shape;

/// Leaves only the highest bits of colours in training, as many as are drawn for each image.
///
/// The factor's bounds lie in `[1, 8]`; what is drawn is at least the lower one and less than the upper one, as in Keras,
/// unless both are equal. A number `b` stands for 1 and `b`. Gradients don't pass. Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomPosterization};
/// let y = RandomPosterization::new((3.0, 6.0)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomPosterization {
    #[serde(deserialize_with = "super::factor::from_one")]
    factor: Factor,
    #[serde(default = "super::random_brightness::colours")]
    value_range: [f32; 2],
}

impl RandomPosterization {
    /// With this range of bits.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomPosterization { factor: factor.into().at_least(1.0), value_range: colours() }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomPosterization { value_range: [low, high], ..self }
    }
}

impl Definition for RandomPosterization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 1.0, 8.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let kind = Recoloring::Posterize {
            bits: self.factor.bounds().map(|bits| bits as usize),
            range: self.value_range,
        };
        node.emit(Op::RandomRecolor(RandomRecolor { kind, stream: node.stream() }))
    }
}
