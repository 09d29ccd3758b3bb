//! Heat maps are those of Keras and TensorFlow, principal components those of NumPy.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use ndarray::{Array, Array2, Array3, ArrayD, Axis, Dimension, IxDyn};
use petal::data::sample::{self, SampleOptions};
use petal::data::{ArrayDataset, Dataset, ImageFolder};
use petal::explain::{GradCam, examples, pca};
use petal::layers::*;
use petal::model::Model;
use safetensors::SafeTensors;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/explain");

struct Expected {
    tensors: HashMap<String, ArrayD<f32>>,
    cases: Vec<Value>,
}

impl Expected {
    fn read() -> Expected {
        let bytes = fs::read(Path::new(FOLDER).join("expected.safetensors")).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = tensors.tensors().into_iter().map(|(name, tensor)| {
            let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            (name, ArrayD::from_shape_vec(IxDyn(tensor.shape()), values.collect()).unwrap())
        });
        Expected { tensors: tensors.collect(), cases }
    }

    fn get<D: Dimension>(&self, name: &str) -> Array<f32, D> {
        self.tensors[name].clone().into_dimensionality().unwrap()
    }

    fn photo(&self, model: &str, photo: usize) -> Array3<f32> {
        self.get::<ndarray::Ix4>(&format!("{model}/photos")).index_axis_move(Axis(0), photo)
    }
}

fn model(name: &str) -> Model {
    Model::load_keras(Path::new(FOLDER).join(format!("{name}.keras"))).unwrap()
}

fn assert_close<D: Dimension>(found: &Array<f32, D>, expected: &Array<f32, D>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-4 * largest, "{what}: {a}, expected {b}");
    }
}

#[test]
fn heat_maps_are_those_of_keras() {
    let expected = Expected::read();
    assert!(expected.cases.len() > 30);
    for case in &expected.cases {
        let (name, layer) = (case["model"].as_str().unwrap(), case["layer"].as_str().unwrap());
        let class = case["class"].as_u64().unwrap() as usize;
        let pixels = expected.photo(name, case["photo"].as_u64().unwrap() as usize);
        let map = model(name).grad_cam(pixels.view(), &GradCam::new().class(class).layer(layer)).unwrap();
        let case = case["case"].as_str().unwrap();
        assert_close(&map.raw, &expected.get(&format!("{case}/raw")), &format!("{case}, raw, {layer}"));
        assert_close(&map.values, &expected.get(&format!("{case}/values")), &format!("{case}, {layer}"));
    }
}

#[test]
fn freezing_changes_no_heat_map() {
    let expected = Expected::read();
    let pixels = expected.photo("transfer", 1);
    let mut model = model("transfer");
    let frozen = model.grad_cam(pixels.view(), &GradCam::new()).unwrap();
    model.set_trainable(true);
    assert_eq!(model.grad_cam(pixels.view(), &GradCam::new()).unwrap(), frozen);
    model.set_trainable(false);
    assert_eq!(model.grad_cam(pixels.view(), &GradCam::new()).unwrap(), frozen);
    assert!(frozen.raw.iter().any(|&value| value > 0.0));
}

#[test]
fn by_default_it_is_the_predicted_class_and_the_last_image() {
    let expected = Expected::read();
    for (name, layer) in [("cnn", "max_pooling2d_1"), ("transfer", "base"), ("binary", "base")] {
        let model = model(name);
        for photo in 0..3 {
            let pixels = expected.photo(name, photo);
            let map = model.grad_cam(pixels.view(), &GradCam::new()).unwrap();
            let inputs = pixels.insert_axis(Axis(0)).into_dyn();
            let probabilities = model.predict_probabilities(inputs.view()).unwrap();
            let row = probabilities.row(0);
            assert_eq!(map.layer, layer);
            assert!(row.iter().all(|&other| other <= row[map.class]));
            assert!((row[map.class] - map.probability).abs() < 1e-6);
            assert_eq!(map.class_name, format!("class {}", map.class));
        }
    }
}

#[test]
fn a_classifier_in_a_model_is_looked_into() {
    let pixels = Array3::from_shape_fn((20, 26, 3), |(i, j, k)| ((i * 7 + j * 3 + k * 50) % 256) as f32);
    let inner = model("cnn");
    let x = Input::image(20, 26, 3);
    let outer = Model::new(&x, &LayerSpec::from(&inner).name("classifier").on(&x).unwrap()).unwrap();
    let [outer, inner] = [outer, inner].map(|model| model.grad_cam(pixels.view(), &GradCam::new()).unwrap());
    assert_eq!(outer.layer, "classifier/max_pooling2d_1");
    assert_eq!(outer.values, inner.values);
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    let mut model = model("transfer");
    let photo = Array3::zeros((20, 26, 3));
    let fails =
        |model: &Model, settings: GradCam| model.grad_cam(photo.view(), &settings).unwrap_err().to_string();
    assert!(fails(&model, GradCam::new().class(3)).contains("an index below 3"));
    assert!(fails(&model, GradCam::new().layer("no")).contains("has no layer 'no'; it has input, rescaling"));
    assert!(fails(&model, GradCam::new().layer("base/no")).contains("model 'base' has no layer 'no'"));
    assert!(fails(&model, GradCam::new().layer("pool/no")).contains("'pool' is a layer"));
    assert!(
        fails(&model, GradCam::new().layer("pool"))
            .contains("(None, 12); expected a layer that gives images")
    );
    let error = model.grad_cam(Array3::zeros((20, 20, 3)).view(), &GradCam::new()).unwrap_err().to_string();
    assert!(error.contains("(None, 20, 20, 3); expected (None, 20, 26, 3)"), "{error}");
    model.set_class_names(["a", "b", "c"]).unwrap();
    assert_eq!(model.grad_cam(photo.view(), &GradCam::new().class(1)).unwrap().class_name, "b");

    let x = Input::image(20, 26, 3);
    let flat = Model::new(&x, &Dense::new(2).on(&Flatten::new().on(&x).unwrap()).unwrap()).unwrap();
    assert!(fails(&flat, GradCam::new()).contains("no layer that gives images"));
    let images = Model::new(&x, &Conv2D::new(3, 3).on(&x).unwrap()).unwrap();
    assert!(fails(&images, GradCam::new()).contains("not one value a class"));
    let error = images.bottleneck_features(&ArrayDataset::new(photo.insert_axis(Axis(0)), &[0]).unwrap());
    assert!(error.unwrap_err().to_string().contains("no Dense layer"));
}

#[test]
fn bottleneck_features_go_into_the_last_dense_layer() {
    let expected = Expected::read();
    for name in ["cnn", "transfer"] {
        let photos: Array<f32, ndarray::Ix4> = expected.get(&format!("{name}/photos"));
        let data = ArrayDataset::new(photos, &[0, 1, 2]).unwrap().batch_size(2).shuffle(1);
        let features = model(name).bottleneck_features(&data).unwrap();
        assert_close(&features, &expected.get(&format!("{name}/features")), name);
    }
}

#[test]
fn principal_components_are_those_of_numpy() {
    let expected = Expected::read();
    for case in ["wide", "tall", "clusters"] {
        let features: Array2<f32> = expected.get(&format!("pca/{case}/features"));
        let map = pca(features.view()).unwrap();
        assert_close(&map.points, &expected.get(&format!("pca/{case}/points")), case);
        let ratios: Array<f32, ndarray::Ix1> = expected.get(&format!("pca/{case}/ratios"));
        for (found, expected) in map.explained_variance_ratio.iter().zip(ratios) {
            assert!((found - f64::from(expected)).abs() < 1e-5, "{case}: {found}, NumPy {expected}");
        }
    }
}

#[test]
fn examples_are_the_photos_with_what_the_model_says_of_them() {
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path(), &SampleOptions { per_class: 4, ..SampleOptions::default() }).unwrap();
    let photos = ImageFolder::new(folder.path()).image_size(32, 32).load().unwrap();
    let x = Input::image(32, 32, 3);
    let h = Conv2D::new(4, 3).relu().on(&Rescaling::new(1.0 / 255.0).on(&x).unwrap()).unwrap();
    let h = Flatten::new().on(&h).unwrap();
    let model = Model::new(&x, &Dense::new(5).on(&h).unwrap()).unwrap();
    let probabilities = model.classify(&photos).unwrap();
    let predictions = model.predict_classes(&photos).unwrap();
    for (prediction, row) in predictions.iter().zip(probabilities.rows()) {
        assert_eq!(prediction.probability, row[prediction.class], "the same bits as those of classify");
        assert!(row.iter().all(|&probability| probability <= prediction.probability));
    }
    let shown = examples(&model, &photos, &predictions, 3).unwrap();
    let right = shown.iter().take_while(|example| example.is_right()).count();
    assert!(right <= 3 && shown.len() == right + 3);
    assert!(shown[right..].iter().all(|example| !example.is_right()));
    for example in &shown {
        assert!(photos.class_names().contains(&example.true_class));
        assert_eq!(photos.class_names()[example.map.class], example.map.class_name);
        assert!(probabilities.iter().any(|p| (p - example.map.probability).abs() < 1e-6));
        assert_eq!(example.pixels.dim(), (32, 32, 3));
        assert!(example.pixels.iter().any(|&pixel| pixel > 50.0));
    }
    let error = examples(&model, &photos, &predictions[1..], 3).unwrap_err();
    assert!(error.to_string().contains("19 long; expected one for each of the 20 photos"), "{error}");
}
