use serde::{Deserialize, Serialize};

use super::interpolation::{Sampling, sampling_setters};
use super::{Definition, Factor, FillMode, Interpolation, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value, Warp};
use crate::random::Generator;

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

    /// The transform of one image: output to input coordinates.
    pub(crate) fn draw(&self, [height, width]: [usize; 2], generator: &mut Generator) -> [f32; 6] {
        let down = self.height_factor.draw(generator) * height as f32;
        let right = self.width_factor.draw(generator) * width as f32;
        [1.0, 0.0, -right, 0.0, 1.0, -down]
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
        if !node.training {
            return node.input();
        }
        let op = Op::warp(Warp::Translation(self.clone()), node.input_image(0), node.stream());
        node.emit(op, &[node.input()], node.output_shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    #[test]
    fn factors_are_shares_of_height_and_width() {
        let mut generator = Key::new(7).generator();
        let layer = RandomTranslation::new((0.2, 0.3), -0.5);
        for _ in 0..100 {
            let [_, _, right, _, _, down] = layer.draw([10, 20], &mut generator);
            assert!((2.0..3.0).contains(&-down) && (-10.0..10.0).contains(&right), "{down} {right}");
        }
    }
}
