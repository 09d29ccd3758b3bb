use serde::{Deserialize, Serialize};

use super::interpolation::sampling_setters;
use super::{Definition, Factor, FillMode, Interpolation, Lowering, only};
use crate::program::{Sampling, Value, Warp};
use crate::shape::Shape;

/// Moves images in training, each by a distance of its own.
///
/// Factors are shares of the image's height and width, in `[-1, 1]`; positive numbers move it down and to the right.
/// Defaults: [`FillMode::Reflect`], [`Interpolation::Bilinear`].
///
/// ```
/// use petal::layers::{Input, Layer, RandomTranslation};
/// let y = RandomTranslation::new(0.1, 0.1).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomTranslation {
    height_factor: Factor,
    width_factor: Factor,
    #[serde(flatten)]
    pub(crate) sampling: Sampling,
}

impl RandomTranslation {
    /// Moves by up to these shares of height and width.
    pub fn new(height_factor: impl Into<Factor>, width_factor: impl Into<Factor>) -> Self {
        let (height_factor, width_factor) = (height_factor.into(), width_factor.into());
        RandomTranslation { height_factor, width_factor, sampling: Sampling::default() }
    }

    sampling_setters!();

    fn warp(&self) -> Warp {
        Warp::Translation {
            height: self.height_factor.bounds(),
            width: self.width_factor.bounds(),
            sampling: self.sampling,
        }
    }
}

impl Definition for RandomTranslation {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.height_factor.check("height factor", -1.0, 1.0)?;
        self.width_factor.check("width factor", -1.0, 1.0)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        node.emit_warp(self.warp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_shares_of_height_and_width() {
        let layer = RandomTranslation::new((0.2, 0.3), -0.5);
        for key in 0..100 {
            let [_, _, right, _, _, down] = layer.warp().draw([10, 20], key);
            assert!((2.0..3.0).contains(&-down) && (-10.0..10.0).contains(&right), "{down} {right}");
        }
    }
}
