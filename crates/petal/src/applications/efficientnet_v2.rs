use super::PreprocessInput;
use super::catalogue::{
    EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2, EfficientNetV2B3, EfficientNetV2L, EfficientNetV2M,
    EfficientNetV2S, include_preprocessing,
};
use super::efficientnet::{Parts, convolution, initial_kernel, skip, squeeze_and_excite};
use super::network::{Network, round_to_8};
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{DepthwiseConv2D, Layer, Normalization, Rescaling};
use crate::model::Tensor;

/// Inverted residual blocks, fused ones at first, later with squeeze-and-excite (Tan and Le 2021).
#[derive(Clone, Copy, Debug)]
pub(super) struct EfficientNetV2 {
    variant: &'static Variant,
    include_preprocessing: bool,
}

/// Which one, in the order B0 to B3, S, M, L.
pub(super) const fn variant(number: usize) -> EfficientNetV2 {
    EfficientNetV2 { variant: &VARIANTS[number], include_preprocessing: true }
}

include_preprocessing! {
    EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2, EfficientNetV2B3, EfficientNetV2S, EfficientNetV2M,
    EfficientNetV2L
}

#[derive(Debug)]
struct Variant {
    name: &'static str,
    width: f64,
    depth: f64,
    size: usize,
    /// Of the first convolution.
    filters: usize,
    stages: &'static [Stage],
    hashes: [&'static str; 2],
}

/// Blocks of one kind.
#[derive(Debug)]
struct Stage {
    /// One convolution expands the channels and filters the image, instead of two.
    fused: bool,
    repeats: usize,
    filters: usize,
    expansion: usize,
    /// Of the first block.
    stride: usize,
}

const fn fused(repeats: usize, filters: usize, expansion: usize, stride: usize) -> Stage {
    Stage { fused: true, repeats, filters, expansion, stride }
}

const fn separate(repeats: usize, filters: usize, expansion: usize, stride: usize) -> Stage {
    Stage { fused: false, repeats, filters, expansion, stride }
}

/// Table 4 of the paper, scaled down to B0.
const B: [Stage; 6] = [
    fused(1, 16, 1, 1),
    fused(2, 32, 4, 2),
    fused(2, 48, 4, 2),
    separate(3, 96, 4, 2),
    separate(5, 112, 6, 1),
    separate(8, 192, 6, 2),
];
/// The same table.
const S: [Stage; 6] = [
    fused(2, 24, 1, 1),
    fused(4, 48, 4, 2),
    fused(4, 64, 4, 2),
    separate(6, 128, 4, 2),
    separate(9, 160, 6, 1),
    separate(15, 256, 6, 2),
];
const M: [Stage; 7] = [
    fused(3, 24, 1, 1),
    fused(5, 48, 4, 2),
    fused(5, 80, 4, 2),
    separate(7, 160, 4, 2),
    separate(14, 176, 6, 1),
    separate(18, 304, 6, 2),
    separate(5, 512, 6, 1),
];
const L: [Stage; 7] = [
    fused(4, 32, 1, 1),
    fused(7, 64, 4, 2),
    fused(7, 96, 4, 2),
    separate(10, 192, 4, 2),
    separate(19, 224, 6, 1),
    separate(25, 384, 6, 2),
    separate(7, 640, 6, 1),
];

static VARIANTS: [Variant; 7] = [
    Variant {
        name: "b0",
        width: 1.0,
        depth: 1.0,
        size: 224,
        filters: 32,
        stages: &B,
        hashes: ["21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"],
    },
    Variant {
        name: "b1",
        width: 1.0,
        depth: 1.1,
        size: 240,
        filters: 32,
        stages: &B,
        hashes: ["069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"],
    },
    Variant {
        name: "b2",
        width: 1.1,
        depth: 1.2,
        size: 260,
        filters: 32,
        stages: &B,
        hashes: ["424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"],
    },
    Variant {
        name: "b3",
        width: 1.2,
        depth: 1.4,
        size: 300,
        filters: 32,
        stages: &B,
        hashes: ["1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"],
    },
    Variant {
        name: "s",
        width: 1.0,
        depth: 1.0,
        size: 384,
        filters: 24,
        stages: &S,
        hashes: ["e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"],
    },
    Variant {
        name: "m",
        width: 1.0,
        depth: 1.0,
        size: 480,
        filters: 24,
        stages: &M,
        hashes: ["a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"],
    },
    Variant {
        name: "l",
        width: 1.0,
        depth: 1.0,
        size: 480,
        filters: 32,
        stages: &L,
        hashes: ["27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"],
    },
];

impl Network for EfficientNetV2 {
    fn name(&self, _settings: &Settings) -> String {
        format!("efficientnetv2-{}", self.variant.name)
    }

    fn size(&self) -> usize {
        self.variant.size
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        None
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let file = format!("efficientnetv2-{}{}.h5", self.variant.name, settings.by_top(["", "_notop"]));
        Imagenet::new("efficientnet_v2", file, Some(settings.by_top(self.variant.hashes)))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let variant = self.variant;
        let parts = Parts { momentum: 0.9 };
        let filters = |filters: usize| round_to_8(filters as f64 * variant.width);
        let h = if self.include_preprocessing { self.preprocess(settings, x)? } else { x.clone() };
        let stem = convolution(filters(variant.filters), 3, 2).name("stem_conv");
        let mut h = parts.activated(&h, stem, "stem_bn", "stem_activation")?;
        let total: usize = variant.stages.iter().map(|stage| stage.repeats).sum();
        let mut number = 0;
        for (i, stage) in variant.stages.iter().enumerate() {
            let repeats = (variant.depth * stage.repeats as f64).ceil() as usize;
            for letter in ('a'..).take(repeats) {
                let stride = if letter == 'a' { stage.stride } else { 1 };
                // Of the blocks before they were made more, as Keras has it.
                let drop = 0.2 * number as f64 / total as f64;
                let prefix = format!("block{}{letter}_", i + 1);
                h = stage.block(&parts, &h, filters(stage.filters), stride, drop, &prefix)?;
                number += 1;
            }
        }
        parts.end(settings, &h, filters(1280), 0.2)
    }
}

impl EfficientNetV2 {
    fn preprocess(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        if !self.variant.name.starts_with('b') || settings.image[2] != 3 {
            return Rescaling::new(1.0 / 128.0).offset(-1.0).on(x);
        }
        let h = Rescaling::new(1.0 / 255.0).on(x)?;
        let variance = [0.229f64, 0.224, 0.225].map(|deviation| (deviation * deviation) as f32);
        Normalization::new([0.485, 0.456, 0.406], variance).on(&h)
    }
}

impl Stage {
    fn block(
        &self,
        parts: &Parts,
        x: &Tensor,
        filters: usize,
        stride: usize,
        drop: f64,
        prefix: &str,
    ) -> Result<Tensor> {
        let name = |part: &str| format!("{prefix}{part}");
        let channels = x.shape()[2];
        let h = if self.expansion == 1 {
            let filter = convolution(filters, 3, stride).name(name("project_conv"));
            parts.activated(x, filter, &name("project_bn"), &name("project_activation"))?
        } else {
            let [kernel, expand_stride] = if self.fused { [3, stride] } else { [1, 1] };
            let expand = convolution(channels * self.expansion, kernel, expand_stride);
            let expand = expand.name(name("expand_conv"));
            let mut h = parts.activated(x, expand, &name("expand_bn"), &name("expand_activation"))?;
            if !self.fused {
                let filter = DepthwiseConv2D::new(3).strides(stride).same().use_bias(false);
                let filter = filter.depthwise_initializer(initial_kernel()).name(name("dwconv2"));
                h = parts.activated(&h, filter, &name("bn"), &name("activation"))?;
                h = squeeze_and_excite(&h, channels / 4, prefix)?;
            }
            parts.normalized(
                &h,
                convolution(filters, 1, 1).name(name("project_conv")),
                &name("project_bn"),
            )?
        };
        if stride == 1 && channels == filters { skip(x, &h, drop, prefix) } else { Ok(h) }
    }
}
