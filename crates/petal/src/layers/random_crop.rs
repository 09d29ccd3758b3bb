use serde::{Deserialize, Serialize};

use super::resizing::{Part, crop_and_resize, fitting, sized};
use super::{Definition, Interpolation, Lowering, only};
use crate::program::{self, Op, Value};
use crate::shape::Shape;

/// Cuts a part of fixed size out of images, in training at a place drawn for each image.
///
/// In inference it takes the largest part around the centre that has the crop's aspect ratio and brings it to the crop's
/// size (bilinear), as Keras' documentation has it; Keras 3.15 itself then returns its input unchanged. Keras also draws
/// one place for all images of a batch. In training, an image that isn't larger than the crop in both directions is cropped
/// around its centre and enlarged.
///
/// ```
/// use petal::layers::{Input, Layer, RandomCrop};
/// let y = RandomCrop::new(160, 160).on(&Input::image(180, 180, 3))?;
/// assert_eq!(y.shape()[..], [160, 160, 3]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomCrop {
    height: usize,
    width: usize,
}

impl RandomCrop {
    /// Cuts out images of this size.
    pub fn new(height: usize, width: usize) -> Self {
        RandomCrop { height, width }
    }
}

impl Definition for RandomCrop {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        sized(only(inputs)?, [self.height, self.width])
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let (image, size) = (node.input_image(), [self.height, self.width]);
        let Part { start, size: part } = fitting(image, size);
        if !node.mode.augments() {
            return crop_and_resize(node, Part { start, size: part }, size, Interpolation::Bilinear);
        }
        if image[0] > size[0] && image[1] > size[1] {
            return node.emit(Op::RandomCrop(program::RandomCrop { stream: node.stream() }));
        }
        // Keras starts where the fitting part does, but takes as much as the crop has.
        let part = [0, 1].map(|axis| size[axis].min(image[axis] - start[axis]));
        crop_and_resize(node, Part { start, size: part }, size, Interpolation::Bilinear)
    }
}
