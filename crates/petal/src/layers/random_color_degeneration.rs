use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::random_grayscale::check_colours;
use super::{Definition, Factor, Lowering, only};
use crate::program::{Op, RandomRecolor, Recoloring, Value};
use crate::shape::Shape;

/// Makes images greyer in training, or more colourful, each by a number of its own.
///
/// `x + factor · (gray - x)`, clipped to the value range, with the grey of [`RandomGrayscale`](super::RandomGrayscale);
/// factors lie in `[-1, 1]`. Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomColorDegeneration};
/// let y = RandomColorDegeneration::new(0.5).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomColorDegeneration {
    factor: Factor,
    #[serde(default = "super::random_brightness::colours")]
    value_range: [f32; 2],
}

impl RandomColorDegeneration {
    /// By up to this share of the way to grey, or away from it.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomColorDegeneration { factor: factor.into(), value_range: colours() }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomColorDegeneration { value_range: [low, high], ..self }
    }
}

impl Definition for RandomColorDegeneration {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", -1.0, 1.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        check_colours(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let kind = Recoloring::Degenerate { share: self.factor.bounds(), range: self.value_range };
        node.emit(Op::RandomRecolor(RandomRecolor { kind, stream: node.stream() }))
    }
}
