use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Unary, Value};
use crate::shape::Shape;

/// Exponential linear unit: `x` above 0, `alpha · (exp(x) - 1)` below (Clevert et al. 2016).
///
/// Default: alpha 1.
///
/// ```
/// use petal::layers::{ELU, Input, Layer};
/// let y = ELU::new(1.0).on(&Input::image(90, 90, 32))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ELU {
    alpha: f32,
}

impl ELU {
    /// With `-alpha` as the limit for small numbers.
    pub fn new(alpha: f32) -> Self {
        ELU { alpha }
    }

    pub(super) fn unary(self) -> Unary {
        Unary::Elu { alpha: self.alpha }
    }
}

impl Default for ELU {
    fn default() -> Self {
        ELU::new(1.0)
    }
}

impl Definition for ELU {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Unary(self.unary()))
    }
}
