use serde::{Deserialize, Serialize};

use super::{Definition, Lowering, only};
use crate::program::{Op, RandomRecolor, Recoloring, Value};
use crate::shape::Shape;

/// Takes the colours out of a share of the images in training: all three channels get
/// `0.2989 red + 0.587 green + 0.114 blue`.
///
/// Default: half of the images.
///
/// ```
/// use petal::layers::{Input, Layer, RandomGrayscale};
/// let y = RandomGrayscale::new(0.2).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomGrayscale {
    factor: f32,
}

impl RandomGrayscale {
    /// For this share of the images, in `[0, 1]`.
    pub fn new(factor: f32) -> Self {
        RandomGrayscale { factor }
    }
}

impl Default for RandomGrayscale {
    fn default() -> Self {
        RandomGrayscale::new(0.5)
    }
}

/// Refuses images that don't have red, green and blue.
pub(super) fn check_colours(input: &Shape) -> Result<(), String> {
    match input.image()? {
        [_, _, 3] => Ok(()),
        [_, _, channels] => Err(format!("got images of {channels} channels; expected 3: red, green, blue")),
    }
}

impl Definition for RandomGrayscale {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if !(0.0..=1.0).contains(&self.factor) {
            return Err(format!("its factor is {}; expected 0 to 1", self.factor));
        }
        let input = only(inputs)?;
        check_colours(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let kind = Recoloring::Gray { probability: self.factor };
        node.emit(Op::RandomRecolor(RandomRecolor { kind, stream: node.stream() }))
    }
}
