use serde::{Deserialize, Serialize};

use super::{Definition, Interpolation, Lowering, Pair, only};
use crate::program::{Op, Padding, Value};
use crate::shape::Shape;

/// Brings images to another size, in training and in inference.
///
/// Input `[batch, height, width, channels]`. Bilinear interpolation takes four pixels around a point and doesn't smooth
/// when it shrinks (Keras' `antialias=False`). Defaults: [`Interpolation::Bilinear`], the aspect ratio is not kept.
///
/// ```
/// use petal::layers::{Input, Layer, Resizing};
/// let y = Resizing::new(180, 180).crop_to_aspect_ratio().on(&Input::image(240, 320, 3))?;
/// assert_eq!(y.shape()[..], [180, 180, 3]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default = "Resizing::unset")]
pub struct Resizing {
    height: usize,
    width: usize,
    interpolation: Interpolation,
    crop_to_aspect_ratio: bool,
    pad_to_aspect_ratio: bool,
    fill_value: f32,
    antialias: bool,
}

impl Resizing {
    /// To this size.
    pub fn new(height: usize, width: usize) -> Self {
        Resizing {
            height,
            width,
            interpolation: Interpolation::Bilinear,
            crop_to_aspect_ratio: false,
            pad_to_aspect_ratio: false,
            fill_value: 0.0,
            antialias: false,
        }
    }

    /// What a configuration that lacks a key has: the defaults, and a size that shape inference refuses.
    fn unset() -> Self {
        Resizing::new(0, 0)
    }

    /// How values between pixels are found.
    pub fn interpolation(self, interpolation: Interpolation) -> Self {
        Resizing { interpolation, ..self }
    }

    /// Takes the largest part around the centre that has the new size's aspect ratio.
    pub fn crop_to_aspect_ratio(self) -> Self {
        Resizing { crop_to_aspect_ratio: true, ..self }
    }

    /// Puts bars of `fill_value` on two sides, so that the image has the new size's aspect ratio.
    pub fn pad_to_aspect_ratio(self, fill_value: f32) -> Self {
        Resizing { pad_to_aspect_ratio: true, fill_value, ..self }
    }

    fn pad(&self, node: &mut Lowering<'_>, image: [usize; 3]) -> (Value, [usize; 3]) {
        let [height, width, channels] = image;
        let rows = (width * self.height / self.width).saturating_sub(height) / 2;
        let columns = (height * self.width / self.height).saturating_sub(width) / 2;
        let padding = Padding { top: rows, bottom: rows, left: columns, right: columns };
        let padded = [height + 2 * rows, width + 2 * columns, channels];
        // The kernel pads with zeros: shift the values, pad, shift them back.
        let mut x = node.input();
        if self.fill_value != 0.0 {
            x = node.step(Op::Scale { scale: 1.0, offset: -self.fill_value }, &[x], &image.into());
        }
        x = node.step(Op::Pad(padding), &[x], &padded.into());
        if self.fill_value != 0.0 {
            x = node.step(Op::Scale { scale: 1.0, offset: self.fill_value }, &[x], &padded.into());
        }
        (x, padded)
    }
}

impl Definition for Resizing {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if self.crop_to_aspect_ratio && self.pad_to_aspect_ratio {
            return Err(
                "it has both crop_to_aspect_ratio and pad_to_aspect_ratio; expected at most one".into()
            );
        }
        if self.antialias {
            return Err("it has antialias; expected it to be off, as is Keras' default".into());
        }
        sized(only(inputs)?, [self.height, self.width])
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let (image, size) = (node.input_image(), [self.height, self.width]);
        if self.crop_to_aspect_ratio {
            return crop_and_resize(node, fitting(image, size), size, self.interpolation);
        }
        let (x, image) = if self.pad_to_aspect_ratio { self.pad(node, image) } else { (node.input(), image) };
        resize(node, x, image, size, self.interpolation)
    }
}

/// The shape of images brought to this size.
pub(super) fn sized(input: &Shape, [height, width]: [usize; 2]) -> Result<Shape, String> {
    let [_, _, channels] = input.image()?;
    if height == 0 || width == 0 {
        return Err(format!("its size is {}; expected at least 1×1", Pair([height, width])));
    }
    if input.elements() == 0 {
        return Err(format!("got an input of shape {input}; expected images with at least one pixel"));
    }
    Ok([height, width, channels].into())
}

/// A rectangle of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub start: [usize; 2],
    pub size: [usize; 2],
}

/// The largest part around the centre of an image that has the aspect ratio of `size`: Keras' `smart_resize`.
pub(super) fn fitting([height, width, _]: [usize; 3], size: [usize; 2]) -> Part {
    let part =
        [(width * size[0] / size[1]).min(height).max(1), (height * size[1] / size[0]).min(width).max(1)];
    Part { start: [(height - part[0]) / 2, (width - part[1]) / 2], size: part }
}

/// Emits the steps that bring a part of the node's input to `size`.
pub(super) fn crop_and_resize(
    node: &mut Lowering<'_>,
    part: Part,
    size: [usize; 2],
    interpolation: Interpolation,
) -> Value {
    let image @ [height, width, channels] = node.input_image();
    if part.size == [height, width] {
        return resize(node, node.input(), image, size, interpolation);
    }
    let cropped = [part.size[0], part.size[1], channels];
    let x = node.emit_as(Op::Crop { start: part.start }, &cropped.into());
    resize(node, x, cropped, size, interpolation)
}

fn resize(
    node: &mut Lowering<'_>,
    x: Value,
    image: [usize; 3],
    size: [usize; 2],
    interpolation: Interpolation,
) -> Value {
    if [image[0], image[1]] == size {
        return x;
    }
    node.step(Op::Resize { interpolation }, &[x], &[size[0], size[1], image[2]].into())
}
