use super::settings::{Settings, common_settings};
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, BatchNormalization, Conv2D, DepthwiseConv2D, Distribution, Dropout, Fan, Function,
    GlobalAveragePooling2D, Initializer, Layer, LayerSpec, Multiply, Normalization, Rescaling, Reshape,
};
use crate::model::{Model, Tensor};

/// EfficientNetV2-B0 (Tan and Le 2021): inverted residual blocks, fused ones at first, later with squeeze-and-excite;
/// 5.9 million parameters without its top. Expects colours in 0..=255: what they need is in the model.
///
/// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': with preprocessing, with the top for
/// 1,000 classes, weights trained on ImageNet, no pooling.
///
/// ```
/// use petal::applications::{EfficientNetV2B0, Weights};
/// let base = EfficientNetV2B0::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// assert_eq!(base.count_params(), 5_919_312);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EfficientNetV2B0 {
    settings: Settings,
    include_preprocessing: bool,
}

impl EfficientNetV2B0 {
    /// For RGB images of this size, at least 32 × 32 pixels.
    pub fn new(height: usize, width: usize) -> Self {
        EfficientNetV2B0 { settings: Settings::new(height, width), include_preprocessing: true }
    }

    common_settings!();

    /// Whether the model begins with what colours of 0..=255 need, as it does by default.
    pub fn include_preprocessing(self, include_preprocessing: bool) -> Self {
        EfficientNetV2B0 { include_preprocessing, ..self }
    }

    /// Gives `x` as it is: what colours of 0..=255 need is in the model. It is there so that one architecture can take
    /// the place of another.
    ///
    /// # Errors
    /// None.
    pub fn preprocess_input(x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }

    /// The model.
    ///
    /// # Errors
    /// If the image is smaller than 32 × 32, there are no ImageNet weights for these settings, or they cannot be had.
    pub fn build(&self) -> Result<Model> {
        let settings = &self.settings;
        let x = settings.input("EfficientNetV2B0", 224)?;
        let y = self.layers(&x)?;
        let (top, hash) = match settings.include_top {
            true => ("", "21ecbf6da12460d5c40bb2f29ceb2188"),
            false => ("_notop", "893217f2bb855e2983157299931e43ff"),
        };
        let file = format!("efficientnetv2-b0{top}.h5");
        let imagenet = Imagenet { folder: "efficientnet_v2", file, hash: Some(hash) };
        settings.model("efficientnetv2-b0".into(), &x, &y, imagenet)
    }

    fn layers(&self, x: &Tensor) -> Result<Tensor> {
        let mut h = x.clone();
        if self.include_preprocessing && self.settings.image[2] == 3 {
            h = Rescaling::new(1.0 / 255.0).on(&h)?;
            let variance = [0.229f64, 0.224, 0.225].map(|deviation| (deviation * deviation) as f32);
            h = Normalization::new([0.485, 0.456, 0.406], variance).on(&h)?;
        } else if self.include_preprocessing {
            h = Rescaling::new(1.0 / 128.0).offset(-1.0).on(&h)?;
        }
        h = activated(&h, convolution(32, 3, 2).name("stem_conv"), "stem_bn", "stem_activation")?;
        let total: usize = STAGES.iter().map(|stage| stage.repeats).sum();
        let mut number = 0;
        for (i, stage) in STAGES.iter().enumerate() {
            for letter in ('a'..).take(stage.repeats) {
                let stride = if letter == 'a' { stage.stride } else { 1 };
                let drop = 0.2 * number as f64 / total as f64;
                h = stage.block(&h, stride, drop as f32, &format!("block{}{letter}_", i + 1))?;
                number += 1;
            }
        }
        h = activated(&h, convolution(1280, 1, 1).name("top_conv"), "top_bn", "top_activation")?;
        if !self.settings.include_top {
            return self.settings.pool(&h, true);
        }
        let h = GlobalAveragePooling2D::new().name("avg_pool").on(&h)?;
        let h = Dropout::new(0.2).name("top_dropout").on(&h)?;
        let start = Initializer::VarianceScaling {
            scale: 1.0 / 3.0,
            mode: Fan::FanOut,
            distribution: Distribution::Uniform,
        };
        self.settings.predictions().kernel_initializer(start).name("predictions").on(&h)
    }
}

/// Blocks of one kind.
struct Stage {
    /// One convolution expands the channels and filters the image, instead of two.
    fused: bool,
    repeats: usize,
    filters: usize,
    expansion: usize,
    /// Of the first block.
    stride: usize,
}

/// Table 4 of the paper, scaled down to B0.
const STAGES: [Stage; 6] = [
    Stage { fused: true, repeats: 1, filters: 16, expansion: 1, stride: 1 },
    Stage { fused: true, repeats: 2, filters: 32, expansion: 4, stride: 2 },
    Stage { fused: true, repeats: 2, filters: 48, expansion: 4, stride: 2 },
    Stage { fused: false, repeats: 3, filters: 96, expansion: 4, stride: 2 },
    Stage { fused: false, repeats: 5, filters: 112, expansion: 6, stride: 1 },
    Stage { fused: false, repeats: 8, filters: 192, expansion: 6, stride: 2 },
];

impl Stage {
    fn block(&self, x: &Tensor, stride: usize, drop: f32, prefix: &str) -> Result<Tensor> {
        let name = |part: &str| format!("{prefix}{part}");
        let channels = x.shape()[2];
        let expanded = channels * self.expansion;
        let h = if self.expansion == 1 {
            let filter = convolution(self.filters, 3, stride).name(name("project_conv"));
            activated(x, filter, &name("project_bn"), &name("project_activation"))?
        } else {
            let [kernel, expand_stride] = if self.fused { [3, stride] } else { [1, 1] };
            let expand = convolution(expanded, kernel, expand_stride).name(name("expand_conv"));
            let mut h = activated(x, expand, &name("expand_bn"), &name("expand_activation"))?;
            if !self.fused {
                let filter = DepthwiseConv2D::new(3).strides(stride).same().use_bias(false);
                let filter = filter.depthwise_initializer(initial_kernel()).name(name("dwconv2"));
                h = activated(&h, filter, &name("bn"), &name("activation"))?;
                h = squeeze_and_excite(&h, channels / 4, prefix)?;
            }
            normalized(&h, convolution(self.filters, 1, 1).name(name("project_conv")), &name("project_bn"))?
        };
        if stride != 1 || channels != self.filters {
            return Ok(h);
        }
        let h =
            Dropout::new(drop).noise_shape([None, Some(1), Some(1), Some(1)]).name(name("drop")).on(&h)?;
        Add::new().name(name("add")).on([&h, x])
    }
}

/// Scales each channel by a factor that follows from the means of all (Hu et al. 2017).
fn squeeze_and_excite(x: &Tensor, squeezed: usize, prefix: &str) -> Result<Tensor> {
    let name = |part: &str| format!("{prefix}se_{part}");
    let channels = x.shape()[2];
    let dense = |filters, function| {
        let convolution = Conv2D::new(filters, 1).same().activation(function);
        convolution.kernel_initializer(initial_kernel())
    };
    let h = GlobalAveragePooling2D::new().name(name("squeeze")).on(x)?;
    let h = Reshape::new([1, 1, channels as isize]).name(name("reshape")).on(&h)?;
    let h = dense(squeezed, Function::Silu).name(name("reduce")).on(&h)?;
    let h = dense(channels, Function::Sigmoid).name(name("expand")).on(&h)?;
    Multiply::new().name(name("excite")).on([x, &h])
}

fn convolution(filters: usize, kernel: usize, stride: usize) -> Conv2D {
    let convolution = Conv2D::new(filters, kernel).strides(stride).same().use_bias(false);
    convolution.kernel_initializer(initial_kernel())
}

fn initial_kernel() -> Initializer {
    let (mode, distribution) = (Fan::FanOut, Distribution::TruncatedNormal);
    Initializer::VarianceScaling { scale: 2.0, mode, distribution }
}

fn normalized(x: &Tensor, convolution: LayerSpec, normalization: &str) -> Result<Tensor> {
    let h = convolution.on(x)?;
    BatchNormalization::new().momentum(0.9).name(normalization).on(&h)
}

fn activated(x: &Tensor, convolution: LayerSpec, normalization: &str, activation: &str) -> Result<Tensor> {
    let h = normalized(x, convolution, normalization)?;
    Activation::new(Function::Silu).name(activation).on(&h)
}
