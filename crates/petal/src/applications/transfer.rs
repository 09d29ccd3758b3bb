use super::Augmentation;
use crate::layers::{Dense, Dropout, GlobalAveragePooling2D, Input, Layer};
use crate::model::{Graph, Model, Tensor};
use crate::{Error, Result};

/// The lecture's model for transfer learning: random flips, rotations and zooms of the training photos, the base's own
/// preprocessing, the frozen base, the mean of each of its feature maps, dropout, and one output a class (logits).
///
/// The base is frozen and runs in inference mode, also while [`fine_tune_at`] lets some of its layers train: so
/// BatchNormalization keeps its moving statistics. `base` is without its top and takes the images; `preprocess_input` is
/// that of its architecture. Images have colours in 0..=255.
///
/// ```
/// use petal::applications::{MobileNetV2, Weights, lecture_transfer};
/// let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// let model = lecture_transfer(base, MobileNetV2::preprocess_input, 5, 42)?;
/// assert_eq!(model.summary().trainable_params(), 6_405);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If the base doesn't give feature maps `[height, width, channels]`, or there are no classes.
pub fn lecture_transfer(
    base: Model,
    preprocess_input: impl FnOnce(&Tensor) -> Result<Tensor>,
    classes: usize,
    seed: u64,
) -> Result<Model> {
    transfer(base, preprocess_input, classes, &Augmentation::Light, seed)
}

/// [`lecture_transfer`] with another augmentation.
///
/// ```
/// use petal::applications::{Augmentation, MobileNetV2, Weights, transfer};
/// let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// let model = transfer(base, MobileNetV2::preprocess_input, 5, &Augmentation::None, 42)?;
/// assert!(model.augmentation().is_none());
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// Those of [`lecture_transfer`].
pub fn transfer(
    mut base: Model,
    preprocess_input: impl FnOnce(&Tensor) -> Result<Tensor>,
    classes: usize,
    augmentation: &Augmentation,
    seed: u64,
) -> Result<Model> {
    let &[height, width, channels] = &base.input_shape()[..] else {
        return Err(Error::argument(
            "base",
            format!("for inputs of shape {}", base.input_shape()),
            "one for images",
        ));
    };
    let image = [height, width, channels];
    base.set_trainable(false);
    let x = Input::new(image);
    let h = augmented(&x, augmentation.model(image, seed)?)?;
    let h = preprocess_input(&h)?;
    let h = base.with_training(false).on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    let h = Dropout::new(0.2).on(&h)?;
    Model::with_seed(seed, &x, &Dense::new(classes).on(&h)?)
}

/// `x` after these layers, if there are any.
pub(super) fn augmented(x: &Tensor, augmentation: Option<Model>) -> Result<Tensor> {
    match augmentation {
        Some(augmentation) => augmentation.on(x),
        None => Ok(x.clone()),
    }
}

/// Lets the layers of the model's base train from number `layer` on, as the lecture does before fine-tuning:
/// `base.trainable = True`, then `False` for `base.layers[:layer]`. The base is the last of the model's layers that is
/// a model with weights.
///
/// Takes effect at the next [`compile`](Model::compile). The model's history keeps where fine-tuning began, so that
/// [`plot`](crate::training::History::plot) draws a line there.
///
/// ```
/// use petal::applications::{MobileNetV2, Weights, fine_tune_at, lecture_transfer};
/// let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// let mut model = lecture_transfer(base, MobileNetV2::preprocess_input, 5, 42)?;
/// fine_tune_at(&mut model, 100)?;
/// assert_eq!(model.summary().trainable_params(), 1_867_845);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If no layer of the model is a model with weights, or it has fewer layers.
pub fn fine_tune_at(model: &mut Model, layer: usize) -> Result<()> {
    let name = model.graph().name().to_owned();
    let node = model.layers_mut().iter_mut().rev().find(|node| node.as_model().is_some_and(has_weights));
    let Some(node) = node else {
        return Err(Error::Model(format!(
            "model '{name}' has no base to fine-tune: none of its layers is a model with weights"
        )));
    };
    let layers = node.as_model().map_or(0, |base| base.layers().len());
    if layer >= layers {
        let expected =
            format!("a layer's number, 0 to {}, since '{}' has {layers} layers", layers - 1, node.name());
        return Err(Error::argument("fine_tune_at", layer, expected));
    }
    node.set_trainable(true);
    if let Some(base) = node.as_model_mut() {
        base.layers_mut()[..layer].iter_mut().for_each(|node| node.set_trainable(false));
    }
    model.history_mut().start_fine_tuning();
    Ok(())
}

fn has_weights(graph: &Graph) -> bool {
    graph.count_params() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications::lecture_cnn;
    use crate::layers::{BatchNormalization, Conv2D};

    fn small() -> Model {
        let x = Input::image(8, 8, 3);
        let h = Conv2D::new(4, 3).on(&x).unwrap();
        let h = BatchNormalization::new().on(&h).unwrap();
        let base = Model::named("base", 0, &x, &Conv2D::new(4, 3).on(&h).unwrap()).unwrap();
        lecture_transfer(base, |x| Ok(x.clone()), 2, 0).unwrap()
    }

    fn trains(model: &Model) -> Vec<bool> {
        model
            .get_layer("base")
            .unwrap()
            .as_model()
            .unwrap()
            .layers()
            .iter()
            .map(|node| node.trainable())
            .collect()
    }

    #[test]
    fn fine_tuning_begins_at_the_layer_that_was_asked_for() {
        let mut model = small();
        assert_eq!(trains(&model), [false; 4]);
        fine_tune_at(&mut model, 2).unwrap();
        assert_eq!(trains(&model), [false, false, true, true]);
        assert!(model.get_layer("base").unwrap().trainable());
        fine_tune_at(&mut model, 0).unwrap();
        assert_eq!(trains(&model), [true; 4]);
    }

    #[test]
    fn what_cannot_be_fine_tuned_is_said() {
        let error = fine_tune_at(&mut small(), 4).unwrap_err().to_string();
        assert!(error.contains("0 to 3") && error.contains("'base' has 4 layers"), "{error}");
        let error = fine_tune_at(&mut lecture_cnn([32, 32, 3], 2, 0).unwrap(), 0).unwrap_err().to_string();
        assert!(error.contains("no base"), "{error}");
    }
}
