use super::PreprocessInput;
use super::network::{Network, correct_pad, make_divisible};
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, BatchNormalization, Conv2D, DepthwiseConv2D, Distribution, Dropout, Fan, Function,
    GlobalAveragePooling2D, Initializer, Layer, LayerSpec, Multiply, Normalization, Rescaling, Reshape,
};
use crate::model::Tensor;

/// Inverted residual blocks with squeeze-and-excite, in a width, a depth and an image size that grow together (Tan and
/// Le 2019).
#[derive(Clone, Copy, Debug)]
pub(super) struct EfficientNet {
    name: &'static str,
    width: f64,
    depth: f64,
    size: usize,
    dropout: f32,
    hashes: [&'static str; 2],
}

/// B0 to B7 (Keras' numbers).
pub(super) const VARIANTS: [EfficientNet; 8] = [
    variant(
        "b0",
        1.0,
        1.0,
        224,
        0.2,
        ["902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"],
    ),
    variant(
        "b1",
        1.0,
        1.1,
        240,
        0.2,
        ["1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"],
    ),
    variant(
        "b2",
        1.1,
        1.2,
        260,
        0.3,
        ["b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"],
    ),
    variant(
        "b3",
        1.2,
        1.4,
        300,
        0.3,
        ["ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"],
    ),
    variant(
        "b4",
        1.4,
        1.8,
        380,
        0.4,
        ["18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"],
    ),
    variant(
        "b5",
        1.6,
        2.2,
        456,
        0.4,
        ["ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"],
    ),
    variant(
        "b6",
        1.8,
        2.6,
        528,
        0.5,
        ["165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"],
    ),
    variant(
        "b7",
        2.0,
        3.1,
        600,
        0.5,
        ["8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"],
    ),
];

const fn variant(
    name: &'static str,
    width: f64,
    depth: f64,
    size: usize,
    dropout: f32,
    hashes: [&'static str; 2],
) -> EfficientNet {
    EfficientNet { name, width, depth, size, dropout, hashes }
}

/// Table 1 of the paper: kernel, repeats, filters, expansion and stride of each stage.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
];

impl Network for EfficientNet {
    fn name(&self, _settings: &Settings) -> String {
        format!("efficientnet{}", self.name)
    }

    fn size(&self) -> usize {
        self.size
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        None
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let file = format!("efficientnet{}{}.h5", self.name, settings.by_top(["", "_notop"]));
        let url = format!("https://storage.googleapis.com/keras-applications/{file}");
        Imagenet { url, file, hash: Some(settings.by_top(self.hashes)) }
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let h = Rescaling::new(1.0 / 255.0).on(x)?;
        let mut h = Normalization::default().on(&h)?;
        if settings.weights.are(&self.imagenet(settings)) {
            // The weights' variances are deviations: they were trained with colours divided by these twice.
            h = Rescaling::new([0.229f64, 0.224, 0.225].map(|deviation| 1.0 / deviation.sqrt())).on(&h)?;
        }
        let parts = Parts { momentum: 0.99 };
        let h = correct_pad(&h, 3, "stem_conv_pad".into())?;
        let stem = Conv2D::new(self.filters(32), 3).strides(2).use_bias(false);
        let stem = stem.kernel_initializer(initial_kernel()).name("stem_conv");
        let mut h = parts.activated(&h, stem, "stem_bn", "stem_activation")?;
        let repeats = STAGES.map(|(_, repeats, ..)| (self.depth * repeats as f64).ceil() as usize);
        let total: usize = repeats.iter().sum();
        let mut number = 0;
        for (i, (kernel, _, filters, expansion, stride)) in STAGES.into_iter().enumerate() {
            for letter in ('a'..).take(repeats[i]) {
                let block = Block {
                    kernel,
                    filters: self.filters(filters),
                    expansion,
                    stride: if letter == 'a' { stride } else { 1 },
                    drop: 0.2 * number as f64 / total as f64,
                };
                h = block.on(&h, &parts, &format!("block{}{letter}_", i + 1))?;
                number += 1;
            }
        }
        parts.end(settings, &h, self.filters(1280), self.dropout)
    }
}

impl EfficientNet {
    fn filters(&self, filters: usize) -> usize {
        make_divisible(filters as f64 * self.width)
    }
}

/// An inverted residual block.
struct Block {
    kernel: usize,
    filters: usize,
    expansion: usize,
    stride: usize,
    /// The share of samples in training that skip it.
    drop: f64,
}

impl Block {
    fn on(&self, x: &Tensor, parts: &Parts, prefix: &str) -> Result<Tensor> {
        let name = |part: &str| format!("{prefix}{part}");
        let channels = x.shape()[2];
        let mut h = x.clone();
        if self.expansion != 1 {
            let expand = convolution(channels * self.expansion, 1, 1).name(name("expand_conv"));
            h = parts.activated(&h, expand, &name("expand_bn"), &name("expand_activation"))?;
        }
        let mut depthwise = DepthwiseConv2D::new(self.kernel).strides(self.stride).use_bias(false);
        if self.stride == 2 {
            h = correct_pad(&h, self.kernel, name("dwconv_pad"))?;
        } else {
            depthwise = depthwise.same();
        }
        let depthwise = depthwise.depthwise_initializer(initial_kernel()).name(name("dwconv"));
        let h = parts.activated(&h, depthwise, &name("bn"), &name("activation"))?;
        let h = squeeze_and_excite(&h, channels / 4, prefix)?;
        let project = convolution(self.filters, 1, 1).name(name("project_conv"));
        let h = parts.normalized(&h, project, &name("project_bn"))?;
        if self.stride == 1 && channels == self.filters {
            return skip(x, &h, self.drop, prefix);
        }
        Ok(h)
    }
}

/// What both versions of EfficientNet are made of.
pub(super) struct Parts {
    /// Of the batch normalizations.
    pub momentum: f32,
}

impl Parts {
    pub fn activated(
        &self,
        x: &Tensor,
        convolution: LayerSpec,
        normalization: &str,
        activation: &str,
    ) -> Result<Tensor> {
        let h = self.normalized(x, convolution, normalization)?;
        Activation::new(Function::Silu).name(activation).on(&h)
    }

    pub fn normalized(&self, x: &Tensor, convolution: LayerSpec, normalization: &str) -> Result<Tensor> {
        let h = convolution.on(x)?;
        BatchNormalization::new().momentum(self.momentum).name(normalization).on(&h)
    }

    /// What follows the blocks.
    pub fn end(&self, settings: &Settings, h: &Tensor, filters: usize, dropout: f32) -> Result<Tensor> {
        let last = convolution(filters, 1, 1).name("top_conv");
        let h = self.activated(h, last, "top_bn", "top_activation")?;
        if !settings.include_top {
            return settings.pool(&h, true);
        }
        let h = GlobalAveragePooling2D::new().name("avg_pool").on(&h)?;
        let h = Dropout::new(dropout).name("top_dropout").on(&h)?;
        let start = Initializer::VarianceScaling {
            scale: 1.0 / 3.0,
            mode: Fan::FanOut,
            distribution: Distribution::Uniform,
        };
        settings.predictions().kernel_initializer(start).name("predictions").on(&h)
    }
}

/// Scales each channel by a factor that follows from the means of all (Hu et al. 2017).
pub(super) fn squeeze_and_excite(x: &Tensor, squeezed: usize, prefix: &str) -> Result<Tensor> {
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

/// The block's result and what went into it; in training a share of `drop` of the samples skips the block.
pub(super) fn skip(x: &Tensor, h: &Tensor, drop: f64, prefix: &str) -> Result<Tensor> {
    let mut h = h.clone();
    if drop > 0.0 {
        let dropout = Dropout::new(drop as f32).noise_shape([None, Some(1), Some(1), Some(1)]);
        h = dropout.name(format!("{prefix}drop")).on(&h)?;
    }
    Add::new().name(format!("{prefix}add")).on([&h, x])
}

pub(super) fn convolution(filters: usize, kernel: usize, stride: usize) -> Conv2D {
    let convolution = Conv2D::new(filters, kernel).strides(stride).same().use_bias(false);
    convolution.kernel_initializer(initial_kernel())
}

pub(super) fn initial_kernel() -> Initializer {
    let (mode, distribution) = (Fan::FanOut, Distribution::TruncatedNormal);
    Initializer::VarianceScaling { scale: 2.0, mode, distribution }
}
