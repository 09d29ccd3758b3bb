use serde::{Deserialize, Serialize};

use super::interpolation::sampling_setters;
use super::{Definition, Factor, FillMode, Interpolation, Lowering, only};
use crate::program::{Sampling, Value, Warp};
use crate::shape::Shape;

/// Turns images around their centre in training, each by an angle of its own.
///
/// The factor is a share of a full turn, in `[-1, 1]`: 0.1 means up to 36° either way; positive angles turn
/// counter-clockwise. Defaults: [`FillMode::Reflect`], [`Interpolation::Bilinear`].
///
/// ```
/// use petal::layers::{Input, Layer, RandomRotation};
/// let y = RandomRotation::new(0.1).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomRotation {
    factor: Factor,
    #[serde(flatten)]
    pub(crate) sampling: Sampling,
}

impl RandomRotation {
    /// Turns by up to this share of a full turn.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomRotation { factor: factor.into(), sampling: Sampling::default() }
    }

    sampling_setters!();

    fn warp(&self) -> Warp {
        Warp::Rotation { turns: self.factor.bounds(), sampling: self.sampling }
    }
}

impl Definition for RandomRotation {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", -1.0, 1.0)?;
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
    fn a_factor_of_a_tenth_turns_by_up_to_36_degrees_both_ways() {
        let layer = RandomRotation::new(0.1);
        let degrees = (0..2000).map(|key| layer.warp().draw([9, 9], key)[3].asin().to_degrees());
        let (low, high) =
            degrees.fold((0.0f32, 0.0f32), |(low, high), angle| (low.min(angle), high.max(angle)));
        assert!((-36.01..-35.5).contains(&low) && (35.5..36.01).contains(&high), "{low} {high}");
    }
}
