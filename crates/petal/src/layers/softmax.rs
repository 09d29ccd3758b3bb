use serde::{Deserialize, Serialize};

use super::{Definition, axes, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// `exp(x) / Σ exp(x)`, which makes probabilities out of any numbers; the sum is over the last axis by default.
///
/// ```
/// use petal::layers::{Input, Layer, Softmax};
/// let y = Softmax::new().on(&Input::new([5]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Softmax {
    axis: isize,
}

impl Softmax {
    /// Over the last axis.
    pub fn new() -> Self {
        Softmax { axis: -1 }
    }

    /// Over this axis; 0 is the batch, 1 the first of a sample, negative numbers count from the end.
    pub fn axis(self, axis: isize) -> Self {
        Softmax { axis }
    }
}

impl Default for Softmax {
    fn default() -> Self {
        Softmax::new()
    }
}

impl Definition for Softmax {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        axes::resolve(self.axis, input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let shape = node.output_shape();
        let axis = axes::resolve(self.axis, shape).expect("shape inference has accepted the axis");
        let (outer, classes) = (shape[..axis].iter().product(), shape[axis]);
        let inner = shape[axis + 1..].iter().product();
        if inner == 1 {
            return node.emit(Op::softmax(shape), &[node.input()], shape);
        }
        // The kernel wants the classes side by side.
        let x = node.emit(Op::swap_axes(outer, classes, inner), &[node.input()], shape);
        let y = node.emit(Op::softmax(&[outer, inner, classes].into()), &[x], shape);
        node.emit(Op::swap_axes(outer, inner, classes), &[y], shape)
    }
}
