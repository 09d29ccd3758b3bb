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
            Equalization::new().into(),
            MixUp::default().into(),
            MixUpOrCutMix::default().into(),
            RandAugment::new().into(),
            RandomBrightness::new(0.2).into(),
            RandomColorDegeneration::new(0.5).into(),
            RandomColorJitter::new()
                .brightness_factor(0.2)
                .contrast_factor((0.2, 0.2))
                .saturation_factor((0.4, 0.6))
                .hue_factor(0.1)
                .into(),
            RandomContrast::new((0.2, 0.2)).into(),
            RandomErasing::default().into(),
            RandomFlip::new(FlipMode::Horizontal).into(),
            RandomGaussianBlur::default().into(),
            RandomGrayscale::new(0.2).into(),
            RandomHue::new(0.1).into(),
            RandomInvert::new(0.5).into(),
            RandomPerspective::new(1.0).scale(0.3).into(),
            RandomPosterization::new((4.0, 8.0)).into(),
            RandomResizedCrop::new((0.3, 1.0)).into(),
            RandomRotation::new(0.1).into(),
            RandomSaturation::new((0.4, 0.6)).into(),
            RandomSharpness::new((0.2, 0.8)).into(),
            RandomShear::new(0.2, 0.2).into(),
            RandomTranslation::new(0.1, 0.1).into(),
            RandomZoom::new(0.1).into(),
            Solarization::new(0.2, 0.2).into(),
            TrivialAugmentWide::new().into(),
        ]
    }

    /// Whether it changes images at random in training, and does nothing else.
    pub fn augments(&self) -> bool {
        AnyLayer::augmentations().iter().any(|layer| layer.class_name() == self.class_name())
            || matches!(self, AnyLayer::RandomCrop(_))
    }
}
