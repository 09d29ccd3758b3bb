use super::PreprocessInput;
use super::inception_v3::{halved, max_pooled, pooled, same, stem};
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{Activation, BatchNormalization, Concatenate, Conv2D, CustomScaleLayer, Function, Layer};
use crate::model::Tensor;

/// Blocks of convolutions of several sizes side by side, with shortcuts around them (Szegedy et al. 2016).
#[derive(Clone, Copy, Debug)]
pub(super) struct InceptionResNetV2;

impl Network for InceptionResNetV2 {
    fn name(&self, _settings: &Settings) -> String {
        "inception_resnet_v2".into()
    }

    fn size(&self) -> usize {
        299
    }

    fn least_size(&self) -> usize {
        75
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Tf)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (top, hash) = settings.by_top([
            ("", "e693bd0210a403b3192acc6073ad2e96"),
            ("_notop", "d19885ff4a710c122648d3b5c3b684e4"),
        ]);
        let file = format!("inception_resnet_v2_weights_tf_dim_ordering_tf_kernels{top}.h5");
        Imagenet::new("inception_resnet_v2", file, Some(hash))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let h = stem(x)?;
        let one = same(&h, 96, 1)?;
        let five = same(&same(&h, 48, 1)?, 64, 5)?;
        let three = same(&same(&same(&h, 64, 1)?, 96, 3)?, 96, 3)?;
        let pooled = pooled(&h, 64)?;
        let mut h = Concatenate::new().name("mixed_5b").on([&one, &five, &three, &pooled])?;
        for number in 1..=10 {
            let one = same(&h, 32, 1)?;
            let three = same(&same(&h, 32, 1)?, 32, 3)?;
            let twice = same(&same(&same(&h, 32, 1)?, 48, 3)?, 64, 3)?;
            h = add(&h, &[one, three, twice], 0.17, &format!("block35_{number}"))?;
            h = relu(&h, &format!("block35_{number}_ac"))?;
        }
        let three = halved(&h, 384)?;
        let twice = halved(&same(&same(&h, 256, 1)?, 256, 3)?, 384)?;
        h = Concatenate::new().name("mixed_6a").on([&three, &twice, &max_pooled(&h)?])?;
        for number in 1..=20 {
            let one = same(&h, 192, 1)?;
            let seven = same(&same(&same(&h, 128, 1)?, 160, [1, 7])?, 192, [7, 1])?;
            h = add(&h, &[one, seven], 0.1, &format!("block17_{number}"))?;
            h = relu(&h, &format!("block17_{number}_ac"))?;
        }
        let three = halved(&same(&h, 256, 1)?, 384)?;
        let wide = halved(&same(&h, 256, 1)?, 288)?;
        let twice = halved(&same(&same(&h, 256, 1)?, 288, 3)?, 320)?;
        h = Concatenate::new().name("mixed_7a").on([&three, &wide, &twice, &max_pooled(&h)?])?;
        for number in 1..=10 {
            let one = same(&h, 192, 1)?;
            let three = same(&same(&same(&h, 192, 1)?, 224, [1, 3])?, 256, [3, 1])?;
            let scale = if number < 10 { 0.2 } else { 1.0 };
            h = add(&h, &[one, three], scale, &format!("block8_{number}"))?;
            if number < 10 {
                h = relu(&h, &format!("block8_{number}_ac"))?;
            }
        }
        let h = Conv2D::new(1536, 1).same().use_bias(false).name("conv_7b").on(&h)?;
        let h = BatchNormalization::new().scale(false).name("conv_7b_bn").on(&h)?;
        settings.end(&relu(&h, "conv_7b_ac")?, false)
    }
}

/// A share of what the branches give, brought to as many channels as `x` has, and `x`.
fn add(x: &Tensor, branches: &[Tensor], scale: f32, name: &str) -> Result<Tensor> {
    let h = Concatenate::new().name(format!("{name}_mixed")).on(branches)?;
    let h = Conv2D::new(x.shape()[2], 1).same().name(format!("{name}_conv")).on(&h)?;
    CustomScaleLayer::new(scale).on([x, &h])
}

fn relu(x: &Tensor, name: &str) -> Result<Tensor> {
    Activation::new(Function::Relu).name(name).on(x)
}
