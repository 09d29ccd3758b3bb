use serde::{Deserialize, Serialize};

use super::dropout::check_rate;
use super::{Definition, Lowering, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// [`Dropout`](super::Dropout) of whole channels (Tompson et al. 2014): in training it sets a random share of an
/// image's channels to 0 and scales the others by `1 / (1 - rate)`. In inference it changes nothing.
///
/// Input `[batch, height, width, channels]`.
///
/// ```
/// use petal::layers::{Input, Layer, SpatialDropout2D};
/// let y = SpatialDropout2D::new(0.2).on(&Input::image(45, 45, 64))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpatialDropout2D {
    rate: f32,
}

impl SpatialDropout2D {
    /// Drops a share of `rate`, in `[0, 1]`, of the channels.
    pub fn new(rate: f32) -> Self {
        SpatialDropout2D { rate }
    }
}

impl Definition for SpatialDropout2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_rate(self.rate)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.trains() || self.rate == 0.0 {
            return node.input();
        }
        let [height, width, _] = node.input_image();
        node.emit(Op::Dropout { rate: self.rate, repeats: height * width, stream: node.stream() })
    }
}
