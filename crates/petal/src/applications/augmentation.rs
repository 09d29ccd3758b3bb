use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layers::{
    AnyLayer, FlipMode, Input, RandomBrightness, RandomContrast, RandomErasing, RandomFlip, RandomRotation,
    RandomTranslation, RandomZoom,
};
use crate::model::{Model, Sequential};

/// How training photos are changed at random, so that each epoch shows others.
///
/// ```
/// use petal::applications::Augmentation;
/// use petal::layers::MixUp;
/// assert!(Augmentation::None.model([180, 180, 3], 42)?.is_none());
/// let strong = Augmentation::Strong.model([180, 180, 3], 42)?.unwrap();
/// assert_eq!(strong.layers().len(), 7);
/// let mixed = Augmentation::Light.with(MixUp::new(0.2));
/// assert_eq!(mixed.name(), "RandomFlip, RandomRotation, RandomZoom, MixUp");
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augmentation {
    /// Not at all. What a frozen base makes of photos is then computed once for all epochs.
    None,
    /// The lecture's: [`lecture_augmentation`](super::lecture_augmentation).
    Light,
    /// Flips, rotations up to ±36°, zooms up to ±20 %, shifts up to ±10 %, brightness and contrast up to ±20 %, and
    /// noise in place of a part of each second photo: for long trainings on few photos.
    Strong,
    /// These layers, one after the other.
    Custom(Vec<AnyLayer>),
}

impl Augmentation {
    /// Its name: `light`; of others the layers' names.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Augmentation::None => "none".into(),
            Augmentation::Light => "light".into(),
            Augmentation::Strong => "strong".into(),
            Augmentation::Custom(layers) => {
                layers.iter().map(AnyLayer::class_name).collect::<Vec<_>>().join(", ").into()
            }
        }
    }

    /// What a TOML file says: a table for each layer, by Keras' name, with Keras' arguments, in the order of the file.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("augment.toml");
    /// # std::fs::write(&path, "[RandomFlip]\nmode = 'horizontal'\n[RandomZoom]\nheight_factor = 0.2\n").unwrap();
    /// use petal::applications::Augmentation;
    /// let augmentation = Augmentation::open(&path)?;
    /// assert_eq!(augmentation.name(), "RandomFlip, RandomZoom");
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it cannot be read or is no TOML, names a layer that is no augmentation, or a setting that the layer doesn't have
    /// or that is out of its range: the error names the line.
    #[cfg(feature = "augmentation-file")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        super::augmentation_file::read(path.as_ref())
    }

    /// What a TOML file says, in builds of Petal with the feature `augmentation-file`.
    ///
    /// # Errors
    /// That this build doesn't have it.
    #[cfg(not(feature = "augmentation-file"))]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Err(crate::Error::file(path, crate::error::no_feature("augmentation-file")))
    }

    /// The same with another layer behind.
    pub fn with(self, layer: impl Into<AnyLayer>) -> Self {
        let mut layers = self.into_layers();
        layers.push(layer.into());
        Augmentation::Custom(layers)
    }

    /// Its layers, one after the other.
    pub fn into_layers(self) -> Vec<AnyLayer> {
        match self {
            Augmentation::None => Vec::new(),
            Augmentation::Light => vec![
                RandomFlip::new(FlipMode::Horizontal).into(),
                RandomRotation::new(0.1).into(),
                RandomZoom::new(0.1).into(),
            ],
            Augmentation::Strong => vec![
                RandomFlip::new(FlipMode::Horizontal).into(),
                RandomRotation::new(0.1).into(),
                RandomZoom::new(0.2).into(),
                RandomTranslation::new(0.1, 0.1).into(),
                RandomBrightness::new(0.2).into(),
                RandomContrast::new(0.2).value_range(0.0, 255.0).into(),
                RandomErasing::new(0.5).value_range(0.0, 255.0).into(),
            ],
            Augmentation::Custom(layers) => layers,
        }
    }

    /// Its layers as a model, for images `[height, width, channels]` with colours in 0..=255; none where it has none.
    ///
    /// # Errors
    /// If a layer doesn't take such images: some take colours alone.
    pub fn model(&self, image: [usize; 3], seed: u64) -> Result<Option<Model>> {
        let layers = self.clone().into_layers();
        if layers.is_empty() {
            return Ok(None);
        }
        let model = layers.into_iter().fold(Sequential::new(Input::new(image)), Sequential::add);
        model.name("data_augmentation").seed(seed).build().map(Some)
    }
}
