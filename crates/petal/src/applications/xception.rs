use super::PreprocessInput;
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, BatchNormalization, Conv2D, Function, Layer, MaxPooling2D, SeparableConv2D,
};
use crate::model::Tensor;

/// Separable convolutions with shortcuts around them (Chollet 2017).
#[derive(Clone, Copy, Debug)]
pub(super) struct Xception;

impl Network for Xception {
    fn name(&self, _settings: &Settings) -> String {
        "xception".into()
    }

    fn size(&self) -> usize {
        299
    }

    fn least_size(&self) -> usize {
        71
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Tf)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (top, hash) = settings.by_top([
            ("", "0a58e3b7378bc2990ea3b43d5981f1f6"),
            ("_notop", "b0042744bf5b25fce3cb969f33bebb97"),
        ]);
        let file = format!("xception_weights_tf_dim_ordering_tf_kernels{top}.h5");
        Imagenet::new("xception", file, Some(hash))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let h = Conv2D::new(32, 3).strides(2).use_bias(false).name("block1_conv1").on(x)?;
        let h = relu(&normalized(&h, "block1_conv1")?, "block1_conv1")?;
        let h = Conv2D::new(64, 3).use_bias(false).name("block1_conv2").on(&h)?;
        let mut h = relu(&normalized(&h, "block1_conv2")?, "block1_conv2")?;
        for (number, filters) in [(2, 128), (3, 256), (4, 728)] {
            h = entry(&h, number, [filters, filters])?;
        }
        for number in 5..13 {
            let mut inner = h.clone();
            for convolution in 1..=3 {
                let name = format!("block{number}_sepconv{convolution}");
                inner = separable(&relu(&inner, &name)?, 728, &name)?;
            }
            h = Add::new().on([&inner, &h])?;
        }
        h = entry(&h, 13, [728, 1024])?;
        for (convolution, filters) in [(1, 1536), (2, 2048)] {
            let name = format!("block14_sepconv{convolution}");
            h = relu(&separable(&h, filters, &name)?, &name)?;
        }
        settings.end(&h, false)
    }
}

/// Two separable convolutions and a pooling, with a convolution around them.
fn entry(x: &Tensor, number: usize, [first, second]: [usize; 2]) -> Result<Tensor> {
    let shortcut = Conv2D::new(second, 1).strides(2).same().use_bias(false).on(x)?;
    let shortcut = BatchNormalization::new().on(&shortcut)?;
    let name = |part: &str| format!("block{number}_{part}");
    // The second block begins after an activation.
    let h = if number == 2 { x.clone() } else { relu(x, &name("sepconv1"))? };
    let h = separable(&h, first, &name("sepconv1"))?;
    let h = separable(&relu(&h, &name("sepconv2"))?, second, &name("sepconv2"))?;
    let h = MaxPooling2D::new(3).strides(2).same().name(name("pool")).on(&h)?;
    Add::new().on([&h, &shortcut])
}

fn separable(x: &Tensor, filters: usize, name: &str) -> Result<Tensor> {
    let h = SeparableConv2D::new(filters, 3).same().use_bias(false).name(name).on(x)?;
    normalized(&h, name)
}

fn normalized(x: &Tensor, name: &str) -> Result<Tensor> {
    BatchNormalization::new().name(format!("{name}_bn")).on(x)
}

fn relu(x: &Tensor, name: &str) -> Result<Tensor> {
    Activation::new(Function::Relu).name(format!("{name}_act")).on(x)
}
