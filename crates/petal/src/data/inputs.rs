use std::borrow::Cow;

use crate::program::Samples;

/// The inputs of a batch, as numbers or, where they are pixels, as bytes. Models take both, and give the same for the
/// same values.
///
/// ```
/// use petal::data::Inputs;
/// let mut inputs = Inputs::from(vec![0u8, 128, 255]);
/// assert_eq!(*inputs.to_floats(), [0.0, 128.0, 255.0]);
/// inputs.floats_mut().extend([0.5, 1.5]);
/// assert_eq!(inputs, Inputs::Floats(vec![0.5, 1.5]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    /// Any numbers.
    Floats(Vec<f32>),
    /// Whole numbers of 0..=255.
    Bytes(Vec<u8>),
}

impl Inputs {
    /// The numbers, to be changed; bytes are dropped.
    pub fn floats_mut(&mut self) -> &mut Vec<f32> {
        if let Inputs::Bytes(_) = self {
            *self = Inputs::Floats(Vec::new());
        }
        let Inputs::Floats(values) = self else { unreachable!("they were just replaced") };
        values
    }

    /// The bytes, to be changed; numbers are dropped.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        if let Inputs::Floats(_) = self {
            *self = Inputs::Bytes(Vec::new());
        }
        let Inputs::Bytes(values) = self else { unreachable!("they were just replaced") };
        values
    }

    /// The values as numbers.
    pub fn to_floats(&self) -> Cow<'_, [f32]> {
        match self {
            Inputs::Floats(values) => Cow::Borrowed(values),
            Inputs::Bytes(values) => values.iter().map(|&byte| f32::from(byte)).collect(),
        }
    }
}

impl Default for Inputs {
    fn default() -> Self {
        Inputs::Floats(Vec::new())
    }
}

impl From<Vec<f32>> for Inputs {
    fn from(values: Vec<f32>) -> Self {
        Inputs::Floats(values)
    }
}

impl From<Vec<u8>> for Inputs {
    fn from(values: Vec<u8>) -> Self {
        Inputs::Bytes(values)
    }
}

impl<'a> From<&'a Inputs> for Samples<'a> {
    fn from(inputs: &'a Inputs) -> Self {
        match inputs {
            Inputs::Floats(values) => Samples::Floats(values),
            Inputs::Bytes(values) => Samples::Bytes(values),
        }
    }
}
