use serde::{Deserialize, Serialize};

use super::sides::Sides;
use super::{Definition, Lowering, Pair, only};
use crate::program::{Op, Padding, Value};
use crate::shape::Shape;

/// Rows and columns of zeros around the images.
///
/// Input `[batch, height, width, channels]`. Default: one on each side.
///
/// ```
/// use petal::layers::{Input, Layer, ZeroPadding2D};
/// let y = ZeroPadding2D::sides([[0, 1], [0, 1]]).on(&Input::image(180, 180, 3))?;
/// assert_eq!(y.shape()[..], [181, 181, 3]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZeroPadding2D {
    padding: Sides,
}

impl ZeroPadding2D {
    /// As many rows above as below, as many columns left as right.
    pub fn new(padding: impl Into<Pair>) -> Self {
        ZeroPadding2D { padding: Sides::symmetric(padding) }
    }

    /// `[[above, below], [left, right]]`.
    pub fn sides(padding: [[usize; 2]; 2]) -> Self {
        ZeroPadding2D { padding: Sides(padding) }
    }
}

impl Default for ZeroPadding2D {
    fn default() -> Self {
        ZeroPadding2D::new(1)
    }
}

impl Definition for ZeroPadding2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [height, width, channels] = only(inputs)?.image()?;
        let Sides([[top, bottom], [left, right]]) = self.padding;
        let sum = |size: usize, sides: [usize; 2]| sides.into_iter().fold(size, usize::saturating_add);
        Ok([sum(height, [top, bottom]), sum(width, [left, right]), channels].into())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let Sides([[top, bottom], [left, right]]) = self.padding;
        node.emit(Op::Pad(Padding { top, bottom, left, right }))
    }
}
