use super::PreprocessInput;
use super::catalogue::{MobileNetV3Large, MobileNetV3Small, include_preprocessing};
use super::network::{Network, correct_pad, make_divisible};
use super::settings::Settings;
use super::weights::{Imagenet, Weights};
use crate::layers::{
    Activation, Add, BatchNormalization, Conv2D, DepthwiseConv2D, Dropout, Flatten, Function,
    GlobalAveragePooling2D, Layer, LayerSpec, Multiply, ReLU, Rescaling,
};
use crate::model::Tensor;
use crate::{Error, Result};

/// Inverted residual blocks, some with squeeze-and-excite, found by search (Howard et al. 2019).
#[derive(Clone, Copy, Debug)]
pub(super) struct MobileNetV3 {
    variant: &'static Variant,
    alpha: f64,
    minimalistic: bool,
    dropout: f32,
    include_preprocessing: bool,
}

pub(super) const SMALL: MobileNetV3 = of(&Variant { name: "Small", filters: 1024, blocks: &SMALL_BLOCKS });
pub(super) const LARGE: MobileNetV3 = of(&Variant { name: "Large", filters: 1280, blocks: &LARGE_BLOCKS });

const fn of(variant: &'static Variant) -> MobileNetV3 {
    MobileNetV3 { variant, alpha: 1.0, minimalistic: false, dropout: 0.2, include_preprocessing: true }
}

include_preprocessing!(MobileNetV3Small, MobileNetV3Large);

macro_rules! setters {
    ($($class:ident),*) => {
        $(impl $class {
            /// The factor for the number of filters of every layer; 1 by default. ImageNet weights exist for 0.75 and 1.
            pub fn alpha(mut self, alpha: f64) -> Self {
                self.network.alpha = alpha;
                self
            }

            /// Whether it does without squeeze-and-excite, hard swish and 5 × 5 windows; by default it doesn't. ImageNet
            /// weights exist for alpha 1.
            pub fn minimalistic(mut self, minimalistic: bool) -> Self {
                self.network.minimalistic = minimalistic;
                self
            }

            /// The rate of the dropout in the top; 0.2 by default.
            pub fn dropout(mut self, dropout: f32) -> Self {
                self.network.dropout = dropout;
                self
            }
        })*
    };
}

setters!(MobileNetV3Small, MobileNetV3Large);

#[derive(Debug)]
struct Variant {
    name: &'static str,
    /// Of the last convolution.
    filters: usize,
    blocks: &'static [Block],
}

/// An inverted residual block.
#[derive(Debug)]
struct Block {
    expansion: f64,
    filters: usize,
    stride: usize,
    /// A window of 5 × 5, unless minimalistic.
    wide: bool,
    /// Scales each channel by a factor that follows from the means of all, unless minimalistic.
    excited: bool,
    /// Hard swish, unless minimalistic.
    swish: bool,
}

const fn block(expansion: f64, filters: usize, stride: usize, [wide, excited, swish]: [bool; 3]) -> Block {
    Block { expansion, filters, stride, wide, excited, swish }
}

/// Table 2 of the paper.
const SMALL_BLOCKS: [Block; 11] = [
    block(1.0, 16, 2, [false, true, false]),
    block(72.0 / 16.0, 24, 2, [false, false, false]),
    block(88.0 / 24.0, 24, 1, [false, false, false]),
    block(4.0, 40, 2, [true, true, true]),
    block(6.0, 40, 1, [true, true, true]),
    block(6.0, 40, 1, [true, true, true]),
    block(3.0, 48, 1, [true, true, true]),
    block(3.0, 48, 1, [true, true, true]),
    block(6.0, 96, 2, [true, true, true]),
    block(6.0, 96, 1, [true, true, true]),
    block(6.0, 96, 1, [true, true, true]),
];
/// Table 1 of the paper.
const LARGE_BLOCKS: [Block; 15] = [
    block(1.0, 16, 1, [false, false, false]),
    block(4.0, 24, 2, [false, false, false]),
    block(3.0, 24, 1, [false, false, false]),
    block(3.0, 40, 2, [true, true, false]),
    block(3.0, 40, 1, [true, true, false]),
    block(3.0, 40, 1, [true, true, false]),
    block(6.0, 80, 2, [false, false, true]),
    block(2.5, 80, 1, [false, false, true]),
    block(2.3, 80, 1, [false, false, true]),
    block(2.3, 80, 1, [false, false, true]),
    block(6.0, 112, 1, [false, true, true]),
    block(6.0, 112, 1, [false, true, true]),
    block(6.0, 160, 2, [true, true, true]),
    block(6.0, 160, 1, [true, true, true]),
    block(6.0, 160, 1, [true, true, true]),
];

impl Network for MobileNetV3 {
    fn name(&self, _settings: &Settings) -> String {
        format!("MobileNetV3{}", self.variant.name)
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::argument("alpha", self.alpha, "a number above 0"));
        }
        let trained: &[f64] = if self.minimalistic { &[1.0] } else { &[0.75, 1.0] };
        if settings.weights == Weights::Imagenet && !trained.contains(&self.alpha) {
            let expected = "0.75 or 1 for ImageNet weights, 1 if minimalistic";
            return Err(Error::argument("alpha", self.alpha, expected));
        }
        Ok(())
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        None
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let name = self.variant.name.to_lowercase();
        let hashes = match (name.as_str(), self.minimalistic, self.alpha) {
            ("small", true, _) => ["99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"],
            ("small", _, 0.75) => ["cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"],
            ("small", ..) => ["8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"],
            (_, true, _) => ["675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"],
            (_, _, 0.75) => ["765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"],
            _ => ["59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"],
        };
        let minimalistic = if self.minimalistic { "_minimalistic" } else { "" };
        let top = settings.by_top(["", "_no_top_v2"]);
        // Debug writes 1.0 with its decimal, as Python does.
        let file = format!("weights_mobilenet_v3_{name}{minimalistic}_224_{:?}_float{top}.h5", self.alpha);
        Imagenet::new("mobilenet_v3", file, Some(settings.by_top(hashes)))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let mut h = x.clone();
        if self.include_preprocessing {
            h = Rescaling::new(1.0 / 127.5).offset(-1.0).on(&h)?;
        }
        let first = Conv2D::new(16, 3).strides(2).same().use_bias(false).name("conv");
        h = self.activated(&h, first, "conv_bn", true)?;
        for (number, block) in self.variant.blocks.iter().enumerate() {
            h = self.block(&h, block, number)?;
        }
        let last = Conv2D::new(make_divisible(h.shape()[2] as f64 * 6.0), 1).same().use_bias(false);
        let h = self.activated(&h, last.name("conv_1"), "conv_1_bn", true)?;
        if !settings.include_top {
            return settings.pool(&h, true);
        }
        let h = GlobalAveragePooling2D::new().keepdims(true).on(&h)?;
        let filters = self.variant.filters;
        let filters = if self.alpha > 1.0 { make_divisible(filters as f64 * self.alpha) } else { filters };
        let h = Conv2D::new(filters, 1).same().name("conv_2").on(&h)?;
        let mut h = self.activation(true).on(&h)?;
        if self.dropout > 0.0 {
            h = Dropout::new(self.dropout).on(&h)?;
        }
        let h = Conv2D::new(settings.classes, 1).same().name("logits").on(&h)?;
        let h = Flatten::new().on(&h)?;
        let activation = if settings.softmax { Function::Softmax } else { Function::Linear };
        Activation::new(activation).name("predictions").on(&h)
    }
}

impl MobileNetV3 {
    fn block(&self, x: &Tensor, block: &Block, number: usize) -> Result<Tensor> {
        let prefix = if number == 0 { String::new() } else { format!("{number}_") };
        let name = |part: &str| format!("expanded_conv_{prefix}{part}");
        let channels = x.shape()[2];
        let expanded = make_divisible(channels as f64 * block.expansion);
        let filters = make_divisible(block.filters as f64 * self.alpha);
        let mut h = x.clone();
        if number > 0 {
            let expand = Conv2D::new(expanded, 1).same().use_bias(false).name(name("expand"));
            h = self.activated(&h, expand, &name("expand_bn"), block.swish)?;
        }
        let window = if block.wide && !self.minimalistic { 5 } else { 3 };
        let mut depthwise = DepthwiseConv2D::new(window).strides(block.stride).use_bias(false);
        if block.stride == 2 {
            h = correct_pad(&h, window, name("depthwise_pad"))?;
        } else {
            depthwise = depthwise.same();
        }
        let depthwise = depthwise.name(name("depthwise"));
        h = self.activated(&h, depthwise, &name("depthwise_bn"), block.swish)?;
        if block.excited && !self.minimalistic {
            h = squeeze_and_excite(&h, make_divisible(expanded as f64 * 0.25), &name("squeeze_excite_"))?;
        }
        let project = Conv2D::new(filters, 1).same().use_bias(false).name(name("project"));
        let h = normalized(&h, project, &name("project_bn"))?;
        if block.stride == 1 && channels == filters {
            Add::new().name(name("add")).on([x, &h])
        } else {
            Ok(h)
        }
    }

    fn activated(&self, x: &Tensor, convolution: LayerSpec, name: &str, swish: bool) -> Result<Tensor> {
        self.activation(swish).on(&normalized(x, convolution, name)?)
    }

    fn activation(&self, swish: bool) -> LayerSpec {
        if swish && !self.minimalistic {
            Activation::new(Function::HardSilu).into()
        } else {
            ReLU::new().into()
        }
    }
}

fn normalized(x: &Tensor, convolution: LayerSpec, name: &str) -> Result<Tensor> {
    BatchNormalization::new().momentum(0.999).name(name).on(&convolution.on(x)?)
}

/// Scales each channel by a factor that follows from the means of all (Hu et al. 2017). Keras writes the hard sigmoid as
/// two operations around a ReLU, which counts as one layer, too.
fn squeeze_and_excite(x: &Tensor, squeezed: usize, prefix: &str) -> Result<Tensor> {
    let name = |part: &str| format!("{prefix}{part}");
    let h = GlobalAveragePooling2D::new().keepdims(true).name(name("avg_pool")).on(x)?;
    let h = Conv2D::new(squeezed, 1).same().name(name("conv")).on(&h)?;
    let h = ReLU::new().name(name("relu")).on(&h)?;
    let h = Conv2D::new(x.shape()[2], 1).same().name(name("conv_1")).on(&h)?;
    let h = Activation::new(Function::HardSigmoid).name(name("hard_sigmoid")).on(&h)?;
    Multiply::new().name(name("mul")).on([x, &h])
}
