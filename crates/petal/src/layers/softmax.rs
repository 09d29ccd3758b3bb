use serde::{Deserialize, Serialize};

use super::axes::{self, Axes};
use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

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
    axis: Axes,
}

impl Softmax {
    /// Over the last axis.
    pub fn new() -> Self {
        Softmax { axis: Axes::last() }
    }

    /// Over this axis; 0 is the batch, 1 the first of a sample, negative numbers count from the end.
    pub fn axis(self, axis: isize) -> Self {
        self.axes([axis])
    }

    /// Over all values along several axes together: `[1, 2]` for the pixels of each channel.
    pub fn axes(self, axes: impl Into<Vec<isize>>) -> Self {
        Softmax { axis: Axes(axes.into()) }
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
        self.axis.check_some(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let shape = node.output_shape();
        let places = self.axis.resolve(shape).expect("shape inference has accepted the axes");
        axes::along(node, node.input(), shape, &places, |features| Op::Softmax { features })
    }
}
