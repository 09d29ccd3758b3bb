use serde::{Deserialize, Serialize};

use super::axes::Axes;
use super::{Definition, Initializer, WeightSpec, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

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

/// For each value of the smallest part of a sample that has all slopes, and comes over and over, the number of its slope.
fn places(input: &[usize], alpha: &[usize]) -> Vec<usize> {
    let whole = input.iter().zip(alpha).take_while(|(_, slopes)| **slopes == 1).count();
    let mut places = vec![0];
    for (&size, &slopes) in input.iter().zip(alpha).skip(whole) {
        let inner = |place: usize| (0..size).map(move |i| place * slopes + i.min(slopes - 1));
        places = places.into_iter().flat_map(inner).collect();
    }
    places
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
        let alpha = self.alpha(shape).expect("shape inference has accepted the axes");
        let op = Op::prelu(shape.elements(), node.weight(0), places(shape, &alpha));
        node.emit(op, &[node.input()], shape)
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn shared_axes_between_others_repeat_their_slopes() {
        assert_eq!(places(&[5, 2, 3], &[1, 2, 3]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(places(&[2, 3, 2], &[2, 1, 2]), [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3]);
        assert_eq!(places(&[2, 3], &[2, 1]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(places(&[2, 3], &[1, 1]), [0]);
    }
}
