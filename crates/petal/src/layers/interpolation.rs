use petal_kernels as kernels;
use serde::{Deserialize, Serialize};

/// How a value between pixels is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// The weighted mean of the four pixels around.
    #[default]
    Bilinear,
}

/// What stands beyond an image's border when it is turned, zoomed or moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FillMode {
    /// The image in a mirror: `d c b a | a b c d | d c b a`.
    #[default]
    Reflect,
    /// The image again: `a b c d | a b c d | a b c d`.
    Wrap,
    /// One value, the layer's `fill_value`.
    Constant,
    /// The border's pixels: `a a a a | a b c d | d d d d`.
    Nearest,
}

impl From<Interpolation> for kernels::Interpolation {
    fn from(interpolation: Interpolation) -> Self {
        match interpolation {
            Interpolation::Nearest => kernels::Interpolation::Nearest,
            Interpolation::Bilinear => kernels::Interpolation::Bilinear,
        }
    }
}

impl From<FillMode> for kernels::FillMode {
    fn from(fill_mode: FillMode) -> Self {
        match fill_mode {
            FillMode::Reflect => kernels::FillMode::Reflect,
            FillMode::Wrap => kernels::FillMode::Wrap,
            FillMode::Constant => kernels::FillMode::Constant,
            FillMode::Nearest => kernels::FillMode::Nearest,
        }
    }
}

/// How a layer that transforms images takes values between and beyond the pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sampling {
    pub fill_mode: FillMode,
    pub fill_value: f32,
    pub interpolation: Interpolation,
}

/// The setters of a layer with a [`Sampling`].
macro_rules! sampling_setters {
    () => {
        /// What stands beyond the image's border.
        pub fn fill_mode(mut self, fill_mode: FillMode) -> Self {
            self.sampling.fill_mode = fill_mode;
            self
        }

        /// The value beyond the border with [`FillMode::Constant`]; 0 by default.
        pub fn fill_value(mut self, fill_value: f32) -> Self {
            self.sampling.fill_value = fill_value;
            self
        }

        /// How values between pixels are found.
        pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
            self.sampling.interpolation = interpolation;
            self
        }
    };
}

pub(super) use sampling_setters;
