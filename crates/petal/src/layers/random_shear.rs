use serde::{Deserialize, Serialize};

use super::interpolation::sampling_setters;
use super::{Definition, Factor, FillMode, Interpolation, Lowering, only};
use crate::program::{Sampling, Value, Warp};
use crate::shape::Shape;

/// Shears images in training from their upper left corner, each by numbers of its own: row `y` moves by `x_factor · y`
/// columns, column `x` by `y_factor · x` rows, both the other way round for half of the images.
///
/// Factors lie in `[-1, 1]`. Defaults: no shear, [`FillMode::Reflect`], [`Interpolation::Bilinear`].
///
/// ```
/// use petal::layers::{Input, Layer, RandomShear};
/// let y = RandomShear::new(0.2, 0.1).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomShear {
    x_factor: Factor,
    y_factor: Factor,
    #[serde(flatten)]
    pub(crate) sampling: Sampling,
}

impl RandomShear {
    /// With these ranges of the shear along rows and along columns.
    pub fn new(x_factor: impl Into<Factor>, y_factor: impl Into<Factor>) -> Self {
        RandomShear { x_factor: x_factor.into(), y_factor: y_factor.into(), sampling: Sampling::default() }
    }

    sampling_setters!();

    fn warp(&self) -> Warp {
        Warp::Shear { x: self.x_factor.bounds(), y: self.y_factor.bounds(), sampling: self.sampling }
    }
}

impl Default for RandomShear {
    fn default() -> Self {
        RandomShear::new(0.0, 0.0)
    }
}

impl Definition for RandomShear {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.x_factor.check("x factor", -1.0, 1.0)?;
        self.y_factor.check("y factor", -1.0, 1.0)?;
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
