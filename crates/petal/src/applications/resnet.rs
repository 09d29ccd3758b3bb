use super::PreprocessInput;
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, BatchNormalization, Conv2D, Function, Layer, MaxPooling2D, ZeroPadding2D,
};
use crate::model::Tensor;

/// Bottleneck blocks with shortcuts around them (He et al. 2015), in the second version normalized before each
/// convolution instead of after it (He et al. 2016).
#[derive(Clone, Copy, Debug)]
pub(super) struct ResNet {
    name: &'static str,
    /// In each of the four stages.
    blocks: [usize; 4],
    second_version: bool,
    hashes: [&'static str; 2],
}

const fn first(name: &'static str, blocks: [usize; 4], hashes: [&'static str; 2]) -> ResNet {
    ResNet { name, blocks, second_version: false, hashes }
}

const fn second(name: &'static str, blocks: [usize; 4], hashes: [&'static str; 2]) -> ResNet {
    ResNet { name, blocks, second_version: true, hashes }
}

pub(super) const RESNET50: ResNet =
    first("resnet50", [3, 4, 6, 3], ["2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"]);
pub(super) const RESNET101: ResNet = first(
    "resnet101",
    [3, 4, 23, 3],
    ["f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"],
);
pub(super) const RESNET152: ResNet = first(
    "resnet152",
    [3, 8, 36, 3],
    ["100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"],
);
pub(super) const RESNET50_V2: ResNet = second(
    "resnet50v2",
    [3, 4, 6, 3],
    ["3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"],
);
pub(super) const RESNET101_V2: ResNet = second(
    "resnet101v2",
    [3, 4, 23, 3],
    ["6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"],
);
pub(super) const RESNET152_V2: ResNet = second(
    "resnet152v2",
    [3, 8, 36, 3],
    ["a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"],
);

impl Network for ResNet {
    fn name(&self, _settings: &Settings) -> String {
        self.name.into()
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(if self.second_version { PreprocessInput::Tf } else { PreprocessInput::Caffe })
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (name, top) = (self.name, settings.by_top(["", "_notop"]));
        let file = format!("{name}_weights_tf_dim_ordering_tf_kernels{top}.h5");
        Imagenet::new("resnet", file, Some(settings.by_top(self.hashes)))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let h = ZeroPadding2D::new(3).name("conv1_pad").on(x)?;
        let mut h = Conv2D::new(64, 7).strides(2).name("conv1_conv").on(&h)?;
        if !self.second_version {
            h = normalized(&h, "conv1_bn", "conv1_relu")?;
        }
        let h = ZeroPadding2D::new(1).name("pool1_pad").on(&h)?;
        let mut h = MaxPooling2D::new(3).strides(2).name("pool1_pool").on(&h)?;
        for (stage, &blocks) in self.blocks.iter().enumerate() {
            let filters = 64 << stage;
            for number in 1..=blocks {
                let name = format!("conv{}_block{number}", stage + 2);
                h = if self.second_version {
                    let stride = if number == blocks && stage < 3 { 2 } else { 1 };
                    second_block(&h, filters, number == 1, stride, &name)?
                } else {
                    let stride = if stage == 0 { 1 } else { 2 };
                    first_block(&h, filters, (number == 1).then_some(stride), &name)?
                };
            }
        }
        if self.second_version {
            h = normalized(&h, "post_bn", "post_relu")?;
        }
        settings.end(&h, true)
    }
}

/// Three convolutions and a shortcut around them, which is a convolution where a stride is given.
fn first_block(x: &Tensor, filters: usize, stride: Option<usize>, name: &str) -> Result<Tensor> {
    let convolved = |h: &Tensor, convolution: Conv2D, number: usize| {
        let h = convolution.name(format!("{name}_{number}_conv")).on(h)?;
        batch_norm(&h, &format!("{name}_{number}_bn"))
    };
    let shortcut = match stride {
        Some(stride) => convolved(x, Conv2D::new(4 * filters, 1).strides(stride), 0)?,
        None => x.clone(),
    };
    let h = convolved(x, Conv2D::new(filters, 1).strides(stride.unwrap_or(1)), 1)?;
    let h = relu(&h, &format!("{name}_1_relu"))?;
    let h = convolved(&h, Conv2D::new(filters, 3).same(), 2)?;
    let h = relu(&h, &format!("{name}_2_relu"))?;
    let h = convolved(&h, Conv2D::new(4 * filters, 1), 3)?;
    let h = Add::new().name(format!("{name}_add")).on([&shortcut, &h])?;
    relu(&h, &format!("{name}_out"))
}

/// The same with normalization first; the shortcut of a stride is a pooling.
fn second_block(x: &Tensor, filters: usize, convolved: bool, stride: usize, name: &str) -> Result<Tensor> {
    let normalized =
        |h: &Tensor, part: &str| normalized(h, &format!("{name}_{part}_bn"), &format!("{name}_{part}_relu"));
    let start = normalized(x, "preact")?;
    let shortcut = if convolved {
        Conv2D::new(4 * filters, 1).strides(stride).name(format!("{name}_0_conv")).on(&start)?
    } else if stride > 1 {
        MaxPooling2D::new(1).strides(stride).on(x)?
    } else {
        x.clone()
    };
    let h = Conv2D::new(filters, 1).use_bias(false).name(format!("{name}_1_conv")).on(&start)?;
    let h = normalized(&h, "1")?;
    let h = ZeroPadding2D::new(1).name(format!("{name}_2_pad")).on(&h)?;
    let h = Conv2D::new(filters, 3).strides(stride).use_bias(false).name(format!("{name}_2_conv")).on(&h)?;
    let h = normalized(&h, "2")?;
    let h = Conv2D::new(4 * filters, 1).name(format!("{name}_3_conv")).on(&h)?;
    Add::new().name(format!("{name}_out")).on([&shortcut, &h])
}

fn normalized(x: &Tensor, normalization: &str, activation: &str) -> Result<Tensor> {
    relu(&batch_norm(x, normalization)?, activation)
}

fn batch_norm(x: &Tensor, name: &str) -> Result<Tensor> {
    BatchNormalization::new().epsilon(1.001e-5).name(name).on(x)
}

fn relu(x: &Tensor, name: &str) -> Result<Tensor> {
    Activation::new(Function::Relu).name(name).on(x)
}
