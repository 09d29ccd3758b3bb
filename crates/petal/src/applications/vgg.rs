use super::PreprocessInput;
use super::network::Network;
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{Conv2D, Dense, Flatten, Layer, MaxPooling2D};
use crate::model::Tensor;

/// Five blocks of 3 × 3 convolutions (Simonyan and Zisserman 2014).
#[derive(Clone, Copy, Debug)]
pub(super) struct Vgg {
    name: &'static str,
    /// In each of the last three blocks; the first two have two.
    convolutions: usize,
    hashes: [&'static str; 2],
}

pub(super) const VGG16: Vgg = Vgg {
    name: "vgg16",
    convolutions: 3,
    hashes: ["64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"],
};
pub(super) const VGG19: Vgg = Vgg {
    name: "vgg19",
    convolutions: 4,
    hashes: ["cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"],
};

impl Network for Vgg {
    fn name(&self, _settings: &Settings) -> String {
        self.name.into()
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Caffe)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (name, top) = (self.name, settings.by_top(["", "_notop"]));
        let file = format!("{name}_weights_tf_dim_ordering_tf_kernels{top}.h5");
        Imagenet::new(name, file, Some(settings.by_top(self.hashes)))
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let (mut h, deep) = (x.clone(), self.convolutions);
        for (block, filters, convolutions) in
            [(1, 64, 2), (2, 128, 2), (3, 256, deep), (4, 512, deep), (5, 512, deep)]
        {
            for number in 1..=convolutions {
                let name = format!("block{block}_conv{number}");
                h = Conv2D::new(filters, 3).same().relu().name(name).on(&h)?;
            }
            h = MaxPooling2D::new(2).name(format!("block{block}_pool")).on(&h)?;
        }
        if !settings.include_top {
            return settings.pool(&h, false);
        }
        let h = Flatten::new().name("flatten").on(&h)?;
        let h = Dense::new(4096).relu().name("fc1").on(&h)?;
        let h = Dense::new(4096).relu().name("fc2").on(&h)?;
        settings.predictions().name("predictions").on(&h)
    }
}
