//! Where numbers lie. Petal has an image's channels last, ONNX first; all of a graph but its input is ONNX's.
//!
//! Every value of three axes is treated as an image, whatever it is, so that no node needs to ask. An image that becomes
//! a vector stays in ONNX's order, and whoever has weights for that vector has them in this order too.

use std::rc::Rc;

use crate::shape::Shape;

/// A value in the ONNX graph.
#[derive(Clone)]
pub(super) struct Stored {
    pub name: String,
    /// Of a vector: the place in Petal's order that each number has, if the two differ.
    pub order: Option<Rc<[usize]>>,
}

impl Stored {
    /// In Petal's order, or ONNX's of an image.
    pub(super) fn plain(name: String) -> Self {
        Stored { name, order: None }
    }
}

/// The axis of the ONNX value, whose first is the batch, that is this axis of Petal's sample.
pub(super) fn axis(rank: usize, axis: usize) -> usize {
    match (rank, axis) {
        (3, 2) => 1,
        (3, axis) => axis + 2,
        (_, axis) => axis + 1,
    }
}

/// A sample's axes as ONNX has them.
pub(super) fn dims(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [height, width, channels] => vec![channels, height, width],
        _ => shape.to_vec(),
    }
}

/// What brings ONNX's axes into Petal's order, and what brings them back.
pub(super) const TO_CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];
pub(super) const TO_CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];

/// Whether both have the numbers of a sample of this shape in the same order.
pub(super) fn is_same_order(shape: &[usize]) -> bool {
    match *shape {
        [height, width, channels] => height * width == 1 || channels == 1,
        _ => true,
    }
}

/// The place in Petal's order of each number in ONNX's.
pub(super) fn order(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [height, width, channels] => {
            let pixels = height * width;
            (0..channels).flat_map(|c| (0..pixels).map(move |pixel| pixel * channels + c)).collect()
        }
        _ => (0..shape.iter().product()).collect(),
    }
}

/// The numbers in this order.
pub(super) fn ordered(values: &[f32], order: &[usize]) -> Vec<f32> {
    order.iter().map(|&place| values[place]).collect()
}

/// How many of the last axes a row of so many values is.
pub(super) fn row_axes(shape: &Shape, features: usize) -> Option<usize> {
    (1..=shape.len()).find(|&axes| shape[shape.len() - axes..].iter().product::<usize>() == features)
}
