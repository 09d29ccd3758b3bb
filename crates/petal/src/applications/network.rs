//! What the networks that Keras has weights for have in common.

use super::PreprocessInput;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{Layer, ZeroPadding2D};
use crate::model::Tensor;

/// A network: what its family makes of the numbers of one variant.
pub(super) trait Network: Sync {
    /// The model's name.
    fn name(&self, settings: &Settings) -> String;

    /// The layers after the input.
    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor>;

    /// The file with its ImageNet weights.
    fn imagenet(&self, settings: &Settings) -> Imagenet;

    /// How colours of 0..=255 are brought into its range, where it doesn't do so itself.
    fn preprocess_input(&self) -> Option<PreprocessInput>;

    /// The side of the images that it was made for.
    fn size(&self) -> usize {
        224
    }

    /// The side of the images that its ImageNet weights were trained on.
    fn trained_at(&self, _settings: &Settings) -> usize {
        self.size()
    }

    /// The side of the smallest image.
    fn least_size(&self) -> usize {
        32
    }

    /// Refuses numbers that make no network, or that there are no ImageNet weights for.
    fn check(&self, _settings: &Settings) -> Result<()> {
        Ok(())
    }
}

/// The nearest multiple of 8, at least 8.
pub(super) fn round_to_8(value: f64) -> usize {
    ((value + 4.0) as usize / 8 * 8).max(8)
}

/// The nearest multiple of 8, but not below 90 % of `value`.
pub(super) fn make_divisible(value: f64) -> usize {
    let rounded = round_to_8(value);
    if (rounded as f64) < 0.9 * value { rounded + 8 } else { rounded }
}

/// Zeros around `x` for a window of stride 2: at the top and left an even size gets one less.
pub(super) fn correct_pad(x: &Tensor, window: usize, name: String) -> Result<Tensor> {
    let half = window / 2;
    let sides = [0, 1].map(|axis| [half - (1 - x.shape()[axis] % 2), half]);
    ZeroPadding2D::sides(sides).name(name).on(x)
}
