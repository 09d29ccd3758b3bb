use serde::{Deserialize, Serialize};

use super::random_brightness::{check_range, colours};
use super::{Definition, Factor, Lowering, PerChannel, only};
use crate::program::{Op, RandomErase, Value};
use crate::shape::Shape;

/// Fills a rectangle of images in training with noise or a colour (Zhong et al. 2020), each with a probability and in a
/// place of its own.
///
/// A number `f` as factor draws each image's probability from `[0, f)`, as Keras does. Height and width of the rectangle
/// are the roots of two shares drawn from the scale. Defaults: factor 1, so half of all images; scale 0.02 to 0.33; normal
/// noise with the value range's high end as its standard deviation, clipped to the range; value range 0 to 255.
///
/// ```
/// use petal::layers::{Input, Layer, RandomErasing};
/// let y = RandomErasing::new(0.4).fill_value([123.7, 116.3, 103.5]).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomErasing {
    #[serde(deserialize_with = "super::factor::from_zero")]
    factor: Factor,
    #[serde(deserialize_with = "super::factor::from_zero")]
    scale: Factor,
    fill_value: Option<PerChannel>,
    value_range: [f32; 2],
}

impl RandomErasing {
    /// With probabilities drawn from this range.
    pub fn new(factor: impl Into<Factor>) -> Self {
        RandomErasing {
            factor: factor.into().at_least(0.0),
            scale: (0.02, 0.33).into(),
            fill_value: None,
            value_range: colours(),
        }
    }

    /// The range of the rectangle's share of the image.
    pub fn scale(self, scale: impl Into<Factor>) -> Self {
        RandomErasing { scale: scale.into().at_least(0.0), ..self }
    }

    /// One colour instead of noise: a number for all channels, or a number for each.
    pub fn fill_value(self, fill_value: impl Into<PerChannel>) -> Self {
        RandomErasing { fill_value: Some(fill_value.into()), ..self }
    }

    /// The range that noise and colour are clipped to.
    pub fn value_range(self, low: f32, high: f32) -> Self {
        RandomErasing { value_range: [low, high], ..self }
    }

    /// The colour for this many channels, if it isn't noise.
    fn colour(&self, channels: usize) -> Option<Vec<f32>> {
        let [low, high] = self.value_range;
        let colour = self.fill_value.as_ref()?.values(channels);
        Some(colour.into_iter().map(|value| value.max(low).min(high)).collect())
    }
}

impl Default for RandomErasing {
    fn default() -> Self {
        RandomErasing::new(1.0)
    }
}

impl Definition for RandomErasing {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.factor.check("factor", 0.0, 1.0)?;
        self.scale.check("scale", 0.0, 1.0)?;
        check_range(self.value_range)?;
        let input = only(inputs)?;
        input.image()?;
        if let Some(fill_value) = &self.fill_value {
            fill_value.check("fill value", input)?;
        }
        Ok(input.clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        if !node.mode.augments() {
            return node.input();
        }
        node.emit(Op::RandomErase(RandomErase {
            probability: self.factor.bounds(),
            share: self.scale.bounds(),
            colour: self.colour(node.input_image()[2]),
            range: self.value_range,
            stream: node.stream(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{Input, Layer, RandomErasing};
    use crate::model::Model;

    #[test]
    fn half_of_the_images_lose_a_share_within_the_scale() {
        let x = Input::image(40, 50, 1);
        let erasing = RandomErasing::new(1.0).scale((0.1, 0.3)).fill_value(-9.0).value_range(-1.0, 1.0);
        let model = Model::new(&x, &erasing.on(&x).unwrap()).unwrap();
        let images = model.augment(ndarray::ArrayD::ones(vec![300, 40, 50, 1]).view(), 0).unwrap();
        let shares: Vec<f32> = images
            .outer_iter()
            .map(|image| image.iter().filter(|&&value| value == -1.0).count() as f32 / 2000.0)
            .filter(|&share| share > 0.0)
            .collect();
        assert!((110..190).contains(&shares.len()), "{} images", shares.len());
        // A rectangle covers up to a pixel more or less on each side.
        assert!(shares.iter().all(|share| (0.07..0.35).contains(share)), "{shares:?}");
        let mean = shares.iter().sum::<f32>() / shares.len() as f32;
        assert!((0.17..0.23).contains(&mean), "{mean}");
    }

    #[test]
    fn noise_is_normal_within_the_range_and_other_in_each_image() {
        let x = Input::image(30, 30, 3);
        let erasing = RandomErasing::new((1.0, 1.0)).scale((1.0, 1.0)).value_range(0.0, 1.0);
        let model = Model::new(&x, &erasing.on(&x).unwrap()).unwrap();
        let images = model.augment(ndarray::ArrayD::from_elem(vec![2, 30, 30, 3], 5.0).view(), 0).unwrap();
        assert!(images.iter().all(|value| (0.0..=1.0).contains(value)));
        // Half of all normal numbers lie below 0, a sixth above 1.
        let share = |bound: f32| images.iter().filter(|&&value| value == bound).count() as f32 / 5400.0;
        assert!((share(0.0) - 0.5).abs() < 0.03 && (share(1.0) - 0.159).abs() < 0.03);
        assert_ne!(images.outer_iter().next(), images.outer_iter().nth(1));
    }
}
