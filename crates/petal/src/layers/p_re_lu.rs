use serde::{Deserialize, Serialize};

use super::axes::{self, Axes};
use super::{Definition, Initializer, Lowering, WeightSpec, only};
use crate::program::{Op, Value};
use crate::shape::Shape;

/// Rectified linear unit that learns its slopes below 0: `x` above 0, `alpha · x` below (He et al. 2015).
///
/// Weight: `alpha`, of the shape of a sample, with 1 along the shared axes. Defaults: no shared axes, so a slope for each
/// value of a sample; slopes start at 0. For images one slope a channel is usual: `.shared_axes([1, 2])`.
///
/// ```
/// use petal::layers::{Input, Layer, PReLU};
/// use petal::model::Model;
/// let x = Input::image(90, 90, 32);
/// let model = Model::new(&x, &PReLU::new().shared_axes([1, 2]).on(&x)?)?;
/// assert_eq!(model.count_params(), 32);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PReLU {
    alpha_initializer: Initializer,
    shared_axes: Axes,
}

impl PReLU {
    /// With a slope for each value of a sample.
    pub fn new() -> Self {
        PReLU { alpha_initializer: Initializer::Zeros {}, shared_axes: Axes(Vec::new()) }
    }

    /// The axes along which all values have the same slope; 1 is the first of a sample.
    pub fn shared_axes(self, shared_axes: impl Into<Vec<isize>>) -> Self {
        PReLU { shared_axes: Axes(shared_axes.into()), ..self }
    }

    /// How the slopes start.
    pub fn alpha_initializer(self, alpha_initializer: Initializer) -> Self {
        PReLU { alpha_initializer, ..self }
    }

    /// The shape of the slopes for a sample of this shape.
    fn alpha(&self, input: &Shape) -> Result<Vec<usize>, String> {
        let mut alpha = input.to_vec();
        self.shared_axes.resolve(input)?.into_iter().for_each(|axis| alpha[axis] = 1);
        Ok(alpha)
    }
}

impl Default for PReLU {
    fn default() -> Self {
        PReLU::new()
    }
}

impl Definition for PReLU {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let input = only(inputs)?;
        self.alpha(input)?;
        Ok(input.clone())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let alpha = self.alpha(&inputs[0]).expect("shape inference has accepted the axes");
        vec![WeightSpec::new("alpha", alpha, &self.alpha_initializer)]
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let shape = node.output_shape();
        let shared = self.shared_axes.resolve(shape).expect("shape inference has accepted the axes");
        let own: Vec<usize> = (0..shape.len()).filter(|axis| !shared.contains(axis)).collect();
        let alpha = node.weight(0);
        axes::along(node, node.input(), shape, &own, |_| Op::Prelu { alpha })
    }
}
