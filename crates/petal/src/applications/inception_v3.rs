use super::PreprocessInput;
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Function, Layer, MaxPooling2D,
    Pair,
};
use crate::model::Tensor;

/// Blocks of convolutions of several sizes side by side (Szegedy et al. 2015).
#[derive(Clone, Copy, Debug)]
pub(super) struct InceptionV3;

impl Network for InceptionV3 {
    fn name(&self, _settings: &Settings) -> String {
        "inception_v3".into()
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
            ("", "9a0d58056eeedaa3f26cb7ebd46da564"),
            ("_notop", "bcbd6486424b2319ff4ef7d526e38f63"),
        ]);
        let file = format!("inception_v3_weights_tf_dim_ordering_tf_kernels{top}.h5");
        Imagenet::new("inception_v3", file, Some(hash))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let mut h = stem(x)?;
        let mixed = |number: usize| Concatenate::new().name(format!("mixed{number}"));
        for (number, filters) in [32, 64, 64].into_iter().enumerate() {
            let one = same(&h, 64, 1)?;
            let five = same(&same(&h, 48, 1)?, 64, 5)?;
            let three = same(&same(&same(&h, 64, 1)?, 96, 3)?, 96, 3)?;
            let pooled = pooled(&h, filters)?;
            h = mixed(number).on([&one, &five, &three, &pooled])?;
        }
        let three = halved(&h, 384)?;
        let twice = halved(&same(&same(&h, 64, 1)?, 96, 3)?, 96)?;
        let pooled_h = max_pooled(&h)?;
        h = mixed(3).on([&three, &twice, &pooled_h])?;
        for (number, filters) in (4..).zip([128, 160, 160, 192]) {
            let one = same(&h, 192, 1)?;
            let seven = same(&same(&same(&h, filters, 1)?, filters, [1, 7])?, 192, [7, 1])?;
            let mut twice = same(&h, filters, 1)?;
            for kernel in [[7, 1], [1, 7], [7, 1]] {
                twice = same(&twice, filters, kernel)?;
            }
            let twice = same(&twice, 192, [1, 7])?;
            let pooled = pooled(&h, 192)?;
            h = mixed(number).on([&one, &seven, &twice, &pooled])?;
        }
        let three = halved(&same(&h, 192, 1)?, 320)?;
        let seven = same(&same(&same(&h, 192, 1)?, 192, [1, 7])?, 192, [7, 1])?;
        let seven = halved(&seven, 192)?;
        let pooled_h = max_pooled(&h)?;
        h = mixed(8).on([&three, &seven, &pooled_h])?;
        for number in 0..2 {
            let one = same(&h, 320, 1)?;
            let three = same(&h, 384, 1)?;
            let [across, down] = [same(&three, 384, [1, 3])?, same(&three, 384, [3, 1])?];
            let three = Concatenate::new().name(format!("mixed9_{number}")).on([&across, &down])?;
            let twice = same(&same(&h, 448, 1)?, 384, 3)?;
            let [across, down] = [same(&twice, 384, [1, 3])?, same(&twice, 384, [3, 1])?];
            let twice = Concatenate::new().on([&across, &down])?;
            let pooled = pooled(&h, 192)?;
            h = mixed(9 + number).on([&one, &three, &twice, &pooled])?;
        }
        settings.end(&h, false)
    }
}

/// What both networks with such blocks begin with.
pub(super) fn stem(x: &Tensor) -> Result<Tensor> {
    let h = halved(x, 32)?;
    let h = convolved(&h, Conv2D::new(32, 3))?;
    let h = max_pooled(&same(&h, 64, 3)?)?;
    let h = convolved(&h, Conv2D::new(80, 1))?;
    let h = convolved(&h, Conv2D::new(192, 3))?;
    max_pooled(&h)
}

/// A convolution that keeps the image's size.
pub(super) fn same(x: &Tensor, filters: usize, kernel: impl Into<Pair>) -> Result<Tensor> {
    convolved(x, Conv2D::new(filters, kernel).same())
}

/// A 3 × 3 convolution that halves it.
pub(super) fn halved(x: &Tensor, filters: usize) -> Result<Tensor> {
    convolved(x, Conv2D::new(filters, 3).strides(2))
}

pub(super) fn max_pooled(x: &Tensor) -> Result<Tensor> {
    MaxPooling2D::new(3).strides(2).on(x)
}

/// The means around each pixel, convolved.
pub(super) fn pooled(x: &Tensor, filters: usize) -> Result<Tensor> {
    same(&AveragePooling2D::new(3).strides(1).same().on(x)?, filters, 1)
}

fn convolved(x: &Tensor, convolution: Conv2D) -> Result<Tensor> {
    let h = convolution.use_bias(false).on(x)?;
    let h = BatchNormalization::new().scale(false).on(&h)?;
    Activation::new(Function::Relu).on(&h)
}
