use petal_kernels as kernels;
use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, only};
use crate::model::Shape;
use crate::model::plan::{Draw, Lowering, Op, Value};
use crate::random::Generator;

/// Leaves only the highest bits of colours in training, as many as are drawn for each image.
///
/// The factor's bounds lie in `[1, 8]`; what is drawn is at least the lower one and less than the upper one, as in Keras,
/// unless both are equal. A number `b` stands for 1 and `b`. Gradients don't pass. Default: value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomPosterization};
/// let y = RandomPosterization::new((3.0, 6.0)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomPosterization {
    factor: Factor,
    #[serde(default = "super::random_brightness::colours")]
    value_range: [f32; 2],
}

impl RandomPosterization {
    /// With this range of bits.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomPosterization { factor: factor.into().at_least(1.0), value_range: colours() }
    }

    /// The range of colours.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomPosterization { value_range: [low, high], ..self }
    }

    pub(crate) fn draw(&self, generator: &mut Generator) -> kernels::Recolor {
        let [low, high] = self.factor.bounds().map(|bits| bits as usize);
        let bits = low + generator.below((high - low).max(1));
        kernels::Recolor::Posterize { bits: bits as u32, range: self.value_range }
    }
}

impl Definition for RandomPosterization {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 1.0, 8.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.training {
            return node.input();
        }
        let op = Op::recolor(Draw::Posterize(self.clone()), node.input_image(0), node.stream());
        node.emit(op, &[node.input()], node.output_shape())
    }
}
