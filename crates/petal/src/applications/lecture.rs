use super::Augmentation;
use super::transfer::augmented;
use crate::layers::{Conv2D, Dense, Dropout, Flatten, Input, Layer, MaxPooling2D, Rescaling};
use crate::model::{Model, Tensor};
use crate::{Error, Result};

/// The lecture's first network: three convolutions of 16, 32 and 64 filters, each followed by max pooling, then a
/// dense layer of 128 units and one output a class (logits). On a few thousand photos it overfits.
///
/// `image` is `[height, width, channels]`, with colours in 0..=255.
///
/// ```
/// let model = petal::applications::lecture_cnn([180, 180, 3], 5, 42)?;
/// assert_eq!(model.count_params(), 3_989_285);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If the image has less than 8 × 8 pixels, which are halved three times.
pub fn lecture_cnn(image: [usize; 3], classes: usize, seed: u64) -> Result<Model> {
    cnn(image, classes, false, &Augmentation::None, seed)
}

/// The same network with the lecture's remedies against overfitting: random flips, rotations and zooms of the
/// training photos, and dropout before the dense layers.
///
/// `image` is `[height, width, channels]`, with colours in 0..=255.
///
/// ```
/// let model = petal::applications::lecture_cnn_regularized([180, 180, 3], 5, 42)?;
/// assert_eq!(model.count_params(), 3_989_285);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If the image has less than 8 × 8 pixels, which are halved three times.
pub fn lecture_cnn_regularized(image: [usize; 3], classes: usize, seed: u64) -> Result<Model> {
    cnn(image, classes, true, &Augmentation::Light, seed)
}

/// The first or, `regularized`, the second, with another augmentation.
pub(super) fn cnn(
    image: [usize; 3],
    classes: usize,
    regularized: bool,
    augmentation: &Augmentation,
    seed: u64,
) -> Result<Model> {
    let x = input(image)?;
    let h = augmented(&x, augmentation.model(image, seed)?)?;
    let mut h = convolutions(&h)?;
    if regularized {
        h = Dropout::new(0.2).on(&h)?;
    }
    Model::with_seed(seed, &x, &head(&h, classes)?)
}

/// The lecture's augmentation, as a model of its own: horizontal flips, rotations up to ±36° and zooms up to ±10 %.
///
/// ```
/// let augmentation = petal::applications::lecture_augmentation([180, 180, 3], 42)?;
/// assert_eq!(augmentation.layers().len(), 3);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// None for images of at least one pixel.
pub fn lecture_augmentation(image: [usize; 3], seed: u64) -> Result<Model> {
    Ok(Augmentation::Light.model(image, seed)?.expect("it has layers"))
}

fn input([height, width, channels]: [usize; 3]) -> Result<Tensor> {
    if height < 8 || width < 8 {
        return Err(Error::argument("image size", format!("{height} × {width}"), "at least 8 × 8 pixels"));
    }
    Ok(Input::image(height, width, channels))
}

fn convolutions(x: &Tensor) -> Result<Tensor> {
    let mut h = Rescaling::new(1.0 / 255.0).on(x)?;
    for filters in [16, 32, 64] {
        h = Conv2D::new(filters, 3).same().relu().on(&h)?;
        h = MaxPooling2D::new(2).on(&h)?;
    }
    Ok(h)
}

fn head(h: &Tensor, classes: usize) -> Result<Tensor> {
    let h = Flatten::new().on(h)?;
    let h = Dense::new(128).relu().on(&h)?;
    Dense::new(classes).on(&h)
}
