//! The architectures of `keras.applications`.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};
use petal::applications::*;
use petal::data::Preprocessing;
use petal::layers::{Input, Layer};
use petal::model::{Graph, Model};
use safetensors::SafeTensors;

const TOP: &str = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5";
const NO_TOP: &str = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";

/// The real files, which are not part of the project.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

fn trainable(model: &Model) -> usize {
    let weights = model.layers().iter().filter(|layer| layer.trainable()).flat_map(|layer| layer.weights());
    weights.filter(|weight| weight.trainable).map(|weight| weight.elements()).sum()
}

#[test]
fn the_classes_of_imagenet_have_their_names() {
    let probabilities = ndarray::Array2::from_shape_fn([2, 1000], |(_, class)| 1.0 - class as f32 / 1000.0);
    let predictions = decode_predictions(probabilities.view(), 1000).unwrap();
    assert_eq!(predictions.len(), 2);
    let names: Vec<&str> = predictions[1].iter().map(|prediction| prediction.name).collect();
    assert_eq!([names[0], names[24], names[287], names[985]], ["tench", "great_grey_owl", "lynx", "daisy"]);
    assert_eq!(predictions[0][985].wnid, "n11939491");
    assert!(decode_predictions(ndarray::Array2::zeros([2, 5]).view(), 5).is_err());
    let Some(labels) = shared("weights/imagenet_labels.txt") else { return };
    let labels = fs::read_to_string(labels).unwrap();
    let labels = labels.lines().map(|line| line.split(',').next().unwrap().replace(' ', "_"));
    assert!(labels.eq(names));
}

#[test]
fn mobilenet_v2_loads_its_weights_from_files() {
    let [Some(top), Some(no_top)] = [TOP, NO_TOP].map(|name| shared(&format!("weights/{name}"))) else {
        return;
    };
    let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::File(no_top)).build().unwrap();
    assert_eq!(base.layers().len(), 154);
    assert_eq!(base.layers()[100].name(), "block_11_expand_relu");
    assert_eq!([base.count_params(), trainable(&base)], [2_257_984, 2_223_872]);
    let model = MobileNetV2::new(224, 224).weights(Weights::File(top)).build().unwrap();
    assert_eq!([model.count_params(), trainable(&model)], [3_538_984, 3_504_872]);
    // Both files are of one network.
    for (path, values) in base.weights() {
        assert!(model.weights().iter().any(|(other, same)| *other == path && *same == values), "{path}");
    }
}

#[test]
fn imagenet_weights_are_taken_from_keras_cache() {
    let Some(file) = shared(&format!("weights/{NO_TOP}")) else { return };
    let cache = tempfile::tempdir().unwrap();
    fs::create_dir(cache.path().join("models")).unwrap();
    fs::copy(&file, cache.path().join("models").join(NO_TOP)).unwrap();
    let build = |weights| {
        let base = MobileNetV2::new(180, 180).include_top(false).cache_dir(cache.path());
        base.weights(weights).build().unwrap()
    };
    let [cached, given] = [Weights::Imagenet, Weights::File(file)].map(build);
    assert_eq!(Graph::name(&cached), "mobilenetv2_1.00_224");
    assert_eq!(Graph::name(&given), "mobilenetv2_1.00_180");
    assert!(cached.weights() == given.weights());
}

#[test]
fn a_file_that_does_not_fit_is_refused() {
    let Some(file) = shared(&format!("weights/{NO_TOP}")) else { return };
    let build =
        |model: MobileNetV2| model.weights(Weights::File(file.clone())).build().unwrap_err().to_string();
    let problem = build(MobileNetV2::new(96, 96).include_top(false).alpha(0.5));
    assert!(problem.contains("layer 'Conv1' needs kernel of shape [3, 3, 3, 16]"), "{problem}");
    let problem = build(MobileNetV2::new(96, 96));
    assert!(problem.contains("has 104 layers with weights; the model has 105"), "{problem}");
    let problem =
        MobileNetV2::new(96, 96).weights(Weights::File("gone.h5".into())).build().unwrap_err().to_string();
    assert!(problem.contains("gone.h5"), "{problem}");
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let problem = |model: MobileNetV2| model.build().unwrap_err().to_string();
    let model = || MobileNetV2::new(224, 224);
    assert!(problem(model().classes(5)).contains("classes is 5; expected 1000 for ImageNet weights"));
    assert!(problem(MobileNetV2::new(180, 180)).contains("expected 224×224×3 for ImageNet weights"));
    assert!(problem(model().include_top(false).channels(1)).contains("channels is 1; expected 3"));
    assert!(problem(model().alpha(0.6)).contains("alpha is 0.6; expected 0.35"));
    for model in [model().alpha(0.0), model().alpha(f64::NAN), MobileNetV2::new(31, 224), model().classes(0)]
    {
        model.weights(Weights::None).build().unwrap_err();
    }
}

/// The probabilities that MobileNetV2 with its real weights gives for photos.
fn probabilities(photos: &[PathBuf], weights: PathBuf) -> Array2<f32> {
    let application = MobileNetV2::new(224, 224).weights(Weights::File(weights));
    let x = Input::image(224, 224, 3);
    let h = MobileNetV2::preprocess_input(&x).unwrap();
    let model = Model::new(&x, &application.build().unwrap().on(&h).unwrap()).unwrap();
    let pixels = Preprocessing::new(224, 224);
    let pixels: Vec<f32> = photos.iter().flat_map(|photo| pixels.load(photo).unwrap()).collect();
    let pixels = Array4::from_shape_vec([photos.len(), 224, 224, 3], pixels).unwrap();
    model.predict_array(pixels.into_dyn().view()).unwrap().into_dimensionality().unwrap()
}

#[test]
fn imagenet_probabilities_of_photos_are_those_of_keras() {
    let bytes =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/imagenet_probabilities.safetensors"));
    let bytes = bytes.unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 10);
    let [Some(weights), Some(folder)] = [shared(&format!("weights/{TOP}")), shared("flower_photos")] else {
        return;
    };
    let names = expected.names();
    let photos: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let found = probabilities(&photos, weights);
    let mut most = 0.0f32;
    for (name, found) in names.iter().zip(found.rows()) {
        let expected = expected.tensor(name).unwrap();
        let expected = expected.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        most = found.iter().zip(expected).fold(most, |most, (a, b)| most.max((a - b).abs()));
    }
    println!("largest difference: {most:.1e}");
    assert!(most < 1e-4, "{most}");
}

#[test]
fn daisies_are_recognized() {
    let [Some(weights), Some(folder)] = [shared(&format!("weights/{TOP}")), shared("flower_photos/daisy")]
    else {
        return;
    };
    let mut photos: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.sort();
    photos.truncate(60);
    let predictions = decode_predictions(probabilities(&photos, weights).view(), 1).unwrap();
    let daisies = predictions.iter().filter(|top| top[0].name == "daisy").count();
    println!("{daisies} of {}", photos.len());
    assert!(daisies >= 54, "{daisies} of {}", photos.len());
}
