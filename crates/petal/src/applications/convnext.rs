use super::PreprocessInput;
use super::catalogue::{
    ConvNeXtBase, ConvNeXtLarge, ConvNeXtSmall, ConvNeXtTiny, ConvNeXtXLarge, include_preprocessing,
};
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, Conv2D, Dense, Function, GlobalAveragePooling2D, Input, Layer, LayerNormalization,
    LayerScale, LayerSpec, Normalization,
};
use crate::model::{Sequential, Tensor};

/// Blocks of a 7 × 7 depthwise convolution and two dense layers of each pixel (Liu et al. 2022).
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvNeXt {
    variant: &'static Variant,
    include_preprocessing: bool,
}

/// Which one, in the order Tiny, Small, Base, Large, XLarge.
pub(super) const fn variant(number: usize) -> ConvNeXt {
    ConvNeXt { variant: &VARIANTS[number], include_preprocessing: true }
}

include_preprocessing!(ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase, ConvNeXtLarge, ConvNeXtXLarge);

#[derive(Debug)]
struct Variant {
    name: &'static str,
    /// In the third of four stages; the others have three.
    blocks: usize,
    /// Of the first stage; each further one has twice as many.
    channels: usize,
    hashes: [&'static str; 2],
}

static VARIANTS: [Variant; 5] = [
    Variant {
        name: "convnext_tiny",
        blocks: 9,
        channels: 96,
        hashes: [
            "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ],
    },
    Variant {
        name: "convnext_small",
        blocks: 27,
        channels: 96,
        hashes: [
            "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
            "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        ],
    },
    Variant {
        name: "convnext_base",
        blocks: 27,
        channels: 128,
        hashes: [
            "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
            "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        ],
    },
    Variant {
        name: "convnext_large",
        blocks: 27,
        channels: 192,
        hashes: [
            "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
            "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
        ],
    },
    Variant {
        name: "convnext_xlarge",
        blocks: 27,
        channels: 256,
        hashes: [
            "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
            "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
        ],
    },
];

impl Network for ConvNeXt {
    fn name(&self, _settings: &Settings) -> String {
        self.variant.name.into()
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        None
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let file = format!("{}{}.h5", self.variant.name, settings.by_top(["", "_notop"]));
        Imagenet::new("convnext", file, Some(settings.by_top(self.variant.hashes)))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let Variant { name, blocks, channels, .. } = *self.variant;
        let mut h = x.clone();
        if self.include_preprocessing && settings.image[2] == 3 {
            let mean = [0.485, 0.456, 0.406].map(|mean: f64| (mean * 255.0) as f32);
            let variance = [0.229, 0.224, 0.225].map(|deviation: f64| (deviation * 255.0).powi(2) as f32);
            h = Normalization::new(mean, variance).name(format!("{name}_prestem_normalization")).on(&h)?;
        }
        for (stage, blocks) in [3, 3, blocks, 3].into_iter().enumerate() {
            let channels = channels << stage;
            h = if stage == 0 {
                let patches = Conv2D::new(channels, 4).strides(4).name(format!("{name}_stem_conv"));
                let normalize = layer_norm().name(format!("{name}_stem_layernorm"));
                chain(&h, settings, [patches, normalize], format!("{name}_stem"))?
            } else {
                let number = stage - 1;
                let normalize = layer_norm().name(format!("{name}_downsampling_layernorm_{number}"));
                let halve = Conv2D::new(channels, 2).strides(2);
                let halve = halve.name(format!("{name}_downsampling_conv_{number}"));
                chain(&h, settings, [normalize, halve], format!("{name}_downsampling_block_{number}"))?
            };
            for number in 0..blocks {
                h = block(&h, channels, &format!("{name}_stage_{stage}_block_{number}"))?;
            }
        }
        if !settings.include_top {
            return layer_norm().on(&settings.pool(&h, false)?);
        }
        let h = GlobalAveragePooling2D::new().name(format!("{name}_head_gap")).on(&h)?;
        let h = layer_norm().name(format!("{name}_head_layernorm")).on(&h)?;
        settings.predictions().name(format!("{name}_head_dense")).on(&h)
    }
}

fn block(x: &Tensor, channels: usize, name: &str) -> Result<Tensor> {
    let name = |part: &str| format!("{name}_{part}");
    let h = Conv2D::new(channels, 7).same().groups(channels).name(name("depthwise_conv")).on(x)?;
    let h = layer_norm().name(name("layernorm")).on(&h)?;
    let h = Dense::new(4 * channels).name(name("pointwise_conv_1")).on(&h)?;
    let h = Activation::new(Function::Gelu).name(name("gelu")).on(&h)?;
    let h = Dense::new(channels).name(name("pointwise_conv_2")).on(&h)?;
    let h = LayerScale::new(1e-6, channels).name(name("layer_scale")).on(&h)?;
    // Where stochastic depth would be, whose rate is 0 in all of Keras' variants.
    let h = Activation::new(Function::Linear).name(name("identity")).on(&h)?;
    Add::new().on([x, &h])
}

/// Two layers in a model of their own, as Keras has them.
fn chain(x: &Tensor, settings: &Settings, layers: [LayerSpec; 2], name: String) -> Result<Tensor> {
    let [first, second] = layers;
    let chain = Sequential::new(Input::new(x.shape().to_vec())).add(first).add(second);
    chain.name(name).seed(settings.seed).build()?.on(x)
}

fn layer_norm() -> LayerNormalization {
    LayerNormalization::new().epsilon(1e-6)
}
