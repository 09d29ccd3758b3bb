use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, axes};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Several inputs one after the other along an axis, the last by default.
///
/// All other axes must be equal.
///
/// ```
/// use petal::layers::{Concatenate, Conv2D, Input, Layer};
/// let x = Input::image(8, 8, 16);
/// let y = Conv2D::new(4, 3).same().on(&x)?;
/// let both = Concatenate::new().on([&x, &y])?;
/// assert_eq!(both.shape()[..], [8, 8, 20]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Concatenate {
    axis: isize,
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Concatenate { axis: -1 }
    }

    /// Along this axis; 0 is the batch, 1 the first of a sample, negative numbers count from the end.
    pub fn axis(self, axis: isize) -> Self {
        Concatenate { axis }
    }
}

impl Default for Concatenate {
    fn default() -> Self {
        Concatenate::new()
    }
}

impl Definition for Concatenate {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [first, others @ ..] = inputs else { return Err("got no inputs; expected at least 1".into()) };
        let axis = axes::resolve(self.axis, first)?;
        let mut output = first.to_vec();
        for input in others {
            let fits = input.len() == first.len()
                && (0..axis).chain(axis + 1..first.len()).all(|i| input[i] == first[i]);
            if !fits {
                return Err(format!(
                    "got inputs of shapes {first} and {input}; expected shapes that are equal except for axis {}",
                    axis + 1
                ));
            }
            output[axis] += input[axis];
        }
        Ok(output.into())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let axis =
            axes::resolve(self.axis, node.output_shape()).expect("shape inference has accepted the axis");
        node.emit(Op::Concatenate { axis })
    }
}
