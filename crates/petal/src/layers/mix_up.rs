use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Mixing, Op, RandomMix, Value};
use crate::shape::Shape;

/// Blends each image with another one of its batch in training, and the loss takes their labels in the same shares
/// (Zhang et al. 2018).
///
/// The share is drawn from a beta distribution with both parameters `alpha`, for each image by itself: with 0.2 most
/// images stay nearly alone, with 1 all shares are as likely. It belongs behind all other augmentations. Default: 0.2.
///
/// ```
/// use petal::layers::{Input, Layer, MixUp};
/// let y = MixUp::new(0.2).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MixUp {
    alpha: f32,
}

impl MixUp {
    /// With this parameter of the distribution, above 0.
    pub fn new(alpha: f32) -> Self {
        MixUp { alpha }
    }
}

impl Default for MixUp {
    fn default() -> Self {
        MixUp::new(0.2)
    }
}

/// Refuses a parameter that no beta distribution has.
pub(super) fn check_alpha(alpha: f32) -> Result<(), String> {
    match alpha > 0.0 && alpha.is_finite() {
        true => Ok(()),
        false => Err(format!("its alpha is {alpha}; expected a number above 0, like 0.2")),
    }
}

impl Definition for MixUp {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_alpha(self.alpha)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let mixings = vec![Mixing::Blend { alpha: self.alpha }];
        node.emit(Op::RandomMix(RandomMix { mixings, stream: node.stream() }))
    }
}
