use serde::{Deserialize, Serialize};

use super::sides::Sides;
use super::{Definition, Lowering, Pair, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Cuts rows and columns off the sides of images, in training and in inference.
///
/// Input `[batch, height, width, channels]`. Default: none.
///
/// ```
/// use petal::layers::{Cropping2D, Input, Layer};
/// let y = Cropping2D::sides([[0, 1], [2, 3]]).on(&Input::image(180, 180, 3))?;
/// assert_eq!(y.shape()[..], [179, 175, 3]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cropping2D {
    cropping: Sides,
}

impl Cropping2D {
    /// As many rows above as below, as many columns left as right.
    pub fn new(cropping: impl Into<Pair>) -> Self {
        Cropping2D { cropping: Sides::symmetric(cropping) }
    }

    /// `[[above, below], [left, right]]`.
    pub fn sides(cropping: [[usize; 2]; 2]) -> Self {
        Cropping2D { cropping: Sides(cropping) }
    }
}

impl Default for Cropping2D {
    fn default() -> Self {
        Cropping2D::new(0)
    }
}

impl Definition for Cropping2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [height, width, channels] = only(inputs)?.image()?;
        let left = |size: usize, [before, after]: [usize; 2]| {
            size.checked_sub(before).and_then(|size| size.checked_sub(after)).filter(|&size| size > 0)
        };
        let Sides([rows, columns]) = self.cropping;
        match (left(height, rows), left(width, columns)) {
            (Some(height), Some(width)) => Ok([height, width, channels].into()),
            _ => Err(format!(
                "it cuts off rows {rows:?} and columns {columns:?}, which leaves nothing of images of {height}×{width}"
            )),
        }
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let Sides([[top, _], [left, _]]) = self.cropping;
        node.emit(Op::Crop { start: [top, left] })
    }
}
