//! The architectures of `keras.applications`.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4, ArrayD};
use petal::applications::*;
use petal::data::Preprocessing;
use petal::layers::{AnyLayer, Input, Layer};
use petal::model::{Graph, Model, Node, Weight};
use safetensors::SafeTensors;
use serde_json::{Value, json};

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
    model.summary().trainable_params()
}

fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/applications.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A case's model, with its top or without and this pooling.
fn build(setup: &Value, case: &Value, pooling: Option<Pooling>, weights: Weights) -> Model {
    let setting = |key: &str| case["settings"][key].as_f64().unwrap_or(1.0);
    let [height, width] = [0, 1].map(|axis| case["image"][axis].as_u64().unwrap() as usize);
    let classes = setup["classes"].as_u64().unwrap() as usize;
    macro_rules! finish {
        ($application:expr) => {{
            let application = $application.weights(weights).classes(classes).classifier_softmax(false);
            let application = application.include_top(pooling.is_none()).pooling(pooling.unwrap_or_default());
            application.build().unwrap()
        }};
    }
    macro_rules! applications {
        ($($class:ident),*) => {
            match case["application"].as_str().unwrap() {
                "MobileNetV2" => finish!(MobileNetV2::new(height, width).alpha(setting("alpha"))),
                "MobileNet" => {
                    let application = MobileNet::new(height, width).alpha(setting("alpha"));
                    finish!(application.depth_multiplier(setting("depth_multiplier") as usize))
                }
                "MobileNetV3Small" => {
                    let application = MobileNetV3Small::new(height, width).alpha(setting("alpha"));
                    finish!(application.minimalistic(case["settings"]["minimalistic"] == true))
                }
                $(stringify!($class) => finish!($class::new(height, width)),)*
                other => panic!("{other}"),
            }
        };
    }
    applications!(
        EfficientNetB0,
        EfficientNetV2B0,
        EfficientNetV2S,
        MobileNetV3Large,
        ResNet50,
        ResNet50V2,
        VGG16,
        ConvNeXtTiny,
        DenseNet121,
        Xception,
        InceptionV3,
        InceptionResNetV2,
        NASNetMobile
    )
}

fn application(case: &Value) -> Application {
    case["application"].as_str().unwrap().parse().unwrap()
}

/// The numbers that `fixtures/applications.py` computes too.
fn values(name: &str, len: usize, low: f64, high: f64) -> Vec<f32> {
    let seed =
        name.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let value = |i: usize| {
        let mut x = (i as u32).wrapping_mul(0x9e37_79b9).wrapping_add(seed);
        x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
        x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
        x ^= x >> 16;
        (low + (high - low) * (f64::from(x >> 8) / f64::from(1 << 24))) as f32
    };
    (0..len).map(value).collect()
}

fn bounds(layer: &AnyLayer, weight: &Weight) -> (f64, f64) {
    match weight.name {
        "gamma" => return (0.8, 1.2),
        "beta" | "moving_mean" => return (-0.2, 0.2),
        "moving_variance" => return (0.5, 1.5),
        "mean" => return (0.3, 0.6),
        "variance" => return (0.04, 0.09),
        "count" => return (0.0, 0.0),
        "bias" => return (-0.1, 0.1),
        _ => (),
    }
    let depthwise = matches!(layer, AnyLayer::DepthwiseConv2D(_)) || weight.name == "depthwise_kernel";
    let axes = if depthwise { 2 } else { weight.shape.len() - 1 };
    let limit = (3.0 / weight.shape[..axes].iter().product::<usize>() as f64).sqrt();
    (-limit, limit)
}

/// The values of all weights, those of nested models' too, by their paths.
fn weights(graph: &Graph, prefix: &str) -> Vec<(String, ArrayD<f32>)> {
    let mut found = Vec::new();
    for layer in graph.layers() {
        let path = format!("{prefix}{}/", layer.name());
        for (index, weight) in layer.weights().iter().enumerate() {
            let (low, high) = bounds(layer.layer(), weight);
            let values = values(&format!("{}/{index}", layer.name()), weight.elements(), low, high);
            let values = ArrayD::from_shape_vec(weight.shape.clone(), values).unwrap();
            found.push((format!("{path}{}", weight.name), values));
        }
        found.extend(layer.as_model().into_iter().flat_map(|graph| weights(graph, &path)));
    }
    found
}

fn set_weights(model: &mut Model) {
    for (path, values) in weights(model, "") {
        model.set_weight(&path, values.view()).unwrap();
    }
}

fn described(layer: &Node) -> Value {
    json!([layer.name(), layer.layer().class_name(), layer.output_shape().to_vec(), layer.count_params()])
}

/// The layers that are compared with Keras'. Where Keras has operations that are no layers, Petal has layers for them: of
/// these networks only layers with weights are compared.
fn compared<'a>(case: &Value, layers: impl Iterator<Item = &'a Value>) -> Vec<&'a Value> {
    let name = case["application"].as_str().unwrap();
    let operations = name.starts_with("ConvNeXt") || name.starts_with("MobileNetV3");
    layers.filter(|layer| !operations || layer[3].as_u64() > Some(0)).collect()
}

/// The largest difference from Keras' output, as a share of the largest value.
fn difference(case: &Value, setup: &Value, model: &Model) -> f32 {
    let shape = model.input_shape().to_vec();
    let batch = setup["batch"].as_u64().unwrap() as usize;
    let len = batch * shape.iter().product::<usize>();
    let inputs =
        Array4::from_shape_vec([batch, shape[0], shape[1], shape[2]], values("input", len, 0.0, 255.0));
    let x = Input::new(shape);
    let model = Model::new(&x, &model.on(&application(case).preprocess_input(&x).unwrap()).unwrap()).unwrap();
    let found = model.predict_array(inputs.unwrap().into_dyn().view()).unwrap();
    let expected: Vec<Vec<f32>> = serde_json::from_value(case["output"].clone()).unwrap();
    let expected = expected.concat();
    let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert_eq!(found.len(), expected.len());
    found.iter().zip(&expected).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

#[test]
fn every_architecture_has_the_layers_and_the_output_of_keras() {
    let fixture = fixture();
    let (setup, cases) = (&fixture["setup"], fixture["cases"].as_array().unwrap());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let mut model = build(setup, case, None, Weights::None);
        assert_eq!(Graph::name(&model), case["model"].as_str().unwrap(), "{name}");
        let found: Vec<Value> = model.layers().iter().map(described).collect();
        let (found, expected) = (compared(case, found.iter()), case["layers"].as_array().unwrap());
        let expected = compared(case, expected.iter());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        assert_eq!(
            [model.count_params(), trainable(&model)].map(|n| json!(n)),
            [case["params"].clone(), case["trainable"].clone()]
        );
        for (pooling, expected) in case["without_top"].as_object().unwrap() {
            let pooling = match pooling.as_str() {
                "none" => Pooling::None,
                "avg" => Pooling::Average,
                _ => Pooling::Max,
            };
            let base = build(setup, case, Some(pooling), Weights::None);
            assert_eq!(json!(base.count_params()), expected[2], "{name}, {pooling:?}");
            if case["layers"].as_array().unwrap().len() == found.len() {
                let layers = base.layers();
                let found = json!([layers.len(), described(layers.last().unwrap())]);
                assert_eq!(found, json!([expected[0], expected[1]]), "{name}, {pooling:?}");
            }
        }
        set_weights(&mut model);
        let difference = difference(case, setup, &model);
        println!("{name}: {difference:.1e}");
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn every_application_has_as_many_parameters_as_in_keras() {
    let fixture = fixture();
    let expected = fixture["params"].as_object().unwrap();
    for application in Application::ALL {
        let found = [true, false].map(|include_top| application.graph(include_top).unwrap().count_params());
        assert_eq!(json!(found), expected[application.keras_name()], "{}", application.keras_name());
    }
    assert_eq!(expected.len(), Application::ALL.len());
}

/// Files that `fixtures/applications.py --files` has written.
#[test]
fn files_written_by_keras_load_into_every_architecture() {
    let Some(folder) = std::env::var_os("PETAL_APPLICATION_WEIGHTS").map(PathBuf::from) else {
        println!("skipped: PETAL_APPLICATION_WEIGHTS names no folder of fixtures/applications.py --files");
        return;
    };
    let fixture = fixture();
    for case in fixture["cases"].as_array().unwrap() {
        for ending in ["weights.h5", "h5"] {
            let file = folder.join(format!("{}.{ending}", case["name"].as_str().unwrap()));
            let model = build(&fixture["setup"], case, None, Weights::File(file.clone()));
            let difference = difference(case, &fixture["setup"], &model);
            println!("{}: {difference:.1e}", file.display());
            assert!(difference < 1e-4, "{}: {difference}", file.display());
        }
    }
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

#[test]
fn any_number_of_samples_up_to_the_batch_is_predicted() {
    let model =
        MobileNetV2::new(160, 160).weights(Weights::None).include_top(false).alpha(0.35).build().unwrap();
    let photos = values("photos", 16 * 160 * 160 * 3, -1.0, 1.0);
    let photo = photos.len() / 16;
    let mut alone = model.predictor(1).unwrap();
    let expected = alone.predict(&photos[..photo]).unwrap().to_vec();
    for batch in [3, 8, 16] {
        let mut predictor = model.predictor(batch).unwrap();
        for samples in 1..=batch {
            let found = predictor.predict(&photos[..samples * photo]).unwrap();
            let differs = |(a, b): (&f32, &f32)| (a - b).abs() > 1e-4 * b.abs().max(1.0);
            assert!(!found.iter().zip(&expected).any(differs), "{samples} of {batch}");
        }
    }
}
