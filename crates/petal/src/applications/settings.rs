//! What the architectures that Keras has weights for have in common: their settings, their input and how they end.

use std::path::PathBuf;

use super::weights::{Imagenet, Weights};
use crate::layers::{Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input, Layer, LayerSpec};
use crate::model::{Model, Tensor};
use crate::{Error, Result};

/// What becomes of the last feature maps of a model without its top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing: the output is `[batch, height, width, channels]`.
    #[default]
    None,
    /// Their mean, `[batch, channels]`.
    Average,
    /// Their maximum, `[batch, channels]`.
    Max,
}

/// The settings of every architecture.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub image: [usize; 3],
    pub include_top: bool,
    pub weights: Weights,
    pub pooling: Pooling,
    pub classes: usize,
    pub softmax: bool,
    pub seed: u64,
    pub cache_dir: Option<PathBuf>,
}

impl Settings {
    pub fn new(height: usize, width: usize) -> Self {
        Settings {
            image: [height, width, 3],
            include_top: true,
            weights: Weights::Imagenet,
            pooling: Pooling::None,
            classes: 1000,
            softmax: true,
            seed: 0,
            cache_dir: None,
        }
    }

    /// The input, if the other settings go together. `top_size` is the image size of ImageNet weights with a top.
    pub fn input(&self, class: &str, top_size: usize) -> Result<Tensor> {
        let [height, width, channels] = self.image;
        if height < 32 || width < 32 {
            let expected = format!("at least 32 × 32 pixels for {class}");
            return Err(Error::argument("image size", format!("{height} × {width}"), expected));
        }
        if channels == 0 {
            return Err(Error::argument("channels", 0, "at least 1"));
        }
        if self.classes == 0 {
            return Err(Error::argument("classes", 0, "at least 1"));
        }
        if self.weights == Weights::Imagenet {
            if self.include_top && self.classes != 1000 {
                let expected = "1000 for ImageNet weights with their top; for others use include_top(false)";
                return Err(Error::argument("classes", self.classes, expected));
            }
            let top = [top_size, top_size, 3];
            if self.include_top && self.image != top {
                let expected = format!(
                    "{top_size}×{top_size}×3 for ImageNet weights with their top, or include_top(false)"
                );
                return Err(Error::argument("image size", format!("{height}×{width}×{channels}"), expected));
            }
            if channels != 3 {
                return Err(Error::argument("channels", channels, "3 for ImageNet weights"));
            }
        }
        Ok(Input::with_name(self.image, "input_layer"))
    }

    /// The size that the weights for square images of `sizes` were trained on: the image's, or 224.
    pub fn rows(&self, sizes: &[usize]) -> usize {
        let [height, width, _] = self.image;
        if height == width && sizes.contains(&height) { height } else { 224 }
    }

    /// What follows the last feature maps of a model without its top. `named` gives the layer the name that most
    /// architectures have for it.
    pub fn pool(&self, h: &Tensor, named: bool) -> Result<Tensor> {
        let layer: LayerSpec = match self.pooling {
            Pooling::None => return Ok(h.clone()),
            Pooling::Average if named => GlobalAveragePooling2D::new().name("avg_pool"),
            Pooling::Average => GlobalAveragePooling2D::new().into(),
            Pooling::Max if named => GlobalMaxPooling2D::new().name("max_pool"),
            Pooling::Max => GlobalMaxPooling2D::new().into(),
        };
        layer.on(h)
    }

    /// The dense layer that most tops end with.
    pub fn predictions(&self) -> Dense {
        let top = Dense::new(self.classes);
        if self.softmax { top.softmax() } else { top }
    }

    /// The model between two tensors, with its weights.
    pub fn model(&self, name: String, x: &Tensor, y: &Tensor, imagenet: Imagenet) -> Result<Model> {
        let mut model = Model::named(name, self.seed, x, y)?;
        self.weights.load(&mut model, imagenet, self.cache_dir.as_deref())?;
        Ok(model)
    }
}

/// The constructor and the setters of an architecture with a field `settings`.
macro_rules! common_settings {
    () => {
        /// The number of colour channels; 3 by default. ImageNet weights need 3.
        pub fn channels(mut self, channels: usize) -> Self {
            self.settings.image[2] = channels;
            self
        }

        /// Whether the classifier is part of the model; by default it is.
        pub fn include_top(mut self, include_top: bool) -> Self {
            self.settings.include_top = include_top;
            self
        }

        /// The weights to begin with; by default those trained on ImageNet.
        pub fn weights(mut self, weights: crate::applications::Weights) -> Self {
            self.settings.weights = weights;
            self
        }

        /// What becomes of the last feature maps, without the top; by default nothing.
        pub fn pooling(mut self, pooling: crate::applications::Pooling) -> Self {
            self.settings.pooling = pooling;
            self
        }

        /// The number of classes of the top; 1,000 by default. ImageNet weights with their top need 1,000.
        pub fn classes(mut self, classes: usize) -> Self {
            self.settings.classes = classes;
            self
        }

        /// Whether the top ends with a softmax, as it does by default, or gives logits.
        pub fn classifier_softmax(mut self, softmax: bool) -> Self {
            self.settings.softmax = softmax;
            self
        }

        /// The seed of the weights' first values and of what is random in training; 0 by default.
        pub fn seed(mut self, seed: u64) -> Self {
            self.settings.seed = seed;
            self
        }

        /// The folder whose sub-folder `models` keeps ImageNet weights; by default Keras', which is `$KERAS_HOME`, else
        /// `.keras` in the home folder.
        pub fn cache_dir(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
            self.settings.cache_dir = Some(folder.into());
            self
        }
    };
}

pub(super) use common_settings;
