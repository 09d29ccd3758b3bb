use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The shape of one sample, without the batch axis: `[height, width, channels]` for an image, `[units]` for a vector.
///
/// Displayed as Keras does, with the batch axis: `(None, 180, 180, 3)`.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// The number of values in one sample.
    pub fn elements(&self) -> usize {
        self.0.iter().fold(1, |product, axis| product.saturating_mul(*axis))
    }

    /// Refuses what no layer can work on, or no memory hold: a shape may come from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        const LARGEST: usize = 1 << 28;
        match self.elements() {
            0 => Err(format!("its output would have the shape {self}, without any values")),
            1..=LARGEST => Ok(()),
            _ => Err(format!("its output would have the shape {self}; expected at most {LARGEST} values")),
        }
    }

    /// Height, width and channels, or an error text where this is not the shape of an image.
    pub(crate) fn image(&self) -> Result<[usize; 3], String> {
        <[usize; 3]>::try_from(self.0.as_slice()).map_err(|_| {
            format!("got an input of shape {self}; expected images, (None, height, width, channels)")
        })
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(axes: [usize; N]) -> Self {
        Shape(axes.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(axes: Vec<usize>) -> Self {
        Shape(axes)
    }
}

impl From<&[usize]> for Shape {
    fn from(axes: &[usize]) -> Self {
        Shape(axes.to_vec())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(None")?;
        self.0.iter().try_for_each(|axis| write!(f, ", {axis}"))?;
        f.write_str(")")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
