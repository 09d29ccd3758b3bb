use serde::{Deserialize, Serialize};

use super::mix_up::check_alpha;
use super::{Definition, Lowering, only};
use crate::program::{Mixing, Op, RandomMix, Value};
use crate::shape::Shape;

/// Either [`MixUp`](super::MixUp) or [`CutMix`](super::CutMix) for each image in training, with the same probability.
///
/// One behind the other, as two layers, they would make each image of four. Keras has no such layer. Defaults: 0.2 for
/// MixUp, 1 for CutMix.
///
/// ```
/// use petal::layers::{Input, Layer, MixUpOrCutMix};
/// let y = MixUpOrCutMix::new(0.2, 1.0).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MixUpOrCutMix {
    mix_up_alpha: f32,
    cut_mix_alpha: f32,
}

impl MixUpOrCutMix {
    /// With these parameters of their beta distributions, above 0.
    pub fn new(mix_up_alpha: f32, cut_mix_alpha: f32) -> Self {
        MixUpOrCutMix { mix_up_alpha, cut_mix_alpha }
    }
}

impl Default for MixUpOrCutMix {
    fn default() -> Self {
        MixUpOrCutMix::new(0.2, 1.0)
    }
}

impl Definition for MixUpOrCutMix {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        check_alpha(self.mix_up_alpha)?;
        check_alpha(self.cut_mix_alpha)?;
        let input = only(inputs)?;
        input.image()?;
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        let mixings = vec![
            Mixing::Blend { alpha: self.mix_up_alpha },
            Mixing::Paste { alpha: [self.cut_mix_alpha; 2] },
        ];
        node.emit(Op::RandomMix(RandomMix { mixings, stream: node.stream() }))
    }
}
