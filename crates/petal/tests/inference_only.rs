//! Layers that Petal computes in inference only: they predict, and training through them is refused by name.

use ndarray::{Array4, ArrayD};
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::{Model, Tensor};
use petal::training::*;

fn aug_mix() -> AnyLayer {
    let text = r#"{"class_name": "AugMix", "config": {"name": "e", "alpha": 0.2}}"#;
    serde_json::from_str(text).unwrap()
}

/// Trains one step; the error's text, if there is one.
fn train(model: &mut Model) -> Result<(), String> {
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits()).unwrap();
    let data = ArrayDataset::new(Array4::zeros([2, 6, 6, 3]), &[0, 1]).unwrap();
    model.fit(&data, Fit::epochs(1).verbose(Verbose::Silent)).map(|_| ()).map_err(|error| error.to_string())
}

fn head(x: &Tensor, features: &Tensor) -> Model {
    let pooled = GlobalAveragePooling2D::new().on(features).unwrap();
    Model::new(x, &Dense::new(2).on(&pooled).unwrap()).unwrap()
}

#[test]
fn a_layer_without_training_predicts_and_is_refused_by_name_in_training() {
    let x = Input::image(6, 6, 3);
    let mut model = head(&x, &aug_mix().name("mix").on(&x).unwrap());
    let expected = "layer 'mix': AugMix can be loaded and predicts, but Petal doesn't train through it; build the \
                    model without it";
    assert_eq!(train(&mut model).unwrap_err(), expected);
    let images = ArrayD::from_shape_fn(vec![2, 6, 6, 3], |i| (i[1] * 7 + i[2] + i[3]) as f32);
    assert_eq!(model.augment(images.view(), 0).unwrap_err().to_string(), expected);
    // The same seed and names give the same weights.
    let plain = head(&x, &x);
    assert_eq!(model.predict_array(images.view()).unwrap(), plain.predict_array(images.view()).unwrap());
}

#[test]
fn in_a_base_in_inference_mode_it_is_nothing_and_in_training_mode_refused() {
    let base = || {
        let x = Input::image(6, 6, 3);
        let h = aug_mix().on(&x).unwrap();
        let h = ActivityRegularization::new(0.0, 0.1).on(&h).unwrap();
        Model::named("base", 0, &x, &Conv2D::new(4, 3).on(&h).unwrap()).unwrap()
    };
    let x = Input::image(6, 6, 3);
    train(&mut head(&x, &base().with_training(false).on(&x).unwrap())).unwrap();
    let problem = train(&mut head(&x, &base().with_training(true).on(&x).unwrap())).unwrap_err();
    assert!(problem.starts_with("layer 'aug_mix': AugMix can be loaded"), "{problem}");
}

#[test]
fn activity_regularization_trains_only_without_effect() {
    let x = Input::image(6, 6, 3);
    train(&mut head(&x, &ActivityRegularization::default().on(&x).unwrap())).unwrap();
    let problem = train(&mut head(&x, &ActivityRegularization::new(0.5, 0.0).on(&x).unwrap())).unwrap_err();
    let expected = "layer 'activity_regularization': it adds its activations to the loss (l1 0.5, l2 0), which Petal's \
                    training doesn't; build the model without this layer";
    assert_eq!(problem, expected);
}
