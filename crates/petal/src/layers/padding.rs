use serde::{Deserialize, Serialize};

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
