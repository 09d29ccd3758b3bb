use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::lecture::cnn;
use super::{Augmentation, EfficientNetV2B0, MobileNet, MobileNetV2, ResNet50, VGG16, Weights, transfer};
use crate::layers::Dropout;
use crate::model::Model;
use crate::{Error, Result};

/// A network that learns to classify photos, by its name: what `petal train --model` takes.
///
/// ```
/// use petal::applications::{Architecture, Weights};
/// let architecture: Architecture = "MobileNetV2".parse()?;
/// assert_eq!(architecture.name(), "mobilenet-v2");
/// let model = architecture.build([96, 96, 3], 5, &Weights::None, 42)?;
/// assert_eq!(model.summary().trainable_params(), 6_405);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// The lecture's first network, [`lecture_cnn`](super::lecture_cnn).
    #[serde(rename = "cnn")]
    Cnn,
    /// The lecture's second network, [`lecture_cnn_regularized`](super::lecture_cnn_regularized).
    #[serde(rename = "cnn-regularized")]
    CnnRegularized,
    /// [`lecture_transfer`](super::lecture_transfer) on [`MobileNetV2`].
    #[serde(rename = "mobilenet-v2")]
    MobileNetV2,
    /// [`lecture_transfer`](super::lecture_transfer) on [`MobileNet`].
    #[serde(rename = "mobilenet")]
    MobileNet,
    /// [`lecture_transfer`](super::lecture_transfer) on [`EfficientNetV2B0`].
    #[serde(rename = "efficientnet-v2-b0")]
    EfficientNetV2B0,
    /// [`lecture_transfer`](super::lecture_transfer) on [`ResNet50`].
    #[serde(rename = "resnet50")]
    ResNet50,
    /// [`lecture_transfer`](super::lecture_transfer) on [`VGG16`].
    #[serde(rename = "vgg16")]
    Vgg16,
}

impl Architecture {
    /// All of them, the lecture's first.
    pub const ALL: [Architecture; 7] = [
        Architecture::Cnn,
        Architecture::CnnRegularized,
        Architecture::MobileNetV2,
        Architecture::MobileNet,
        Architecture::EfficientNetV2B0,
        Architecture::ResNet50,
        Architecture::Vgg16,
    ];

    /// Its name: `mobilenet-v2`.
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// What it may be called, in letters of any case: its name, then Keras' and other spellings.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Architecture::Cnn => &["cnn"],
            Architecture::CnnRegularized => &["cnn-regularized"],
            Architecture::MobileNetV2 => &["mobilenet-v2", "MobileNetV2", "mobilenet_v2"],
            Architecture::MobileNet => &["mobilenet"],
            Architecture::EfficientNetV2B0 => {
                &["efficientnet-v2-b0", "EfficientNetV2B0", "efficientnetv2-b0", "efficientnet_v2_b0"]
            }
            Architecture::ResNet50 => &["resnet50", "resnet-50"],
            Architecture::Vgg16 => &["vgg16", "vgg-16"],
        }
    }

    /// What it is good for, in a few words.
    pub fn description(self) -> &'static str {
        match self {
            Architecture::Cnn => "Three convolutions and two dense layers; overfits small folders",
            Architecture::CnnRegularized => "The same with augmentation, dropout and early stopping",
            Architecture::MobileNetV2 => {
                "Transfer learning with MobileNetV2: small and good, begin with this"
            }
            Architecture::MobileNet => "Transfer learning with MobileNet",
            Architecture::EfficientNetV2B0 => "Transfer learning with EfficientNetV2-B0",
            Architecture::ResNet50 => "Transfer learning with ResNet50: large",
            Architecture::Vgg16 => "Transfer learning with VGG16: large and slow",
        }
    }

    /// Whether it rests on a network that was trained on ImageNet.
    pub fn is_pretrained(self) -> bool {
        !matches!(self, Architecture::Cnn | Architecture::CnnRegularized)
    }

    /// The network before training, for images `[height, width, channels]` with colours in 0..=255; it gives logits.
    /// `weights` are those of the base, where it has one, and `seed` draws all others.
    ///
    /// # Errors
    /// If the image is too small for it, there are no classes, or its weights cannot be had.
    pub fn build(self, image: [usize; 3], classes: usize, weights: &Weights, seed: u64) -> Result<Model> {
        self.build_with(image, classes, weights, self.augmentation(), seed)
    }

    /// The augmentation that it has in the lecture.
    pub fn augmentation(self) -> Augmentation {
        if self == Architecture::Cnn { Augmentation::None } else { Augmentation::Light }
    }

    /// [`build`](Architecture::build) with another augmentation.
    ///
    /// # Errors
    /// Those of [`build`](Architecture::build).
    pub fn build_with(
        self,
        image: [usize; 3],
        classes: usize,
        weights: &Weights,
        augmentation: Augmentation,
        seed: u64,
    ) -> Result<Model> {
        macro_rules! transfer {
            ($base:ident) => {{
                let [height, width, channels] = image;
                let base = $base::new(height, width).channels(channels).include_top(false);
                let base = base.weights(weights.clone()).seed(seed).build()?;
                transfer(base, $base::preprocess_input, classes, augmentation, seed)
            }};
        }
        match self {
            Architecture::Cnn => cnn(image, classes, None, augmentation, seed),
            Architecture::CnnRegularized => cnn(image, classes, Some(Dropout::new(0.2)), augmentation, seed),
            Architecture::MobileNetV2 => transfer!(MobileNetV2),
            Architecture::MobileNet => transfer!(MobileNet),
            Architecture::EfficientNetV2B0 => transfer!(EfficientNetV2B0),
            Architecture::ResNet50 => transfer!(ResNet50),
            Architecture::Vgg16 => transfer!(VGG16),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    /// By any of its [`names`](Architecture::names).
    fn from_str(text: &str) -> Result<Self> {
        let is_called = |architecture: &Architecture| {
            architecture.names().iter().any(|name| name.eq_ignore_ascii_case(text))
        };
        Architecture::ALL.into_iter().find(is_called).ok_or_else(|| {
            let known: Vec<&str> = Architecture::ALL.into_iter().map(Architecture::name).collect();
            Error::argument("architecture", text, format!("one of {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_architecture_and_files_keep_the_first() {
        for architecture in Architecture::ALL {
            for name in architecture.names() {
                assert_eq!(name.to_uppercase().parse::<Architecture>().unwrap(), architecture);
            }
            let json = serde_json::to_string(&architecture).unwrap();
            assert_eq!(json, format!("\"{architecture}\""));
        }
        let error = "alexnet".parse::<Architecture>().unwrap_err().to_string();
        assert!(error.contains("alexnet") && error.contains("mobilenet-v2"), "{error}");
    }
}
