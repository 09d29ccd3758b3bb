//! Which layers are augmentations.

use super::*;

impl AnyLayer {
    /// One of each layer that changes images at random in training and keeps their size, with usual settings.
    ///
    /// ```
    /// use petal::layers::AnyLayer;
    /// let names: Vec<&str> = AnyLayer::augmentations().iter().map(AnyLayer::class_name).collect();
    /// assert!(names.contains(&"RandomFlip") && !names.contains(&"RandomCrop"));
    /// ```
    pub fn augmentations() -> Vec<AnyLayer> {
        vec![
            CutMix::default().into(),
            MixUp::default().into(),
            MixUpOrCutMix::default().into(),
            RandomBrightness::new(0.2).into(),
            RandomColorDegeneration::new(0.5).into(),
            RandomContrast::new((0.2, 0.2)).into(),
            RandomErasing::default().into(),
            RandomFlip::new(FlipMode::Horizontal).into(),
            RandomGrayscale::new(0.2).into(),
            RandomInvert::new(0.5).into(),
            RandomPosterization::new((4.0, 8.0)).into(),
            RandomRotation::new(0.1).into(),
            RandomShear::new(0.2, 0.2).into(),
            RandomTranslation::new(0.1, 0.1).into(),
            RandomZoom::new(0.1).into(),
            Solarization::new(0.2, 0.2).into(),
        ]
    }

    /// Whether it changes images at random in training, and does nothing else.
    pub fn augments(&self) -> bool {
        AnyLayer::augmentations().iter().any(|layer| layer.class_name() == self.class_name())
            || matches!(self, AnyLayer::RandomCrop(_))
    }
}
