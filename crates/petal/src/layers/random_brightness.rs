use serde::{Deserialize, Serialize};

use super::{Definition, Factor, Lowering, only};
use crate::program::{Op, RandomShift, Shift, Value};
use crate::shape::Shape;

/// Makes images brighter or darker in training, each by a number of its own.
///
/// `x + factor · (high - low)`, clipped to the value range `[low, high]`; factors lie in `[-1, 1]`. Default: value range 0
/// to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomBrightness};
/// let y = RandomBrightness::new(0.2).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomBrightness {
    factor: Factor,
    #[serde(default = "colours")]
    value_range: [f32; 2],
}

impl RandomBrightness {
    /// Adds up to this share of the value range, or takes it away.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomBrightness { factor: factor.into(), value_range: colours() }
    }

    /// The range that values are clipped to and that the factor is a share of.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomBrightness { value_range: [low, high], ..self }
    }
}

/// The range of 8-bit colours.
pub(super) fn colours() -> [f32; 2] {
    [0.0, 255.0]
}

/// Refuses a range whose bounds are not in order.
pub(super) fn check_range([low, high]: [f32; 2]) -> Result<(), String> {
    if low < high { Ok(()) } else { Err(format!("its value range is {low} to {high}; expected low < high")) }
}

impl Definition for RandomBrightness {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", -1.0, 1.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let [low, high] = self.value_range;
        node.emit(Op::RandomShift(RandomShift {
            kind: Shift::Brightness,
            amounts: self.factor.bounds().map(|factor| factor * (high - low)),
            range: self.value_range,
            stream: node.stream(),
        }))
    }
}
