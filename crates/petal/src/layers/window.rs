//! The sliding window that convolutions and pooling share.

use super::{Padding, Pair};
use crate::program;
use crate::shape::Shape;

/// A window that slides over an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub size: Pair,
    pub strides: Pair,
    pub dilation: Pair,
    pub padding: Padding,
}

impl Window {
    /// The output's height and width, or the reason why the window cannot slide over the image.
    pub(super) fn output(&self, image: [usize; 2]) -> Result<[usize; 2], String> {
        for (what, pair) in
            [("window", self.size), ("strides", self.strides), ("dilation rate", self.dilation)]
        {
            if pair.0.contains(&0) {
                return Err(format!("its {what} is {pair}; expected at least 1×1"));
            }
        }
        if self.strides != Pair::from(1) && self.dilation != Pair::from(1) {
            return Err(format!(
                "it has strides {} and dilation rate {}; one of them must be 1",
                self.strides, self.dilation
            ));
        }
        let window = self.dilated();
        if self.padding == Padding::Valid && (window[0] > image[0] || window[1] > image[1]) {
            return Err(format!(
                "a window of {} doesn't fit into an image of {}; use a smaller window, a larger image or .same()",
                Pair(window),
                Pair(image)
            ));
        }
        Ok([0, 1].map(|axis| match self.padding {
            Padding::Same => image[axis].div_ceil(self.strides.0[axis]),
            Padding::Valid => (image[axis] - window[axis]) / self.strides.0[axis] + 1,
        }))
    }

    /// The cells of padding on each side of the image.
    pub(super) fn padding(&self, image: [usize; 2]) -> program::Padding {
        match self.padding {
            Padding::Valid => program::Padding::default(),
            Padding::Same => program::Padding::same(image, self.dilated(), self.strides.0),
        }
    }

    /// The shape of pooled images.
    pub(super) fn pooled_shape(&self, input: &Shape) -> Result<Shape, String> {
        let [height, width, channels] = input.image()?;
        let [height, width] = self.output([height, width])?;
        Ok([height, width, channels].into())
    }

    /// The windows of a pooling layer over images of this shape.
    pub(super) fn of(&self, [height, width, _]: [usize; 3]) -> program::Window {
        let padding = self.padding([height, width]);
        program::Window { size: self.size.0, strides: self.strides.0, padding }
    }

    /// The window's size with the gaps between its cells.
    fn dilated(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.size.0[axis] - 1).saturating_mul(self.dilation.0[axis]).saturating_add(1))
    }
}

/// The setters that all convolutions share.
macro_rules! convolution_setters {
    () => {
        /// The window's step.
        pub fn strides(self, strides: impl Into<Pair>) -> Self {
            Self { strides: strides.into(), ..self }
        }

        /// Pads the input so that stride 1 keeps its size.
        pub fn same(self) -> Self {
            Self { padding: Padding::Same, ..self }
        }

        /// The distance between neighbouring cells of the window.
        pub fn dilation_rate(self, dilation_rate: impl Into<Pair>) -> Self {
            Self { dilation_rate: dilation_rate.into(), ..self }
        }

        /// The function applied to the output.
        pub fn activation(self, activation: impl Into<Function>) -> Self {
            Self { activation: activation.into(), ..self }
        }

        /// [`Function::Relu`] on the output.
        pub fn relu(self) -> Self {
            self.activation(Function::Relu)
        }

        /// Whether a bias is added; it is by default.
        pub fn use_bias(self, use_bias: bool) -> Self {
            Self { use_bias, ..self }
        }

        /// How the bias starts.
        pub fn bias_initializer(self, bias_initializer: Initializer) -> Self {
            Self { bias_initializer, ..self }
        }

        fn window(&self) -> Window {
            Window {
                size: self.kernel_size,
                strides: self.strides,
                dilation: self.dilation_rate,
                padding: self.padding,
            }
        }
    };
}

pub(super) use convolution_setters;

/// What both pooling layers have.
macro_rules! pooling_setters {
    () => {
        /// Windows of this size, side by side.
        pub fn new(pool_size: impl Into<Pair>) -> Self {
            let pool_size = pool_size.into();
            Self { pool_size, padding: Padding::Valid, strides: Some(pool_size) }
        }

        /// The window's step.
        pub fn strides(self, strides: impl Into<Pair>) -> Self {
            Self { strides: Some(strides.into()), ..self }
        }

        /// Lets windows hang over the border: `ceil(size / stride)` of them an axis.
        pub fn same(self) -> Self {
            Self { padding: Padding::Same, ..self }
        }

        fn window(&self) -> Window {
            Window {
                size: self.pool_size,
                strides: self.strides.unwrap_or(self.pool_size),
                dilation: 1.into(),
                padding: self.padding,
            }
        }
    };
}

pub(super) use pooling_setters;
