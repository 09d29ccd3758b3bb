use super::PreprocessInput;
use super::settings::{Settings, common_settings};
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{Conv2D, Dense, Flatten, Layer, MaxPooling2D};
use crate::model::{Model, Tensor};

/// VGG16 (Simonyan and Zisserman 2014): thirteen 3 × 3 convolutions in five blocks, 14.7 million parameters without its
/// top, 138 million with it. Expects centred BGR colours, see [`VGG16::preprocess_input`].
///
/// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': with the top for 1,000 classes,
/// weights trained on ImageNet, no pooling.
///
/// ```
/// use petal::applications::{VGG16, Weights};
/// let base = VGG16::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// assert_eq!(base.count_params(), 14_714_688);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct VGG16 {
    settings: Settings,
}

impl VGG16 {
    /// For RGB images of this size, at least 32 × 32 pixels.
    pub fn new(height: usize, width: usize) -> Self {
        VGG16 { settings: Settings::new(height, width) }
    }

    common_settings!();

    /// Brings RGB colours of 0..=255 to what the model expects: BGR, minus their means over ImageNet.
    ///
    /// # Errors
    /// If the image doesn't have three channels.
    pub fn preprocess_input(x: &Tensor) -> Result<Tensor> {
        PreprocessInput::Caffe.on(x)
    }

    /// The model.
    ///
    /// # Errors
    /// If the image is smaller than 32 × 32, there are no ImageNet weights for these settings, or they cannot be had.
    pub fn build(&self) -> Result<Model> {
        let settings = &self.settings;
        let x = settings.input("VGG16", 224)?;
        let y = self.layers(&x)?;
        let (top, hash) = match settings.include_top {
            true => ("", "64373286793e3c8b2b4e3219cbf3544b"),
            false => ("_notop", "6d6bbae143d832006294945121d1f1fc"),
        };
        let file = format!("vgg16_weights_tf_dim_ordering_tf_kernels{top}.h5");
        settings.model("vgg16".into(), &x, &y, Imagenet { folder: "vgg16", file, hash: Some(hash) })
    }

    fn layers(&self, x: &Tensor) -> Result<Tensor> {
        let mut h = x.clone();
        for (block, filters, convolutions) in [(1, 64, 2), (2, 128, 2), (3, 256, 3), (4, 512, 3), (5, 512, 3)]
        {
            for number in 1..=convolutions {
                let name = format!("block{block}_conv{number}");
                h = Conv2D::new(filters, 3).same().relu().name(name).on(&h)?;
            }
            h = MaxPooling2D::new(2).name(format!("block{block}_pool")).on(&h)?;
        }
        if !self.settings.include_top {
            return self.settings.pool(&h, false);
        }
        let h = Flatten::new().name("flatten").on(&h)?;
        let h = Dense::new(4096).relu().name("fc1").on(&h)?;
        let h = Dense::new(4096).relu().name("fc2").on(&h)?;
        self.settings.predictions().name("predictions").on(&h)
    }
}
