use serde::{Deserialize, Serialize};

use super::{Definition, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value, Warp};
use crate::random::Generator;

/// Which ways [`RandomFlip`] turns an image over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipMode {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both, each drawn by itself. (Keras 3 draws once for both, so that it only ever turns by 180°.)
    #[default]
    HorizontalAndVertical,
}

/// Turns images over in training, each with a probability of one half.
///
/// ```
/// use petal::layers::{FlipMode, Input, Layer, RandomFlip};
/// let y = RandomFlip::new(FlipMode::Horizontal).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomFlip {
    mode: FlipMode,
}

impl RandomFlip {
    /// Flips in this mode.
    pub fn new(mode: FlipMode) -> Self {
        RandomFlip { mode }
    }

    /// The transform of one image: output to input coordinates.
    pub(crate) fn draw(&self, [height, width]: [usize; 2], generator: &mut Generator) -> [f32; 6] {
        let mut flips = |wanted| wanted && generator.uniform() <= 0.5;
        let horizontal = flips(self.mode != FlipMode::Vertical);
        let vertical = flips(self.mode != FlipMode::Horizontal);
        let axis = |flip, size: usize| if flip { (-1.0, size as f32 - 1.0) } else { (1.0, 0.0) };
        let ((a0, a2), (b1, b2)) = (axis(horizontal, width), axis(vertical, height));
        [a0, 0.0, a2, 0.0, b1, b2]
    }
}

impl Definition for RandomFlip {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.training {
            return node.input();
        }
        let op = Op::warp(Warp::Flip(self.clone()), node.input_image(0), node.stream());
        node.emit(op, &[node.input()], node.output_shape())
    }
}
