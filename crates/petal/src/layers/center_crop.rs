use serde::{Deserialize, Serialize};

use super::resizing::{Part, crop_and_resize, fitting, sized};
use super::{Definition, Interpolation, Lowering, only};
use crate::program::Value;
use crate::shape::Shape;

/// Cuts out the middle of images, in training and in inference.
///
/// Of an image that is smaller than the crop, it takes the largest part around the centre that has the crop's aspect ratio
/// and enlarges it (bilinear).
///
/// ```
/// use petal::layers::{CenterCrop, Input, Layer};
/// let y = CenterCrop::new(160, 160).on(&Input::image(180, 180, 3))?;
/// assert_eq!(y.shape()[..], [160, 160, 3]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CenterCrop {
    height: usize,
    width: usize,
}

impl CenterCrop {
    /// Cuts out an image of this size.
    pub fn new(height: usize, width: usize) -> Self {
        CenterCrop { height, width }
    }
}

impl Definition for CenterCrop {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        sized(only(inputs)?, [self.height, self.width])
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let (image, size) = (node.input_image(), [self.height, self.width]);
        let part = if image[0] >= size[0] && image[1] >= size[1] {
            Part { start: [(image[0] - size[0]) / 2, (image[1] - size[1]) / 2], size }
        } else {
            fitting(image, size)
        };
        crop_and_resize(node, part, size, Interpolation::Bilinear)
    }
}
