use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Brings the axes of a sample into another order.
///
/// ```
/// use petal::layers::{Input, Layer, Permute};
/// let y = Permute::new([3, 1, 2]).on(&Input::image(180, 120, 3))?;
/// assert_eq!(y.shape()[..], [3, 180, 120]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permute {
    dims: Vec<usize>,
}

impl Permute {
    /// For each axis of the output that of the input, counted from 1, without the batch.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Permute { dims: dims.into() }
    }
}

impl Definition for Permute {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(1..=input.len()) {
            let axes = input.len();
            return Err(format!(
                "its dims are {:?} for an input of shape {input}; expected each axis from 1 to {axes} once",
                self.dims
            ));
        }
        Ok(self.dims.iter().map(|&axis| input[axis - 1]).collect::<Vec<_>>().into())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let order = self.dims.iter().map(|axis| axis - 1).collect();
        node.emit(Op::Transpose { order })
    }
}
