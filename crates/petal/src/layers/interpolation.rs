//! How augmentation layers take values between and beyond the pixels.

pub use crate::program::{FillMode, Interpolation};

/// The setters of a layer with a [`Sampling`](crate::program::Sampling).
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
