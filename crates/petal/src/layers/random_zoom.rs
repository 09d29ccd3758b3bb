use serde::{Deserialize, Serialize};

use super::interpolation::sampling_setters;
use super::{Definition, Factor, FillMode, Interpolation, Lowering, only};
use crate::program::{Sampling, Value, Warp};
use crate::shape::Shape;

/// Zooms images in and out around their centre in training, each by a factor of its own.
///
/// Factors lie in `(-1, 1]`: 0.1 means that height and width of the part that is shown are 0.9 to 1.1 times the image's,
/// so positive numbers zoom out. Without [`width_factor`](RandomZoom::width_factor) the aspect ratio is kept. Defaults:
/// [`FillMode::Reflect`], [`Interpolation::Bilinear`].
///
/// ```
/// use petal::layers::{Input, Layer, RandomZoom};
/// let y = RandomZoom::new(0.1).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomZoom {
    height_factor: Factor,
    #[serde(default)]
    width_factor: Option<Factor>,
    #[serde(flatten)]
    pub(crate) sampling: Sampling,
}

impl RandomZoom {
    /// Zooms both axes alike.
    pub fn new(height_factor: impl Into<Factor>) -> Self {
        RandomZoom { height_factor: height_factor.into(), width_factor: None, sampling: Sampling::default() }
    }

    /// Zooms the width by a number of its own.
    pub fn width_factor(self, width_factor: impl Into<Factor>) -> Self {
        RandomZoom { width_factor: Some(width_factor.into()), ..self }
    }

    sampling_setters!();

    fn warp(&self) -> Warp {
        Warp::Zoom {
            height: self.height_factor.bounds(),
            width: self.width_factor.map(Factor::bounds),
            sampling: self.sampling,
        }
    }
}

impl Definition for RandomZoom {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        for (what, factor) in
            [("height factor", Some(self.height_factor)), ("width factor", self.width_factor)]
        {
            // The bound itself would show a single pixel.
            factor.map_or(Ok(()), |factor| factor.check(what, f32::next_up(-1.0), 1.0))?;
        }
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
    fn one_factor_keeps_the_aspect_ratio_and_two_are_drawn_apart() {
        let (both, apart) = (RandomZoom::new(0.2), RandomZoom::new(0.2).width_factor((0.3, 0.5)));
        for key in 0..100 {
            let [x, .., y, _] = both.warp().draw([9, 5], key);
            assert!(x == y && (0.8..1.2).contains(&x), "{x} {y}");
            let [x, .., y, _] = apart.warp().draw([9, 5], key);
            assert!((1.3..1.5).contains(&x) && (0.8..1.2).contains(&y), "{x} {y}");
        }
    }
}
