use serde::{Deserialize, Serialize};

use super::axes::{self, Axes};
use super::{Definition, Lowering, only};
use crate::program::{LayerNorm, Op, Value};
use crate::shape::Shape;

/// Divides each sample's values along the last axis by the root of the sum of their squares, in training and in
/// inference; zeros stay zeros.
///
/// Default: the last axis.
///
/// ```
/// use petal::layers::{Input, Layer, UnitNormalization};
/// let y = UnitNormalization::new().on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitNormalization {
    axis: Axes,
}

impl UnitNormalization {
    /// Along the last axis.
    pub fn new() -> Self {
        UnitNormalization { axis: Axes::last() }
    }

    /// The axes that are normalized together; 1 is the first of a sample, negative numbers count from the end.
    pub fn axis(self, axis: impl Into<Vec<isize>>) -> Self {
        UnitNormalization { axis: Axes(axis.into()) }
    }
}

impl Default for UnitNormalization {
    fn default() -> Self {
        UnitNormalization::new()
    }
}

impl Definition for UnitNormalization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        self.axis.check_some(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let shape = node.output_shape();
        let places = self.axis.resolve(shape).expect("shape inference has accepted the axes");
        let features: usize = places.iter().map(|&axis| shape[axis]).product();
        let norm = LayerNorm { features, epsilon: 0.0, centered: false, gamma: None, beta: None };
        let y = axes::along(node, node.input(), shape, &places, |_| Op::LayerNorm(norm));
        // The mean is the sum over the number.
        node.step(Op::Scale { scale: 1.0 / (features as f32).sqrt(), offset: 0.0 }, &[y], shape)
    }
}
