use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::lecture::cnn;
use super::{Application, Augmentation, Weights, transfer};
use crate::model::Model;
use crate::{Error, Result};

/// A network that learns to classify photos, by its name: what `petal train --model` takes.
///
/// ```
/// use petal::applications::{Application, Architecture, Weights};
/// let architecture: Architecture = "MobileNetV2".parse()?;
/// assert_eq!(architecture, Architecture::Transfer(Application::MobileNetV2));
/// assert_eq!(architecture.name(), "mobilenet-v2");
/// let model = architecture.build([96, 96, 3], 5, &Weights::None, 42)?;
/// assert_eq!(model.summary().trainable_params(), 6_405);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Architecture {
    /// The lecture's first network, [`lecture_cnn`](super::lecture_cnn).
    Cnn,
    /// The lecture's second network, [`lecture_cnn_regularized`](super::lecture_cnn_regularized).
    CnnRegularized,
    /// [`lecture_transfer`](super::lecture_transfer) on one that was trained on ImageNet.
    Transfer(Application),
}

impl Architecture {
    /// All of them, the lecture's first.
    pub fn all() -> impl Iterator<Item = Architecture> {
        let transfer = Application::ALL.iter().copied().map(Architecture::Transfer);
        [Architecture::Cnn, Architecture::CnnRegularized].into_iter().chain(transfer)
    }

    /// Its name: `mobilenet-v2`.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Cnn => "cnn",
            Architecture::CnnRegularized => "cnn-regularized",
            Architecture::Transfer(application) => application.name(),
        }
    }

    /// Whether it rests on a network that was trained on ImageNet.
    pub fn is_pretrained(self) -> bool {
        matches!(self, Architecture::Transfer(_))
    }

    /// The network before training, for images `[height, width, channels]` with colours in 0..=255; it gives logits.
    /// `weights` are those of the base, where it has one, and `seed` draws all others.
    ///
    /// # Errors
    /// If the image is too small for it, there are no classes, or its weights cannot be had.
    pub fn build(self, image: [usize; 3], classes: usize, weights: &Weights, seed: u64) -> Result<Model> {
        self.build_with(image, classes, weights, &self.augmentation(), seed)
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
        augmentation: &Augmentation,
        seed: u64,
    ) -> Result<Model> {
        match self {
            Architecture::Cnn => cnn(image, classes, false, augmentation, seed),
            Architecture::CnnRegularized => cnn(image, classes, true, augmentation, seed),
            Architecture::Transfer(application) => {
                let base = application.base(image, weights, seed)?;
                transfer(base, |x| application.preprocess_input(x), classes, augmentation, seed)
            }
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Architecture> for &'static str {
    fn from(architecture: Architecture) -> Self {
        architecture.name()
    }
}

impl TryFrom<String> for Architecture {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl FromStr for Architecture {
    type Err = Error;

    /// By its name, in letters of any case, or Keras', as [`Application`] has them.
    fn from_str(text: &str) -> Result<Self> {
        let lecture = [Architecture::Cnn, Architecture::CnnRegularized];
        if let Some(found) = lecture.into_iter().find(|found| found.name().eq_ignore_ascii_case(text)) {
            return Ok(found);
        }
        text.parse().map(Architecture::Transfer).map_err(|_| {
            let known: Vec<&str> = Architecture::all().map(Architecture::name).collect();
            Error::argument("architecture", text, format!("one of {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_architecture_and_files_keep_the_first() {
        for architecture in Architecture::all() {
            assert_eq!(architecture.name().to_uppercase().parse::<Architecture>().unwrap(), architecture);
            let json = serde_json::to_string(&architecture).unwrap();
            assert_eq!(json, format!("\"{architecture}\""));
            assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture);
        }
        for &application in Application::ALL {
            let snake_case = application.name().replace('-', "_");
            for name in [application.keras_name(), &snake_case] {
                assert_eq!(name.parse::<Application>().unwrap(), application);
            }
        }
        let error = "alexnet".parse::<Architecture>().unwrap_err().to_string();
        assert!(error.contains("alexnet") && error.contains("mobilenet-v2"), "{error}");
    }
}
