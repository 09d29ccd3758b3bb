use serde::{Deserialize, Serialize};

use super::Pair;

/// How a sliding window treats the border of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// The window stays inside the image: the output has `floor((input - window) / stride) + 1` cells an axis.
    #[default]
    Valid,
    /// The image is padded so that the output has `ceil(input / stride)` cells an axis; an odd cell of padding goes
    /// to the bottom and to the right.
    Same,
}

impl Padding {
    /// The padding's cells on each side, for a window of this (dilated) size.
    pub(crate) fn cells(
        self,
        input: [usize; 2],
        window: [usize; 2],
        strides: Pair,
    ) -> petal_kernels::Padding {
        match self {
            Padding::Valid => petal_kernels::Padding::default(),
            Padding::Same => petal_kernels::Padding::same(input, window, strides.0),
        }
    }

    /// Height and width of the output, or the reason why the window doesn't fit.
    pub(crate) fn output(
        self,
        input: [usize; 2],
        window: [usize; 2],
        strides: Pair,
    ) -> Result<[usize; 2], String> {
        let mut output = [0; 2];
        for axis in 0..2 {
            let (size, window, stride) = (input[axis], window[axis], strides.0[axis]);
            output[axis] = match self {
                Padding::Same => size.div_ceil(stride),
                Padding::Valid if size < window => {
                    return Err(format!(
                        "a window of {}×{} doesn't fit into an image of {}×{}; use a smaller window, a larger image or .same()",
                        window, window, input[0], input[1]
                    ));
                }
                Padding::Valid => (size - window) / stride + 1,
            };
        }
        Ok(output)
    }
}
