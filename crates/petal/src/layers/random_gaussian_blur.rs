use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, Lowering, Pair, only};
use crate::program::{Changing, Value};
use crate::shape::Shape;

/// Smooths images in training with a Gaussian kernel, each with a probability and standard deviations of its own.
///
/// A number `f` as factor draws each image's probability from `[0, f)`, as Keras does; sigma in the same way, up to 1 at
/// most. Zeros lie around the image. Keras draws one sigma for all images of a batch. Gradients don't pass. Defaults:
/// factor 1, so half of all images; a kernel of 3×3; sigma 1; value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomGaussianBlur};
/// let y = RandomGaussianBlur::new(0.5).kernel_size(5).sigma((0.5, 1.0)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomGaussianBlur {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    kernel_size: Pair,
    #[serde(deserialize_with = "super::factor::from_zero")]
    sigma: Factor,
    value_range: [f32; 2],
}

impl RandomGaussianBlur {
    /// With probabilities drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomGaussianBlur {
            factor: factor.into().at_least(0.0),
            kernel_size: 3.into(),
            sigma: (0.0, 1.0).into(),
            value_range: colours(),
        }
    }

    /// Height and width of the kernel, odd numbers.
    pub fn kernel_size(self, kernel_size: impl Into<Pair>) -> Self {
        RandomGaussianBlur { kernel_size: kernel_size.into(), ..self }
    }

    /// The range of the standard deviations in pixels, of which each axis has its own.
    pub fn sigma(self, sigma: impl Into<Factor>) -> Self {
        RandomGaussianBlur { sigma: sigma.into().at_least(0.0), ..self }
    }

    /// The range that values are clipped to.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomGaussianBlur { value_range: [low, high], ..self }
    }
}

impl Default for RandomGaussianBlur {
    fn default() -> Self {
        RandomGaussianBlur::new(1.0)
    }
}

/// A larger kernel would take minutes for a photo.
const LARGEST: usize = 99;

impl Definition for RandomGaussianBlur {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        self.sigma.check("sigma", 0.0, 1.0)?;
        if self.kernel_size.0.iter().any(|size| size % 2 == 0 || *size > LARGEST) {
            return Err(format!(
                "its kernel size is {}; expected odd numbers up to {LARGEST}",
                self.kernel_size
            ));
        }
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let blur = Changing::Blur {
            probability: self.factor.bounds(),
            size: self.kernel_size.0,
            sigma: self.sigma.bounds(),
            range: self.value_range,
        };
        node.emit_changes(vec![blur], None)
    }
}
