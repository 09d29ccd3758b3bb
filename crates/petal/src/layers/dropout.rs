use serde::{Deserialize, Serialize};

use super::{Definition, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// Sets a random share of the values to 0 in training and scales the others by `1 / (1 - rate)`, so that their sum
/// stays the same on average (Srivastava et al. 2014). In inference it changes nothing.
///
/// ```
/// use petal::layers::{Dropout, Input, Layer};
/// let y = Dropout::new(0.2).on(&Input::new([128]))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    rate: f32,
}

impl Dropout {
    /// Drops a share of `rate`, in `[0, 1]`, of the values.
    pub fn new(rate: f32) -> Self {
        Dropout { rate }
    }
}

/// Refuses rates outside of `[0, 1]`.
pub(crate) fn check_rate(rate: f32) -> Result<(), String> {
    if (0.0..=1.0).contains(&rate) { Ok(()) } else { Err(format!("its rate is {rate}; expected 0 to 1")) }
}

impl Definition for Dropout {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_rate(self.rate)?;
        Ok(only(inputs)?.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.training || self.rate == 0.0 {
            return node.input();
        }
        let op = Op::dropout(self.rate, node.stream());
        node.emit(op, &[node.input()], node.output_shape())
    }
}
