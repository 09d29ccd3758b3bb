use super::PreprocessInput;
use super::settings::{Settings, common_settings};
use super::weights::{Imagenet, Weights};
use crate::layers::{
    Activation, BatchNormalization, Conv2D, DepthwiseConv2D, Dropout, Function, GlobalAveragePooling2D,
    Layer, LayerSpec, ReLU, Reshape, ZeroPadding2D,
};
use crate::model::{Model, Tensor};
use crate::{Error, Result};

/// MobileNet (Howard et al. 2017): depthwise and pointwise convolutions in turn, 3.2 million parameters without its top.
/// Expects colours in [-1, 1], see [`MobileNet::preprocess_input`].
///
/// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': alpha 1, depth multiplier 1, a
/// dropout of 0.001, with the top for 1,000 classes, weights trained on ImageNet, no pooling.
///
/// ```
/// use petal::applications::{MobileNet, Weights};
/// let base = MobileNet::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// assert_eq!(base.count_params(), 3_228_864);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MobileNet {
    settings: Settings,
    alpha: f64,
    depth_multiplier: usize,
    dropout: f32,
}

impl MobileNet {
    /// For RGB images of this size, at least 32 × 32 pixels.
    pub fn new(height: usize, width: usize) -> Self {
        MobileNet { settings: Settings::new(height, width), alpha: 1.0, depth_multiplier: 1, dropout: 1e-3 }
    }

    common_settings!();

    /// The factor for the number of filters of every layer; 1 by default. ImageNet weights exist for 0.25, 0.5, 0.75 and
    /// 1.
    pub fn alpha(self, alpha: f64) -> Self {
        MobileNet { alpha, ..self }
    }

    /// The number of depthwise kernels for each channel; 1 by default. ImageNet weights need 1.
    pub fn depth_multiplier(self, depth_multiplier: usize) -> Self {
        MobileNet { depth_multiplier, ..self }
    }

    /// The rate of the dropout in the top; 0.001 by default.
    pub fn dropout(self, dropout: f32) -> Self {
        MobileNet { dropout, ..self }
    }

    /// Brings colours of 0..=255 to the range that the model expects, [-1, 1], as a [`Rescaling`](crate::layers::Rescaling)
    /// layer.
    ///
    /// # Errors
    /// None for an image.
    pub fn preprocess_input(x: &Tensor) -> Result<Tensor> {
        PreprocessInput::Tf.on(x)
    }

    /// The model.
    ///
    /// # Errors
    /// If the image is smaller than 32 × 32, `alpha` leaves no filters, there are no ImageNet weights for these
    /// settings, or they cannot be had.
    pub fn build(&self) -> Result<Model> {
        let settings = &self.settings;
        let imagenet = settings.weights == Weights::Imagenet;
        if imagenet && self.depth_multiplier != 1 {
            return Err(Error::argument("depth_multiplier", self.depth_multiplier, "1 for ImageNet weights"));
        }
        let alpha = match self.alpha {
            1.0 => "1_0",
            0.75 => "7_5",
            0.5 => "5_0",
            0.25 => "2_5",
            _ if imagenet => {
                return Err(Error::argument(
                    "alpha",
                    self.alpha,
                    "0.25, 0.5, 0.75 or 1 for ImageNet weights",
                ));
            }
            _ => "",
        };
        let rows = settings.rows(&[128, 160, 192, 224]);
        let x = settings.input("MobileNet", rows)?;
        let y = self.layers(&x)?;
        let name = format!("mobilenet_{:.2}_{}", self.alpha, if imagenet { rows } else { settings.image[0] });
        let top = if settings.include_top { "" } else { "_no_top" };
        let file = format!("mobilenet_{alpha}_{rows}_tf{top}.h5");
        settings.model(name, &x, &y, Imagenet { folder: "mobilenet", file, hash: None })
    }

    fn layers(&self, x: &Tensor) -> Result<Tensor> {
        let first = Conv2D::new(self.filters(32), 3).strides(2).same().use_bias(false);
        let mut h = normalized(x, first.name("conv1"), "conv1")?;
        // Filters and stride of each block (table 1 of the paper).
        let blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)];
        let blocks = blocks.into_iter().chain([(512, 1); 5]).chain([(1024, 2), (1024, 1)]);
        for (number, (filters, stride)) in (1..).zip(blocks) {
            h = self.block(&h, number, filters, stride)?;
        }
        if !self.settings.include_top {
            return self.settings.pool(&h, false);
        }
        let h = GlobalAveragePooling2D::new().keepdims(true).on(&h)?;
        let h = Dropout::new(self.dropout).name("dropout").on(&h)?;
        let h = Conv2D::new(self.settings.classes, 1).same().name("conv_preds").on(&h)?;
        let h = Reshape::new([self.settings.classes as isize]).name("reshape_2").on(&h)?;
        let activation = if self.settings.softmax { Function::Softmax } else { Function::Linear };
        Activation::new(activation).name("predictions").on(&h)
    }

    /// A depthwise convolution, then one of each pixel.
    fn block(&self, x: &Tensor, number: usize, filters: usize, stride: usize) -> Result<Tensor> {
        let depthwise = DepthwiseConv2D::new(3).depth_multiplier(self.depth_multiplier).use_bias(false);
        let (name, mut h) = (format!("conv_dw_{number}"), x.clone());
        let depthwise = if stride == 1 {
            depthwise.same().name(&name)
        } else {
            h = ZeroPadding2D::sides([[0, 1]; 2]).name(format!("conv_pad_{number}")).on(&h)?;
            depthwise.strides(stride).name(&name)
        };
        let h = normalized(&h, depthwise, &name)?;
        let name = format!("conv_pw_{number}");
        let pointwise = Conv2D::new(self.filters(filters), 1).same().use_bias(false);
        normalized(&h, pointwise.name(&name), &name)
    }

    fn filters(&self, filters: usize) -> usize {
        (filters as f64 * self.alpha) as usize
    }
}

/// A convolution, batch normalization and ReLU6.
fn normalized(x: &Tensor, convolution: LayerSpec, name: &str) -> Result<Tensor> {
    let h = convolution.on(x)?;
    let h = BatchNormalization::new().name(format!("{name}_bn")).on(&h)?;
    ReLU::new().max_value(6.0).name(format!("{name}_relu")).on(&h)
}
