use serde::{Deserialize, Serialize};

use super::interpolation::{Sampling, sampling_setters};
use super::{Definition, Factor, FillMode, Interpolation, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value, Warp};
use crate::random::Generator;

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

    /// The transform of one image: output to input coordinates.
    pub(crate) fn draw(&self, [height, width]: [usize; 2], generator: &mut Generator) -> [f32; 6] {
        let y = 1.0 + self.height_factor.draw(generator);
        let x = self.width_factor.map_or(y, |factor| 1.0 + factor.draw(generator));
        let offset = |size: usize, zoom: f32| (size as f32 - 1.0) / 2.0 * (1.0 - zoom);
        [x, 0.0, offset(width, x), 0.0, y, offset(height, y)]
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
        if !node.training {
            return node.input();
        }
        let op = Op::warp(Warp::Zoom(self.clone()), node.input_image(0), node.stream());
        node.emit(op, &[node.input()], node.output_shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    #[test]
    fn one_factor_keeps_the_aspect_ratio_and_two_are_drawn_apart() {
        let mut generator = Key::new(7).generator();
        let (both, apart) = (RandomZoom::new(0.2), RandomZoom::new(0.2).width_factor((0.3, 0.5)));
        for _ in 0..100 {
            let [x, .., y, _] = both.draw([9, 5], &mut generator);
            assert!(x == y && (0.8..1.2).contains(&x), "{x} {y}");
            let [x, .., y, _] = apart.draw([9, 5], &mut generator);
            assert!((1.3..1.5).contains(&x) && (0.8..1.2).contains(&y), "{x} {y}");
        }
    }
}
