use serde::{Deserialize, Serialize};

use super::{Definition, Factor, Interpolation, Lowering, only};
use crate::program::{Sampling, Value, Warp};
use crate::shape::Shape;

/// Shows a part of each image in training, in the size of the whole: torchvision's `RandomResizedCrop` of images that have
/// the right size already. In inference the image is what it is.
///
/// The scale is the part's share of the pixels, the ratio that of its width to its height, relative to the image's. Keras
/// has no such layer. Defaults: scale 0.08 to 1, ratio 3/4 to 4/3, [`Interpolation::Bilinear`].
///
/// ```
/// use petal::layers::{Input, Layer, RandomResizedCrop};
/// let y = RandomResizedCrop::new((0.3, 1.0)).on(&Input::image(180, 180, 3))?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomResizedCrop {
    scale: Factor,
    ratio: Factor,
    interpolation: Interpolation,
}

impl RandomResizedCrop {
    /// With parts of this range of shares, above 0 and up to 1.
    pub fn new(scale: impl Into<Factor>) -> Self {
        RandomResizedCrop {
            scale: scale.into(),
            ratio: (3.0 / 4.0, 4.0 / 3.0).into(),
            interpolation: Interpolation::Bilinear,
        }
    }

    /// The range of the part's proportions.
    pub fn ratio(self, ratio: impl Into<Factor>) -> Self {
        RandomResizedCrop { ratio: ratio.into(), ..self }
    }

    /// How values between pixels are found.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        RandomResizedCrop { interpolation, ..self }
    }

    fn warp(&self) -> Warp {
        let sampling = Sampling { interpolation: self.interpolation, ..Sampling::default() };
        Warp::Crop { scale: self.scale.bounds(), ratio: self.ratio.bounds(), sampling }
    }
}

impl Default for RandomResizedCrop {
    fn default() -> Self {
        RandomResizedCrop::new((0.08, 1.0))
    }
}

impl Definition for RandomResizedCrop {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.scale.check("scale", 1e-4, 1.0)?;
        self.ratio.check("ratio", 0.01, 100.0)?;
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
    fn parts_lie_within_the_image_and_have_the_wanted_area_and_proportions() {
        let [height, width] = [40.0, 60.0];
        let crop = RandomResizedCrop::new((0.2, 0.9)).ratio((0.5, 2.0)).warp();
        for key in 0..1000 {
            let [a0, a1, a2, b0, b1, b2] = crop.draw([40, 60], key);
            assert_eq!((a1, b0), (0.0, 0.0));
            // The edges of the first and of the last pixel.
            for (scale, offset, size) in [(a0, a2, width), (b1, b2, height)] {
                assert!(offset - 0.5 * scale >= -0.5 - 1e-3);
                assert!(offset + (size - 0.5) * scale <= size - 0.5 + 1e-3);
            }
            let (area, ratio) = (a0 * b1, a0 / b1);
            assert!((0.199..0.901).contains(&area) && (0.499..2.01).contains(&ratio), "{area} {ratio}");
        }
    }

    #[test]
    fn proportions_that_no_part_of_that_size_has_give_the_largest_that_fits() {
        let crop = RandomResizedCrop::new(1.0_f32).ratio((4.0, 5.0));
        let Warp::Crop { scale, .. } = crop.warp() else { unreachable!() };
        assert_eq!(scale, [-1.0, 1.0]);
        let crop = RandomResizedCrop::new((1.0, 1.0)).ratio((4.0, 5.0)).warp();
        let [a0, .., b1, _] = crop.draw([40, 40], 3);
        assert_eq!((a0, b1), (1.0, 0.25));
    }
}
