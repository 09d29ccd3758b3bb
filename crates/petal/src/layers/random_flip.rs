use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Value, Warp};
use crate::shape::Shape;

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
}

impl Definition for RandomFlip {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        node.emit_warp(Warp::Flip {
            horizontal: self.mode != FlipMode::Vertical,
            vertical: self.mode != FlipMode::Horizontal,
        })
    }
}
