use serde::{Deserialize, Serialize};

use super::dropout::check_rate;
use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Drops whole samples in training, so that a residual block is skipped, and scales the others by
/// `1 / (1 - drop_path_rate)` (Huang et al. 2016): what Keras' ConvNeXt does. In inference it changes nothing.
///
/// ```
/// use petal::layers::{Add, Conv2D, Input, Layer, StochasticDepth};
/// let x = Input::image(56, 56, 96);
/// let block = Conv2D::new(96, 3).same().on(&x)?;
/// let y = Add::new().on([&x, &StochasticDepth::new(0.1).on(&block)?])?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StochasticDepth {
    drop_path_rate: f32,
}

impl StochasticDepth {
    /// Drops a share of `drop_path_rate`, in `[0, 1]`, of the samples.
    pub fn new(drop_path_rate: f32) -> Self {
        StochasticDepth { drop_path_rate }
    }
}

impl Definition for StochasticDepth {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_rate(self.drop_path_rate)?;
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.trains() || self.drop_path_rate == 0.0 {
            return node.input();
        }
        let repeats = node.output_shape().elements();
        node.emit(Op::Dropout { rate: self.drop_path_rate, repeats, stream: node.stream() })
    }
}
