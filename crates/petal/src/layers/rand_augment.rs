use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::random_grayscale::check_colours;
use super::{Definition, Factor, Interpolation, Lowering, only};
use crate::program::{Changing, Recoloring, Sampling, Shift, Value, Warp};
use crate::shape::Shape;

/// A number of changes in training, each drawn from a list of eleven (Cubuk et al. 2020).
///
/// The list is Keras': shear, translation, rotation, brightness, colour, contrast, sharpness, few bits, solarization,
/// automatic contrast, equalization. All take the factor as the layer of their own does, so that 0.5 turns images by up to
/// half a turn. Keras draws the same changes for all images of a batch, Petal for each its own. Gradients don't pass.
/// Defaults: two changes, factor 0.5, [`Interpolation::Bilinear`], value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandAugment};
/// let y = RandAugment::new().factor(0.2).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandAugment {
    value_range: [f32; 2],
    num_ops: usize,
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    interpolation: Interpolation,
}

impl RandAugment {
    /// With two changes and factor 0.5.
    pub fn new() -> Self {
        RandAugment {
            value_range: colours(),
            num_ops: 2,
            factor: (0.0, 0.5).into(),
            interpolation: Interpolation::Bilinear,
        }
    }

    /// The number of changes of an image.
    pub fn num_ops(self, num_ops: usize) -> Self {
        RandAugment { num_ops, ..self }
    }

    /// The range of their strengths, in `[0, 1]`; a number `f` stands for 0 and `f`.
    pub fn factor(self, factor: impl Into<Factor>) -> Self {
        RandAugment { factor: factor.into().at_least(0.0), ..self }
    }

    /// How values between pixels are found.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        RandAugment { interpolation, ..self }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandAugment { value_range: [low, high], ..self }
    }
}

impl Default for RandAugment {
    fn default() -> Self {
        RandAugment::new()
    }
}

impl Definition for RandAugment {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        if self.num_ops > 100 {
            return Err(format!("it makes {} changes; expected 100 at most", self.num_ops));
        }
        check_range(self.value_range)?;
        let input = only(inputs)?;
        check_colours(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let (factor, range) = (self.factor.bounds(), self.value_range);
        let ([less, more], [low, high]) = (factor, range);
        let sampling = Sampling { interpolation: self.interpolation, ..Sampling::default() };
        let bits = ((8.0 * more) as usize).max(1);
        let choices = vec![
            Changing::Warp(Warp::Shear { x: factor, y: factor, sampling }),
            Changing::Warp(Warp::Translation { height: factor, width: factor, sampling }),
            Changing::Warp(Warp::Rotation { turns: factor, sampling }),
            Changing::Shift {
                kind: Shift::Brightness,
                amounts: factor.map(|factor| factor * (high - low)),
                range,
            },
            Changing::Recolor(Recoloring::Degenerate { share: factor, range }),
            Changing::Shift { kind: Shift::Contrast, amounts: [1.0 - less, 1.0 + more], range },
            Changing::Sharpness { factors: factor, range },
            Changing::Recolor(Recoloring::Posterize { bits: [1, bits], range }),
            Changing::Recolor(Recoloring::Solarize {
                addition: [less, more * 255.0],
                threshold: [less, more * 255.0],
                range,
            }),
            Changing::AutoContrast { range },
            Changing::Equalize { bins: 256, range },
        ];
        node.emit_changes(choices, Some(self.num_ops))
    }
}
