use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::random_grayscale::check_colours;
use super::{Definition, Interpolation, Lowering, only};
use crate::program::{Changing, FillMode, Recoloring, Sampling, Shift, Value, Warp};
use crate::shape::Shape;

/// One change in training, drawn from a list of fourteen with a strength of any size (Müller and Hutter 2021): nothing
/// about it has to be chosen.
///
/// The list and its wide ranges are those of torchvision's `TrivialAugmentWide`: nothing, shears and shifts along each
/// axis, rotation, brightness, colour, contrast, sharpness, few bits, solarization, automatic contrast, equalization.
/// Strengths are drawn from the whole of their range, where torchvision has 31 steps, and contrast is that around the mean
/// of each channel. Beyond the image it is black. Gradients don't pass. Keras has no such layer. Defaults:
/// [`Interpolation::Nearest`], value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, TrivialAugmentWide};
/// let y = TrivialAugmentWide::new().on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrivialAugmentWide {
    value_range: [f32; 2],
    interpolation: Interpolation,
}

impl TrivialAugmentWide {
    /// It has no strength.
    pub fn new() -> Self {
        TrivialAugmentWide { value_range: colours(), interpolation: Interpolation::Nearest }
    }

    /// How values between pixels are found.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        TrivialAugmentWide { interpolation, ..self }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        TrivialAugmentWide { value_range: [low, high], ..self }
    }
}

impl Default for TrivialAugmentWide {
    fn default() -> Self {
        TrivialAugmentWide::new()
    }
}

/// The way of a shift in pixels.
const SHIFT: f32 = 32.0;

impl Definition for TrivialAugmentWide {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_range(self.value_range)?;
        let input = only(inputs)?;
        check_colours(input)?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let ([height, width, _], range) = (node.input_image(), self.value_range);
        let sampling = Sampling {
            fill_mode: FillMode::Constant,
            fill_value: range[0],
            interpolation: self.interpolation,
        };
        let (none, wide, factors) = ([0.0; 2], [-0.99, 0.99], [0.01, 1.99]);
        let shift = |size: usize| [-SHIFT / size as f32, SHIFT / size as f32];
        let choices = vec![
            Changing::Nothing,
            Changing::Warp(Warp::Shear { x: wide, y: none, sampling }),
            Changing::Warp(Warp::Shear { x: none, y: wide, sampling }),
            Changing::Warp(Warp::Translation { height: none, width: shift(width), sampling }),
            Changing::Warp(Warp::Translation { height: shift(height), width: none, sampling }),
            Changing::Warp(Warp::Rotation { turns: [-0.375, 0.375], sampling }),
            Changing::Scale { factors, range },
            Changing::Recolor(Recoloring::Degenerate { share: wide, range }),
            Changing::Shift { kind: Shift::Contrast, amounts: factors, range },
            Changing::Sharpness { factors: factors.map(|factor| factor / 2.0), range },
            Changing::Recolor(Recoloring::Posterize { bits: [2, 9], range }),
            Changing::Recolor(Recoloring::Solarize { addition: none, threshold: [0.0, 255.0], range }),
            Changing::AutoContrast { range },
            Changing::Equalize { bins: 256, range },
        ];
        node.emit_changes(choices, Some(1))
    }
}
