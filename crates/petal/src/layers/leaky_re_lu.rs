use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Unary, Value};
use crate::shape::Shape;

/// Rectified linear unit that lets a share of the negative values through: `x` above 0, `negative_slope · x` below
/// (Maas et al. 2013).
///
/// Default: slope 0.3. (As an activation by name, `leaky_relu`, it is 0.2, as in Keras.)
///
/// ```
/// use petal::layers::{Input, Layer, LeakyReLU};
/// let y = LeakyReLU::new(0.1).on(&Input::image(90, 90, 32))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeakyReLU {
    /// Keras 2 calls it alpha.
    #[serde(alias = "alpha")]
    negative_slope: f32,
}

impl LeakyReLU {
    /// With this slope below 0.
    pub fn new(negative_slope: f32) -> Self {
        LeakyReLU { negative_slope }
    }

    pub(super) fn unary(self) -> Unary {
        Unary::Relu { max_value: None, negative_slope: self.negative_slope, threshold: 0.0 }
    }
}

impl Default for LeakyReLU {
    fn default() -> Self {
        LeakyReLU::new(0.3)
    }
}

impl Definition for LeakyReLU {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let slope = self.negative_slope;
        if slope.is_nan() || slope < 0.0 {
            return Err(format!("its negative slope is {slope}; expected at least 0"));
        }
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Unary(self.unary()))
    }
}
