use super::PreprocessInput;
use super::settings::{Settings, common_settings};
use super::weights::{Imagenet, Weights};
use crate::layers::{
    Add, BatchNormalization, Conv2D, DepthwiseConv2D, GlobalAveragePooling2D, Layer, ReLU, ZeroPadding2D,
};
use crate::model::{Model, Tensor};
use crate::{Error, Result};

/// MobileNetV2 (Sandler et al. 2018): inverted residual blocks with depthwise convolutions, 2.3 million parameters
/// without its top. Expects colours in [-1, 1], see [`MobileNetV2::preprocess_input`].
///
/// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': alpha 1, with the top for 1,000
/// classes, weights trained on ImageNet, no pooling.
///
/// ```
/// use petal::applications::{MobileNetV2, Weights};
/// let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// assert_eq!(base.layers().len(), 154);
/// assert_eq!(base.layers()[100].name(), "block_11_expand_relu");
/// assert_eq!(base.count_params(), 2_257_984);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MobileNetV2 {
    settings: Settings,
    alpha: f64,
}

impl MobileNetV2 {
    /// For RGB images of this size, at least 32 × 32 pixels.
    pub fn new(height: usize, width: usize) -> Self {
        MobileNetV2 { settings: Settings::new(height, width), alpha: 1.0 }
    }

    common_settings!();

    /// The factor for the number of filters of every layer; 1 by default. ImageNet weights exist for 0.35, 0.5, 0.75, 1,
    /// 1.3 and 1.4.
    pub fn alpha(self, alpha: f64) -> Self {
        MobileNetV2 { alpha, ..self }
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
    /// If the image is smaller than 32 × 32, `alpha` is not a positive number, there are no ImageNet weights for these
    /// settings, or they cannot be had.
    pub fn build(&self) -> Result<Model> {
        let settings = &self.settings;
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::argument("alpha", self.alpha, "a number above 0"));
        }
        let imagenet = settings.weights == Weights::Imagenet;
        if imagenet && ![0.35, 0.5, 0.75, 1.0, 1.3, 1.4].contains(&self.alpha) {
            let expected = "0.35, 0.5, 0.75, 1, 1.3 or 1.4 for ImageNet weights";
            return Err(Error::argument("alpha", self.alpha, expected));
        }
        let rows = settings.rows(&[96, 128, 160, 192, 224]);
        let x = settings.input("MobileNetV2", rows)?;
        let y = self.layers(&x)?;
        let name =
            format!("mobilenetv2_{:.2}_{}", self.alpha, if imagenet { rows } else { settings.image[0] });
        let top = if settings.include_top { "" } else { "_no_top" };
        // Debug writes 1.0 with its decimal, as Python does.
        let file = format!("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{:?}_{rows}{top}.h5", self.alpha);
        settings.model(name, &x, &y, Imagenet { folder: "mobilenet_v2", file, hash: None })
    }

    fn layers(&self, x: &Tensor) -> Result<Tensor> {
        let first = make_divisible(32.0 * self.alpha);
        let h = Conv2D::new(first, 3).strides(2).same().use_bias(false).name("Conv1").on(x)?;
        let h = normalized(&h, "bn_Conv1")?;
        let mut h = relu6(&h, "Conv1_relu")?;
        // Filters, stride and expansion of each block (table 2 of the paper).
        let stages = [
            (16, 1, 1, 1),
            (24, 2, 6, 2),
            (32, 2, 6, 3),
            (64, 2, 6, 4),
            (96, 1, 6, 3),
            (160, 2, 6, 3),
            (320, 1, 6, 1),
        ];
        let mut number = 0;
        for (filters, first_stride, expansion, repeats) in stages {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { first_stride } else { 1 };
                h = self.block(&h, number, filters, stride, expansion)?;
                number += 1;
            }
        }
        let last = if self.alpha > 1.0 { make_divisible(1280.0 * self.alpha) } else { 1280 };
        let h = Conv2D::new(last, 1).use_bias(false).name("Conv_1").on(&h)?;
        let h = normalized(&h, "Conv_1_bn")?;
        let h = relu6(&h, "out_relu")?;
        if !self.settings.include_top {
            return self.settings.pool(&h, false);
        }
        let h = GlobalAveragePooling2D::new().on(&h)?;
        self.settings.predictions().name("predictions").on(&h)
    }

    /// An inverted residual block: expand, filter each channel, project.
    fn block(
        &self,
        x: &Tensor,
        number: usize,
        filters: usize,
        stride: usize,
        expansion: usize,
    ) -> Result<Tensor> {
        let prefix = if number == 0 { "expanded_conv_".into() } else { format!("block_{number}_") };
        let name = |part: &str| format!("{prefix}{part}");
        let channels = x.shape()[2];
        let filters = make_divisible((filters as f64 * self.alpha).floor());
        let mut h = x.clone();
        if number > 0 {
            h = Conv2D::new(expansion * channels, 1).same().use_bias(false).name(name("expand")).on(&h)?;
            h = normalized(&h, &name("expand_BN"))?;
            h = relu6(&h, &name("expand_relu"))?;
        }
        let depthwise = DepthwiseConv2D::new(3).strides(stride).use_bias(false);
        h = if stride == 2 {
            h = ZeroPadding2D::sides(correct_pad([h.shape()[0], h.shape()[1]])).name(name("pad")).on(&h)?;
            depthwise.name(name("depthwise")).on(&h)?
        } else {
            depthwise.same().name(name("depthwise")).on(&h)?
        };
        h = normalized(&h, &name("depthwise_BN"))?;
        h = relu6(&h, &name("depthwise_relu"))?;
        h = Conv2D::new(filters, 1).same().use_bias(false).name(name("project")).on(&h)?;
        h = normalized(&h, &name("project_BN"))?;
        if channels == filters && stride == 1 { Add::new().name(name("add")).on([x, &h]) } else { Ok(h) }
    }
}

fn normalized(x: &Tensor, name: &str) -> Result<Tensor> {
    BatchNormalization::new().momentum(0.999).name(name).on(x)
}

fn relu6(x: &Tensor, name: &str) -> Result<Tensor> {
    ReLU::new().max_value(6.0).name(name).on(x)
}

/// The nearest multiple of 8, but not below 90 % of `value`.
fn make_divisible(value: f64) -> usize {
    let rounded = ((value + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * value { rounded + 8 } else { rounded }
}

/// Padding before a 3×3 window of stride 2: an even size gets none at the top and left.
fn correct_pad([height, width]: [usize; 2]) -> [[usize; 2]; 2] {
    [[height % 2, 1], [width % 2, 1]]
}
