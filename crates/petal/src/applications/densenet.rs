use super::PreprocessInput;
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Function, Layer, MaxPooling2D,
    ZeroPadding2D,
};
use crate::model::Tensor;

/// Blocks of convolutions each of which sees the feature maps of all before it (Huang et al. 2017).
#[derive(Clone, Copy, Debug)]
pub(super) struct DenseNet {
    name: &'static str,
    /// Convolutions in each of the four blocks.
    blocks: [usize; 4],
    hashes: [&'static str; 2],
}

pub(super) const DENSENET121: DenseNet = DenseNet {
    name: "densenet121",
    blocks: [6, 12, 24, 16],
    hashes: ["9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"],
};
pub(super) const DENSENET169: DenseNet = DenseNet {
    name: "densenet169",
    blocks: [6, 12, 32, 32],
    hashes: ["d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"],
};
pub(super) const DENSENET201: DenseNet = DenseNet {
    name: "densenet201",
    blocks: [6, 12, 48, 32],
    hashes: ["1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"],
};

impl Network for DenseNet {
    fn name(&self, _settings: &Settings) -> String {
        self.name.into()
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Torch)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (name, top) = (self.name, settings.by_top(["", "_notop"]));
        let file = format!("{name}_weights_tf_dim_ordering_tf_kernels{top}.h5");
        Imagenet::new("densenet", file, Some(settings.by_top(self.hashes)))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let h = ZeroPadding2D::new(3).on(x)?;
        let h = Conv2D::new(64, 7).strides(2).use_bias(false).name("conv1_conv").on(&h)?;
        let h = normalized(&h, "conv1_bn", "conv1_relu")?;
        let h = ZeroPadding2D::new(1).on(&h)?;
        let mut h = MaxPooling2D::new(3).strides(2).name("pool1").on(&h)?;
        for (number, &convolutions) in (2..).zip(&self.blocks) {
            for convolution in 1..=convolutions {
                h = grow(&h, &format!("conv{number}_block{convolution}"))?;
            }
            if number < 5 {
                h = halve(&h, &format!("pool{number}"))?;
            }
        }
        settings.end(&normalized(&h, "bn", "relu")?, true)
    }
}

/// Adds 32 feature maps, computed of all that there are.
fn grow(x: &Tensor, name: &str) -> Result<Tensor> {
    let name = |part: &str| format!("{name}_{part}");
    let h = normalized(x, &name("0_bn"), &name("0_relu"))?;
    let h = Conv2D::new(128, 1).use_bias(false).name(name("1_conv")).on(&h)?;
    let h = normalized(&h, &name("1_bn"), &name("1_relu"))?;
    let h = Conv2D::new(32, 3).same().use_bias(false).name(name("2_conv")).on(&h)?;
    Concatenate::new().name(name("concat")).on([x, &h])
}

/// Halves the image and the number of feature maps.
fn halve(x: &Tensor, name: &str) -> Result<Tensor> {
    let h = normalized(x, &format!("{name}_bn"), &format!("{name}_relu"))?;
    let h = Conv2D::new(h.shape()[2] / 2, 1).use_bias(false).name(format!("{name}_conv")).on(&h)?;
    AveragePooling2D::new(2).name(format!("{name}_pool")).on(&h)
}

fn normalized(x: &Tensor, normalization: &str, activation: &str) -> Result<Tensor> {
    let h = BatchNormalization::new().epsilon(1.001e-5).name(normalization).on(x)?;
    Activation::new(Function::Relu).name(activation).on(&h)
}
