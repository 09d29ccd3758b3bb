use serde::{Deserialize, Serialize};

use super::subtract::{scaled_sum, two_of_one_shape};
use super::{Definition, Lowering};
use crate::program::Value;
use crate::shape::Shape;

/// The first of two inputs of one shape and `scale` times the second: what Keras' InceptionResNetV2 does at the end of a
/// block.
///
/// ```
/// use petal::layers::{Conv2D, CustomScaleLayer, Input, Layer};
/// let x = Input::image(35, 35, 320);
/// let up = Conv2D::new(320, 1).on(&x)?;
/// let y = CustomScaleLayer::new(0.17).on([&x, &up])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomScaleLayer {
    scale: f32,
}

impl CustomScaleLayer {
    /// With this factor of the second input.
    pub fn new(scale: f32) -> Self {
        CustomScaleLayer { scale }
    }
}

impl Definition for CustomScaleLayer {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        two_of_one_shape(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        scaled_sum(node, self.scale)
    }
}
