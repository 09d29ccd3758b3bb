use serde::{Deserialize, Serialize};

use super::{Definition, Factor, Lowering, only};
use crate::program::{Mixing, Op, RandomMix, Value};
use crate::shape::Shape;

/// Puts a rectangle of another image of the batch into each image in training, and the loss takes their labels in the
/// shares that they have of the image (Yun et al. 2019).
///
/// The share that stays is drawn from a beta distribution whose parameters, both alike, are drawn from the factor's range,
/// for each image by itself; a number `f` draws them from `[0, f)`, as Keras does. It belongs behind all other
/// augmentations. Default: 1.
///
/// ```
/// use petal::layers::{CutMix, Input, Layer};
/// let y = CutMix::new((1.0, 1.0)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CutMix {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
}

impl CutMix {
    /// With parameters from this range, in `[0, 1]`.
    pub fn new(factor: impl Into<Factor>) -> Self {
        CutMix { factor: factor.into().at_least(0.0) }
    }
}

impl Default for CutMix {
    fn default() -> Self {
        CutMix::new(1.0)
    }
}

impl Definition for CutMix {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let mixings = vec![Mixing::Paste { alpha: self.factor.bounds() }];
        node.emit(Op::RandomMix(RandomMix { mixings, stream: node.stream() }))
    }
}
