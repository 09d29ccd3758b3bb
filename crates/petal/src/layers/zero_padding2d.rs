use petal_kernels as kernels;
use serde::{Deserialize, Serialize};

use super::{Definition, Pair, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

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
    #[serde(deserialize_with = "sides")]
    padding: [[usize; 2]; 2],
}

impl ZeroPadding2D {
    /// As many rows above as below, as many columns left as right.
    pub fn new(padding: impl Into<Pair>) -> Self {
        let [rows, columns] = padding.into().0;
        ZeroPadding2D { padding: [[rows; 2], [columns; 2]] }
    }

    /// `[[above, below], [left, right]]`.
    pub fn sides(padding: [[usize; 2]; 2]) -> Self {
        ZeroPadding2D { padding }
    }
}

impl Default for ZeroPadding2D {
    fn default() -> Self {
        ZeroPadding2D::new(1)
    }
}

/// Both ways in which Keras writes the padding.
fn sides<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<[[usize; 2]; 2], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Sides([[usize; 2]; 2]),
        Symmetric(Pair),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Sides(sides) => sides,
        Written::Symmetric(pair) => ZeroPadding2D::new(pair).padding,
    })
}

impl Definition for ZeroPadding2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [height, width, channels] = only(inputs)?.image()?;
        let [[top, bottom], [left, right]] = self.padding;
        Ok([height + top + bottom, width + left + right, channels].into())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let [[top, bottom], [left, right]] = self.padding;
        let op = Op::pad(node.input_image(0), kernels::Padding { top, bottom, left, right });
        node.emit(op, &[node.input()], node.output_shape())
    }
}
