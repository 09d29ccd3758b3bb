use serde::{Deserialize, Serialize};

use super::lecture_augmentation;
use crate::Result;
use crate::layers::{
    FlipMode, Input, RandomBrightness, RandomContrast, RandomErasing, RandomFlip, RandomRotation,
    RandomTranslation, RandomZoom,
};
use crate::model::{Model, Sequential};

/// How training photos are changed at random, so that each epoch shows others.
///
/// ```
/// use petal::applications::Augmentation;
/// assert!(Augmentation::None.layers([180, 180, 3], 42)?.is_none());
/// let strong = Augmentation::Strong.layers([180, 180, 3], 42)?.unwrap();
/// assert_eq!(strong.layers().len(), 7);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augmentation {
    /// Not at all. What a frozen base makes of photos is then computed once for all epochs.
    None,
    /// The lecture's: [`lecture_augmentation`].
    Light,
    /// Flips, rotations up to ±36°, zooms up to ±20 %, shifts up to ±10 %, brightness and contrast up to ±20 %, and
    /// noise in place of a part of each second photo: for long trainings on few photos.
    Strong,
}

impl Augmentation {
    /// Its name: `light`.
    pub fn name(self) -> &'static str {
        match self {
            Augmentation::None => "none",
            Augmentation::Light => "light",
            Augmentation::Strong => "strong",
        }
    }

    /// Its layers as a model, for images `[height, width, channels]` with colours in 0..=255.
    ///
    /// # Errors
    /// None for images of at least one pixel.
    pub fn layers(self, image: [usize; 3], seed: u64) -> Result<Option<Model>> {
        match self {
            Augmentation::None => Ok(None),
            Augmentation::Light => lecture_augmentation(image, seed).map(Some),
            Augmentation::Strong => Sequential::new(Input::new(image))
                .add(RandomFlip::new(FlipMode::Horizontal))
                .add(RandomRotation::new(0.1))
                .add(RandomZoom::new(0.2))
                .add(RandomTranslation::new(0.1, 0.1))
                .add(RandomBrightness::new(0.2))
                .add(RandomContrast::new(0.2).value_range(0.0, 255.0))
                .add(RandomErasing::new(0.5).value_range(0.0, 255.0))
                .name("data_augmentation")
                .seed(seed)
                .build()
                .map(Some),
        }
    }
}
