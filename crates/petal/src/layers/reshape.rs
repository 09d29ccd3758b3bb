use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Gives the values of a sample another shape, in their order.
///
/// One axis may be -1: it gets what the others leave.
///
/// ```
/// use petal::layers::{Input, Layer, Reshape};
/// let y = Reshape::new([-1, 5]).on(&Input::image(3, 4, 5))?;
/// assert_eq!(y.shape()[..], [12, 5]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reshape {
    target_shape: Vec<isize>,
}

impl Reshape {
    /// To this shape, without the batch axis.
    pub fn new(target_shape: impl Into<Vec<isize>>) -> Self {
        Reshape { target_shape: target_shape.into() }
    }
}

impl Definition for Reshape {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        let target = &self.target_shape;
        if target.iter().any(|&axis| axis < -1) || target.iter().filter(|&&axis| axis == -1).count() > 1 {
            return Err(format!("its target shape is {target:?}; expected sizes, and at most one -1"));
        }
        let mut known = target.iter().filter(|&&axis| axis != -1);
        let known = known.try_fold(1usize, |product, &axis| product.checked_mul(axis.unsigned_abs()));
        let elements = input.elements();
        let left = known.filter(|&known| known > 0 && elements % known == 0).map(|known| elements / known);
        let inferred = target.contains(&-1);
        match left {
            Some(left) if inferred || left == 1 => {
                let axes = target.iter().map(|&axis| if axis == -1 { left } else { axis.unsigned_abs() });
                Ok(axes.collect::<Vec<_>>().into())
            }
            _ => Err(format!(
                "got an input of shape {input} with {elements} values; they don't fill the target shape {target:?}"
            )),
        }
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit(Op::Reshape)
    }
}
