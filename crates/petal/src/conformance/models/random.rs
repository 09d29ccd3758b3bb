//! Models that draw: dropout, noise, and augmentations of images.

use super::{chain, sequence};
use crate::Result;
use crate::layers::*;
use crate::model::{Model, Tensor};

pub(super) fn dropout_and_noise() -> Result<Model> {
    let x = Input::image(6, 5, 3);
    let h = chain(
        &x,
        vec![
            GaussianNoise::new(0.3).into(),
            Conv2D::new(5, 2).into(),
            Dropout::new(0.3).into(),
            GaussianNoise::new(0.2).into(),
            SpatialDropout2D::new(0.4).into(),
            AlphaDropout::new(0.2).into(),
            GaussianDropout::new(0.25).into(),
            Dropout::new(0.3).noise_shape([None, Some(1), Some(1), None]).into(),
            AlphaDropout::new(0.3).noise_shape([None, Some(1), Some(1), None]).into(),
        ],
    )?;
    let block = StochasticDepth::new(0.5).on(&Conv2D::new(5, 1).on(&h)?)?;
    let h = Flatten::new().on(&Add::new().on([&h, &block])?)?;
    Model::new(&x, &Dense::new(3).on(&h)?)
}

/// After weights, so that gradients go back through them; each way to sample, so that few are composed.
pub(super) fn warps() -> Result<Model> {
    sequence(
        Input::image(9, 12, 2),
        vec![
            LayerScale::new(1.0, 2).into(),
            RandomFlip::new(FlipMode::HorizontalAndVertical).into(),
            RandomRotation::new(0.2).into(),
            Conv2D::new(3, 1).into(),
            RandomZoom::new(0.3).width_factor(0.2).fill_mode(FillMode::Nearest).into(),
            RandomTranslation::new(0.2, 0.3).fill_mode(FillMode::Constant).fill_value(0.3).into(),
            RandomFlip::new(FlipMode::Vertical).into(),
            Conv2D::new(5, 1).into(),
            RandomShear::new(0.2, 0.3).fill_mode(FillMode::Wrap).into(),
            RandomRotation::new(0.1).interpolation(Interpolation::Nearest).into(),
            RandomZoom::new(0.4).fill_mode(FillMode::Constant).interpolation(Interpolation::Nearest).into(),
            RandomFlip::new(FlipMode::Horizontal).into(),
            Flatten::new().into(),
            Dense::new(2).into(),
        ],
    )
}

/// Neighbouring warps, which are sampled once, and a rescaling behind them.
pub(super) fn warps_of_bytes() -> Result<Model> {
    sequence(
        Input::image(10, 9, 3),
        vec![
            RandomFlip::new(FlipMode::Horizontal).into(),
            RandomRotation::new(0.15).into(),
            RandomZoom::new(0.2).into(),
            RandomShear::new(0.3, 0.0).into(),
            Rescaling::new([1.0 / 255.0, 0.01, 0.02]).offset([0.0, -0.5, 0.1]).into(),
            RandomCrop::new(7, 8).into(),
            Conv2D::new(4, 3).relu().into(),
            GlobalAveragePooling2D::new().into(),
            Dense::new(2).into(),
        ],
    )
}

pub(super) fn colours() -> Result<Model> {
    sequence(
        Input::image(6, 7, 3),
        vec![
            LayerScale::new(0.9, 3).into(),
            AutoContrast::new().value_range(0.1, 0.9).into(),
            LayerScale::new(1.0, 3).into(),
            RandomBrightness::new(0.4).value_range(0.0, 1.0).into(),
            RandomContrast::new(0.5).value_range(0.0, 1.0).into(),
            RandomColorDegeneration::new((0.2, 0.8)).value_range(0.0, 1.0).into(),
            LayerScale::new(0.8, 3).into(),
            RandomGrayscale::new(0.5).into(),
            RandomInvert::new(0.6).value_range(0.0, 1.0).into(),
            Solarization::new((0.0, 0.2), (0.3, 0.7)).value_range(0.0, 1.0).into(),
            LayerScale::new(1.0, 3).into(),
            RandomErasing::new((0.6, 0.9)).value_range(0.0, 1.0).into(),
            RandomErasing::new(0.7)
                .scale((0.05, 0.4))
                .fill_value([0.2, 0.5, 0.7])
                .value_range(0.0, 1.0)
                .into(),
            RandomCrop::new(5, 4).into(),
            Flatten::new().into(),
            Dense::new(2).into(),
        ],
    )
}

/// Each by itself, so that an error has no others to hide behind.
pub(super) fn changes() -> Result<Model> {
    let x = Input::image(9, 8, 3);
    let blur =
        RandomGaussianBlur::new((0.9, 1.0)).kernel_size((5, 3)).sigma((0.4, 1.0)).value_range(0.0, 1.0);
    let jitter = RandomColorJitter::new()
        .brightness_factor(0.2)
        .contrast_factor(0.4)
        .saturation_factor((0.3, 0.6))
        .hue_factor(0.5)
        .value_range(0.0, 1.0);
    let layers: Vec<LayerSpec> = vec![
        RandomHue::new(1.0).value_range(-0.5, 1.5).into(),
        RandomSaturation::new((-0.2, 0.8)).value_range(0.0, 1.0).into(),
        RandomPerspective::new((0.9, 1.0)).scale(0.8).fill_value(0.3).into(),
        RandomPerspective::new(1.0).interpolation(Interpolation::Nearest).into(),
        RandomSharpness::new(1.0).value_range(0.0, 1.0).into(),
        blur.into(),
        jitter.into(),
    ];
    let changed: Vec<Tensor> = layers.into_iter().map(|layer| layer.on(&x)).collect::<Result<_>>()?;
    let h = Flatten::new().on(&Concatenate::new().on(&changed[..])?)?;
    Model::new(&x, &Dense::new(4).on(&h)?)
}

pub(super) fn changes_of_bytes() -> Result<Model> {
    let x = Input::image(8, 9, 3);
    let layers: Vec<LayerSpec> = vec![
        Equalization::new().into(),
        Equalization::new().bins(16).into(),
        RandAugment::new().num_ops(1).into(),
        RandAugment::new().num_ops(1).factor((0.1, 0.9)).into(),
    ];
    let changed: Vec<Tensor> = layers.into_iter().map(|layer| layer.on(&x)).collect::<Result<_>>()?;
    let h = Rescaling::new(1.0 / 255.0).on(&Concatenate::new().on(&changed[..])?)?;
    Model::new(&x, &Dense::new(4).on(&Flatten::new().on(&h)?)?)
}

pub(super) fn not_in_keras() -> Result<Model> {
    let x = Input::image(8, 9, 3);
    let layers: Vec<LayerSpec> = vec![
        TrivialAugmentWide::new().into(),
        TrivialAugmentWide::new().interpolation(Interpolation::Bilinear).into(),
        RandomResizedCrop::new((0.2, 0.7)).into(),
        MixUpOrCutMix::new(0.4, 0.7).into(),
    ];
    let changed: Vec<Tensor> = layers.into_iter().map(|layer| layer.on(&x)).collect::<Result<_>>()?;
    let h = Rescaling::new(1.0 / 255.0).on(&Concatenate::new().on(&changed[..])?)?;
    Model::new(&x, &Dense::new(4).on(&Flatten::new().on(&h)?)?)
}

pub(super) fn mixed() -> Result<Model> {
    sequence(
        Input::image(7, 6, 3),
        vec![
            LayerScale::new(0.9, 3).into(),
            MixUp::new(0.6).into(),
            Conv2D::new(2, 1).into(),
            CutMix::new(1.0).into(),
            Flatten::new().into(),
            Dense::new(3).into(),
        ],
    )
}

/// On whole numbers, which are the same in any engine: few bits and thresholds leave no room for rounding.
pub(super) fn colours_of_bytes() -> Result<Model> {
    let x = Input::image(7, 6, 3);
    let h = chain(
        &x,
        vec![
            ReLU::new().into(),
            RandomPosterization::new((2.0, 7.0)).into(),
            Solarization::new((0.0, 0.1), (0.1, 0.9)).into(),
            RandomInvert::new(0.5).into(),
            RandomErasing::new(0.9).into(),
            AutoContrast::new().into(),
            RandomGrayscale::new(0.3).into(),
            RandomBrightness::new(0.2).into(),
            RandomContrast::new(0.4).into(),
            RandomColorDegeneration::new(0.7).into(),
            Rescaling::new(1.0 / 255.0).into(),
            Conv2D::new(4, 3).into(),
            GlobalMaxPooling2D::new().into(),
            Dense::new(2).into(),
        ],
    )?;
    Model::new(&x, &h)
}
