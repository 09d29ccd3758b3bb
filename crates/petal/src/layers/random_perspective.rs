use serde::{Deserialize, Serialize};

use super::{Definition, Factor, Interpolation, Lowering, only};
use crate::program::{Changing, FillMode, Sampling, Value};
use crate::shape::Shape;

/// Looks at images from the side in training, each with a probability of its own.
///
/// Corners move by up to half of `scale` of their distance from the upper left one, which stays, as Keras has it. A number
/// `f` as factor draws each image's probability from `[0, f)`. Gradients don't pass. Defaults: factor 1, so half of all
/// images; scale 1; [`Interpolation::Bilinear`]; 0 beyond the image.
///
/// ```
/// use petal::layers::{Input, Layer, RandomPerspective};
/// let y = RandomPerspective::new(1.0).scale(0.3).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomPerspective {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    scale: f32,
    interpolation: Interpolation,
    fill_value: f32,
}

impl RandomPerspective {
    /// With probabilities drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomPerspective {
            factor: factor.into().at_least(0.0),
            scale: 1.0,
            interpolation: Interpolation::Bilinear,
            fill_value: 0.0,
        }
    }

    /// How far corners move, 0 to 1.
    pub fn scale(self, scale: f32) -> Self {
        RandomPerspective { scale, ..self }
    }

    /// How values between pixels are found.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        RandomPerspective { interpolation, ..self }
    }

    /// The value beyond the image.
    pub fn fill_value(self, fill_value: f32) -> Self {
        RandomPerspective { fill_value, ..self }
    }
}

impl Default for RandomPerspective {
    fn default() -> Self {
        RandomPerspective::new(1.0)
    }
}

impl Definition for RandomPerspective {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        if !(0.0..=1.0).contains(&self.scale) {
            return Err(format!("its scale is {}; expected 0 to 1", self.scale));
        }
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let sampling = Sampling {
            fill_mode: FillMode::Constant,
            fill_value: self.fill_value,
            interpolation: self.interpolation,
        };
        let perspective =
            Changing::Perspective { probability: self.factor.bounds(), scale: self.scale, sampling };
        node.emit_changes(vec![perspective], None)
    }
}
