use serde::{Deserialize, Serialize};

use super::{Definition, Interpolation, Lowering, Pair, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Enlarges images by whole factors, in training and in inference.
///
/// Input `[batch, height, width, channels]`, output `[batch, height · rows, width · columns, channels]`. Defaults: twice
/// the size, [`Interpolation::Nearest`], which repeats the pixels.
///
/// ```
/// use petal::layers::{Input, Layer, UpSampling2D};
/// let y = UpSampling2D::new((2, 3)).on(&Input::image(10, 10, 16))?;
/// assert_eq!(y.shape()[..], [20, 30, 16]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpSampling2D {
    size: Pair,
    interpolation: Interpolation,
}

impl UpSampling2D {
    /// By these factors.
    pub fn new(size: impl Into<Pair>) -> Self {
        UpSampling2D { size: size.into(), interpolation: Interpolation::Nearest }
    }

    /// How values between pixels are found.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        UpSampling2D { interpolation, ..self }
    }
}

impl Default for UpSampling2D {
    fn default() -> Self {
        UpSampling2D::new(2)
    }
}

impl Definition for UpSampling2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [height, width, channels] = only(inputs)?.image()?;
        let [rows, columns] = self.size.0;
        if rows == 0 || columns == 0 {
            return Err(format!("its size is {}; expected at least 1×1", self.size));
        }
        Ok([height.saturating_mul(rows), width.saturating_mul(columns), channels].into())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Resize { interpolation: self.interpolation })
    }
}
