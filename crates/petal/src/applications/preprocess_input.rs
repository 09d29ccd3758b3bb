//! How the architectures expect colours of 0..=255 to be brought into their range: Keras' modes.

use crate::Result;
use crate::layers::{Layer, Rescaling, ReverseChannels};
use crate::model::Tensor;

/// Mode `tf`: `x / 127.5 - 1`, to [-1, 1].
pub(super) fn to_signed_range(x: &Tensor) -> Result<Tensor> {
    Rescaling::new(1.0 / 127.5).offset(-1.0).on(x)
}

/// Mode `caffe`: RGB to BGR, and each channel minus its mean over ImageNet.
pub(super) fn to_centered_bgr(x: &Tensor) -> Result<Tensor> {
    let bgr = ReverseChannels::new().on(x)?;
    Rescaling::new(1.0).offset([-103.939, -116.779, -123.68]).on(&bgr)
}
