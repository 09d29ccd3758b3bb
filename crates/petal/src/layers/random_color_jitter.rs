use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::random_grayscale::check_colours;
use super::{Definition, Factor, Lowering, RandomHue, RandomSaturation, only};
use crate::program::{Changing, Shift, Value};
use crate::shape::Shape;

/// Changes brightness, contrast, saturation and hue of images in training, in this order, as far as their factors are set.
///
/// The factors are those of [`RandomBrightness`](super::RandomBrightness), [`RandomContrast`](super::RandomContrast),
/// [`RandomSaturation`] and [`RandomHue`]. Gradients don't pass. Defaults: no factors, value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomColorJitter};
/// let jitter = RandomColorJitter::new().brightness_factor(0.2).contrast_factor((0.2, 0.2)).hue_factor(0.1);
/// let y = jitter.saturation_factor((0.4, 0.6)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomColorJitter {
    value_range: [f32; 2],
    brightness_factor: Option<Factor>,
    #[serde(deserialize_with = "super::factor::some_from_zero")]
    contrast_factor: Option<Factor>,
    saturation_factor: Option<Factor>,
    #[serde(deserialize_with = "super::factor::some_from_zero")]
    hue_factor: Option<Factor>,
}

impl RandomColorJitter {
    /// Without any factors.
    pub fn new() -> Self {
        RandomColorJitter {
            value_range: colours(),
            brightness_factor: None,
            contrast_factor: None,
            saturation_factor: None,
            hue_factor: None,
        }
    }

    /// That of [`RandomBrightness`](super::RandomBrightness).
    pub fn brightness_factor(self, factor: impl Into<Factor>) -> Self {
        RandomColorJitter { brightness_factor: Some(factor.into()), ..self }
    }

    /// That of [`RandomContrast`](super::RandomContrast).
    pub fn contrast_factor(self, factor: impl Into<Factor>) -> Self {
        RandomColorJitter { contrast_factor: Some(factor.into().at_least(0.0)), ..self }
    }

    /// That of [`RandomSaturation`].
    pub fn saturation_factor(self, factor: impl Into<Factor>) -> Self {
        RandomColorJitter { saturation_factor: Some(factor.into()), ..self }
    }

    /// That of [`RandomHue`].
    pub fn hue_factor(self, factor: impl Into<Factor>) -> Self {
        RandomColorJitter { hue_factor: Some(factor.into().at_least(0.0)), ..self }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomColorJitter { value_range: [low, high], ..self }
    }
}

impl Default for RandomColorJitter {
    fn default() -> Self {
        RandomColorJitter::new()
    }
}

impl Definition for RandomColorJitter {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        for (what, factor, low) in [
            ("brightness factor", self.brightness_factor, -1.0),
            ("contrast factor", self.contrast_factor, 0.0),
            ("saturation factor", self.saturation_factor, -1.0),
            ("hue factor", self.hue_factor, 0.0),
        ] {
            factor.map_or(Ok(()), |factor| factor.check(what, low, 1.0))?;
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
        let range = self.value_range;
        let [low, high] = range;
        let brightness = self.brightness_factor.map(|factor| Changing::Shift {
            kind: Shift::Brightness,
            amounts: factor.bounds().map(|factor| factor * (high - low)),
            range,
        });
        let contrast = self.contrast_factor.map(|factor| {
            let [less, more] = factor.bounds();
            Changing::Shift { kind: Shift::Contrast, amounts: [1.0 - less, 1.0 + more], range }
        });
        let saturation = self
            .saturation_factor
            .map(|factor| RandomSaturation::new(factor).value_range(low, high).changing());
        let hue = self.hue_factor.map(|factor| RandomHue::new(factor).value_range(low, high).changing());
        node.emit_changes([brightness, contrast, saturation, hue].into_iter().flatten().collect(), None)
    }
}
