//! Whole models in the files of all Keras versions open and predict what Keras predicts; what is no model is told by
//! what it is; hostile files cost neither time nor memory.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ndarray::{ArrayD, IxDyn};
use petal::layers::*;
use petal::model::{Model, Sequential};
use petal::saving::LoadWeights;
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keras_models")).to_owned()
}

fn fixture(name: &str) -> PathBuf {
    fixtures().join(name)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// The photos `x`, and Keras' predictions for them by the models' names.
fn expected() -> HashMap<String, ArrayD<f32>> {
    let bytes = fs::read(fixture("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let array = |(name, tensor): (String, safetensors::tensor::TensorView<'_>)| {
        (name, ArrayD::from_shape_vec(IxDyn(tensor.shape()), floats(tensor.data())).unwrap())
    };
    tensors.tensors().into_iter().map(array).collect()
}

#[track_caller]
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, tolerance: f32) {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter().fold(1.0f32, |a, b| a.max(b.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * largest, "{a} and {b}");
    }
}

fn error(path: impl AsRef<Path>) -> String {
    Model::load(path).unwrap_err().to_string()
}

#[test]
fn models_of_all_versions_predict_the_same() {
    let expected = expected();
    let mut found = 0;
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(y) = expected.get(&name).filter(|_| !path.to_str().unwrap().ends_with(".json")) else {
            continue;
        };
        if name == "any_size" {
            continue;
        }
        let model = Model::load(&path).unwrap_or_else(|error| panic!("{error}"));
        // Keras computes in half precision what these do.
        let tolerance = match name.as_str() {
            "bfloat16" => 1e-2,
            "float16" | "mixed_float16" => 2e-3,
            _ => 1e-4,
        };
        println!("{name}");
        assert_close(&model.predict_array(expected["x"].view()).unwrap(), y, tolerance);
        assert_eq!(Model::load_keras(&path).unwrap().weights(), model.weights());
        found += 1;
    }
    assert_eq!(found, 23);
}

#[test]
fn tensorflow_2_12_counts_layers_with_weights_twice() {
    let model = Model::load(fixture("keras2_12.keras")).unwrap();
    let read = |name: &str, shape: &[usize]| {
        ArrayD::from_shape_vec(shape, floats(&fs::read(fixture(name)).unwrap())).unwrap()
    };
    let (x, y) = (read("keras2_12.x.f32", &[2, 12, 10, 3]), read("keras2_12.y.f32", &[2, 3]));
    assert_close(&model.predict_array(x.view()).unwrap(), &y, 1e-4);
}

#[test]
fn the_content_tells_what_a_file_is_not_its_name() {
    let folder = TempDir::new().unwrap();
    let (x, y) = (&expected()["x"], &expected()["keras2_nested"]);
    for name in ["hdf5.keras", "hdf5.petal", "hdf5"] {
        let path = folder.path().join(name);
        fs::copy(fixture("keras2_nested.h5"), &path).unwrap();
        assert_close(&Model::load(&path).unwrap().predict_array(x.view()).unwrap(), y, 1e-4);
    }
    let path = folder.path().join("zip.h5");
    fs::copy(fixture("torch.keras"), &path).unwrap();
    Model::load(&path).unwrap();
}

#[test]
fn a_model_of_any_size_is_opened_for_one() {
    let (path, expected) = (fixture("any_size.keras"), expected());
    let model = Model::load_for_images(&path, 12, 10).unwrap();
    assert_close(&model.predict_array(expected["x"].view()).unwrap(), &expected["any_size"], 1e-4);
    assert_eq!(Model::load_for_images(&path, 20, 30).unwrap().input_shape()[..], [20, 30, 3]);
    let problem = error(&path);
    assert!(problem.contains("[null,null,null,3]") && problem.contains("--image-size"), "{problem}");
    let problem = Model::load_for_images(fixture("torch.keras"), 20, 30).unwrap_err().to_string();
    assert!(problem.contains("(None, 12, 10, 3), not images of 20 × 30"), "{problem}");
}

#[test]
fn operations_become_layers_of_their_names() {
    let model = Model::load(fixture("operations.keras")).unwrap();
    let names: Vec<(&str, &str)> =
        model.layers().iter().map(|layer| (layer.name(), layer.layer().class_name())).take(6).collect();
    assert_eq!(
        names,
        [
            ("input_layer", "InputLayer"),
            ("get_item", "ReverseChannels"),
            // The cast is nothing in f32.
            ("true_divide", "Rescaling"),
            ("multiply", "Rescaling"),
            ("subtract", "Rescaling"),
            ("subtract_1", "Rescaling"),
        ]
    );
    let caffe = Model::load(fixture("caffe.keras")).unwrap();
    assert_eq!(caffe.layers()[1].layer().class_name(), "ReverseChannels");
}

#[test]
fn a_number_for_random_contrast_is_of_both_bounds() {
    let model = Model::load(fixture("keras2_nested.h5")).unwrap();
    let augmentation = model.get_layer("augmentation").unwrap().as_model().unwrap();
    let found = serde_json::to_value(augmentation.get_layer("random_contrast").unwrap().layer()).unwrap();
    let expected = AnyLayer::from(RandomContrast::new((0.2, 0.2)));
    assert_eq!(found, serde_json::to_value(expected).unwrap());
}

#[test]
fn regularizers_are_left_out_and_said() {
    let folder = TempDir::new().unwrap();
    let regularizer = json!({ "class_name": "L2", "config": { "l2": 0.01 } });
    let dense =
        layer("Flatten", "dense", "x", json!({ "kernel_regularizer": regularizer, "bias_constraint": null }));
    let model = Model::load(with_layers(&folder, 2, &[dense])).unwrap();
    let text = folder.path().join("model.petal");
    model.save(&text).unwrap();
    let saved = String::from_utf8_lossy(&fs::read(&text).unwrap()).into_owned();
    assert!(saved.contains("kernel_regularizer") && !saved.contains("bias_constraint"));
}

#[test]
fn only_models_keep_what_a_call_says_of_training() {
    let nested = Model::load(fixture("whole.h5")).unwrap();
    let text = serde_json::to_string(nested.get_layer("base").unwrap().layer()).unwrap();
    assert!(text.contains("\"training\":false"), "{text}");
    // Called with training=True, which Keras 3 overrides in `predict`: its predictions are those of the fixture.
    let flags = Model::load(fixture("training_flags.keras")).unwrap();
    let text = serde_json::to_string(flags.get_layer("sequential").unwrap().layer()).unwrap();
    assert!(text.contains("\"training\":null"), "{text}");
}

#[test]
fn weights_in_several_files_load() {
    let whole = Model::load(fixture("sharded.keras")).unwrap();
    let mut model = whole.clone();
    for (path, values) in whole.weights() {
        model.set_weight(&path, ArrayD::zeros(values.raw_dim()).view()).unwrap();
    }
    model.load_weights(fixture("sharded.weights.json"), LoadWeights::new()).unwrap();
    assert_eq!(model.weights(), whole.weights());

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sharded.weights.json");
    fs::copy(fixture("sharded.weights.json"), &path).unwrap();
    let problem = model.load_weights(&path, LoadWeights::new()).unwrap_err().to_string();
    assert!(problem.contains("sharded_00000.weights.h5"), "{problem}");
    fs::write(&path, r#"{"weight_map": {"/layers/dense/vars": "../other.weights.h5"}}"#).unwrap();
    let problem = model.load_weights(&path, LoadWeights::new()).unwrap_err().to_string();
    assert!(problem.contains("expected files in its own folder"), "{problem}");
    assert!(error(&path).contains("holds weights alone"));
}

/// The cases beside the project: a model file, its inputs and what the Keras that wrote it predicts.
#[test]
fn models_of_other_keras_versions_predict_the_same() {
    let cases = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cases"));
    let Ok(entries) = fs::read_dir(cases) else {
        println!("skipped: {} is not there", cases.display());
        return;
    };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let model = ["model.keras", "model.h5"].map(|name| folder.join(name));
        let Some(path) = model.iter().find(|path| path.exists() && folder.join("y.f32").exists()) else {
            continue;
        };
        println!("{}", path.display());
        let shapes: Value = serde_json::from_slice(&fs::read(folder.join("shape.json")).unwrap()).unwrap();
        let array = |name: &str| {
            let shape: Vec<usize> = serde_json::from_value(shapes[name].clone()).unwrap();
            ArrayD::from_shape_vec(shape, floats(&fs::read(folder.join(format!("{name}.f32"))).unwrap()))
                .unwrap()
        };
        let model = Model::load_keras(path).unwrap_or_else(|error| panic!("{error}"));
        let half = ["bfloat16", "mixed"].iter().any(|kind| folder.to_str().unwrap().contains(kind));
        let tolerance = if half { 1e-2 } else { 1e-4 };
        assert_close(&model.predict_array(array("x").view()).unwrap(), &array("y"), tolerance);
    }
}

#[test]
fn what_is_no_model_is_called_by_what_it_is() {
    let folder = TempDir::new().unwrap();
    let zip = |name: &str, entry: &str| {
        let path = folder.path().join(name);
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        zip.start_file(entry, zip::write::SimpleFileOptions::default()).unwrap();
        zip.finish().unwrap();
        path
    };
    assert!(
        error(zip("model.pt", "archive/data.pkl")).contains("is a model of PyTorch; expected a .keras file")
    );
    assert!(error(zip("photos.zip", "roses/1.jpg")).contains("is a zip archive without a model of Keras"));
    for (name, bytes, problem) in [
        ("photo.png", &b"\x89PNG\r\n\x1a\n"[..], "is a photo (PNG); expected a .petal file"),
        ("model.tflite", b"\x1c\0\0\0TFL3\0\0", "is a TensorFlow Lite model"),
        ("model.onnx", b"\x08\x07\x12\x07pytorch", "is an ONNX model"),
        ("labels.txt", b"0 daisy\n1 roses\n", "is text"),
        ("empty.petal", b"", "is an empty file"),
        ("settings.json", b"{}", "lists the parts of weights"),
        ("model.keras", b"PK\x03\x04", "it was cut off, or is damaged; save or copy it again"),
        ("model.h5", b"\x89HDF\r\n\x1a\n", "is not a readable HDF5 file, it may have been cut off"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let found = error(&path);
        assert!(found.contains(name) && found.contains(problem), "{found}");
    }
    let problem = error(folder.path());
    assert!(
        problem.contains("is a folder; name one of the models in it:") && problem.contains("empty.petal"),
        "{problem}"
    );
    let saved_model = folder.path().join("saved");
    fs::create_dir(&saved_model).unwrap();
    assert!(error(&saved_model).contains("is a folder without a model"));
    fs::write(saved_model.join("saved_model.pb"), b"").unwrap();
    assert!(error(&saved_model).contains("is a SavedModel of TensorFlow"));
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keras_files/cnn_keras2.h5");
    assert!(
        error(weights).contains("is no whole model: it holds weights alone. Save the whole model in Keras")
    );
    #[cfg(unix)]
    assert!(error("/dev/zero").contains("is no plain file"));
}

#[test]
fn names_of_formats_that_petal_does_not_write_are_refused() {
    let x = Input::new([3]);
    let model = Model::new(&x, &Dense::new(2).on(&x).unwrap()).unwrap();
    let folder = TempDir::new().unwrap();
    for name in ["m.tflite", "m.safetensors", "m.petal.old"] {
        let path = folder.path().join(name);
        let problem = model.save(&path).unwrap_err().to_string();
        assert!(problem.contains("Petal writes no .") && problem.contains(".keras"), "{problem}");
        assert!(!path.exists());
    }
    model.save(folder.path().join("model")).unwrap();
}

/// A file with the weights of `fixture` and the configuration that `change` makes of its own.
fn changed(folder: &TempDir, name: &str, change: impl Fn(Value) -> Value) -> PathBuf {
    let mut zip = zip::ZipArchive::new(fs::File::open(fixture(name)).unwrap()).unwrap();
    let path = folder.path().join("changed.keras");
    let mut out = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for name in ["config.json", "model.weights.h5"] {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        if name == "config.json" {
            bytes = change(serde_json::from_slice(&bytes).unwrap()).to_string().into_bytes();
        }
        out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(&bytes).unwrap();
    }
    out.finish().unwrap();
    path
}

/// A layer of a Functional model, called on another.
fn layer(class: &str, name: &str, source: &str, settings: Value) -> Value {
    let mut config = json!({ "name": name, "trainable": true });
    config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let tensor = json!({ "class_name": "__keras_tensor__", "config": { "keras_history": [source, 0, 0] } });
    json!({
        "module": "keras.layers", "class_name": class, "name": name, "config": config,
        "inbound_nodes": [{ "args": [tensor], "kwargs": {} }],
    })
}

/// `binary.keras` with these layers in place of its own.
fn with_layers(folder: &TempDir, size: usize, layers: &[Value]) -> PathBuf {
    changed(folder, "binary.keras", |mut config| {
        let last = layers.last().unwrap()["name"].clone();
        let input = json!({
            "class_name": "InputLayer", "name": "x", "inbound_nodes": [],
            "config": { "name": "x", "batch_shape": [null, size, size, 3] },
        });
        config["config"]["layers"] = layers.iter().rev().chain([&input]).cloned().collect();
        config["config"]["input_layers"] = json!(["x", 0, 0]);
        config["config"]["output_layers"] = json!([last, 0, 0]);
        config
    })
}

#[test]
fn a_long_model_that_is_listed_backwards_opens_at_once() {
    let folder = TempDir::new().unwrap();
    let name = |i: usize| if i == 0 { "x".into() } else { format!("layer{i}") };
    let layers: Vec<Value> = (1..=8000)
        .map(|i| layer("Activation", &name(i), &name(i - 1), json!({ "activation": "relu" })))
        .collect();
    let start = Instant::now();
    let model = Model::load(with_layers(&folder, 1, &layers)).unwrap();
    assert_eq!(model.layers().len(), 8001);
    model.predict_array(ArrayD::zeros(vec![1, 1, 1, 3]).view()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn files_that_ask_for_too_much_are_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let pool = |size: usize, strides: u64| json!({ "pool_size": [size, size], "strides": [strides, strides], "padding": "same" });
    let crop = json!({ "height": 4000, "width": 4000 });
    let wide: Vec<Value> = (1..=40)
        .map(|i| {
            layer(
                "Resizing",
                &format!("r{i}"),
                &if i == 1 { "x".into() } else { format!("r{}", i - 1) },
                crop.clone(),
            )
        })
        .collect();
    for (layers, problem) in [
        (vec![layer("MaxPooling2D", "pool", "x", pool(2, u64::MAX))], "expected at most 2147483648"),
        (vec![layer("MaxPooling2D", "pool", "x", pool(3000, 1))], "operations for one sample"),
        (wide, "values in its layers' outputs"),
        (vec![layer("Dense", "dense", "x", json!({ "units": 1_000_000_000 }))], "expected at most"),
        (
            vec![layer("Conv2D", "c", "x", json!({ "filters": 100_000, "kernel_size": [9, 9] }))],
            "expected at most",
        ),
        (vec![layer("Flatten", &"n".repeat(100_000), "x", json!({}))], "its name has 100000 bytes"),
        (
            vec![layer("Flatten", "f", "x", json!({})), layer("Flatten", "f", "x", json!({}))],
            "two layers of the name",
        ),
        (vec![layer("Flatten", "f", "f", json!({}))], "called on a layer that isn't there"),
    ] {
        let path = with_layers(&folder, 3000, &layers);
        let start = Instant::now();
        let found = error(&path);
        assert!(found.contains(problem), "{found}");
        assert!(found.len() < 1000, "{} bytes", found.len());
        assert!(start.elapsed() < Duration::from_secs(2), "{problem}: {:?}", start.elapsed());
    }
    let deep = (0..200).fold(String::from("1"), |text, _| format!("[{text}]"));
    let path = folder.path().join("deep.keras");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, text) in [("config.json", deep.as_str()), ("model.weights.h5", "")] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    assert!(error(&path).contains("recursion limit"));
}

/// Bytes of files, and of the configuration in them, changed at random but always in the same way.
#[test]
fn mutated_models_are_errors_or_sound() {
    let rounds = std::env::var("PETAL_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    let folder = TempDir::new().unwrap();
    let petal = folder.path().join("model.petal");
    Model::load(fixture("keras2_nested.h5")).unwrap().save(&petal).unwrap();
    // A generator of one line: what is needed is only that the places vary.
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below.max(1)
    };
    let texts = [
        "0",
        "-1",
        "1e999",
        "null",
        "[]",
        "{}",
        "\"\"",
        "4294967296",
        "18446744073709551615",
        "true",
        "[[[0]]]",
    ];
    let sources = [
        &petal,
        &fixture("operations.keras"),
        &fixture("keras2_operations.h5"),
        &fixture("keras2_sequential.h5"),
        &fixture("caffe.keras"),
    ];
    let slowest = sources.iter().flat_map(|source| {
        let bytes = fs::read(source).unwrap();
        (0..rounds).map(|round| (source, bytes.clone(), round)).collect::<Vec<_>>()
    });
    for (source, mut bytes, round) in slowest {
        let path = folder.path().join("mutated");
        match round % 4 {
            // A number or word of the JSON in it becomes another of the same length, or longer in an archive.
            0..=2 => {
                let start =
                    bytes.windows(8).position(|w| w == b"\"config\"" || w == br#"config\""#).unwrap_or(0);
                let end = (start + 12_000).min(bytes.len());
                for _ in 0..1 + next(3) {
                    let at = start + next(end - start);
                    let text = texts[next(texts.len())].as_bytes();
                    let len = text.len().min(bytes.len() - at);
                    bytes[at..at + len].copy_from_slice(&text[..len]);
                }
            }
            _ if round % 8 == 3 => bytes.truncate(next(bytes.len())),
            _ => {
                for _ in 0..1 + next(4) {
                    let at = next(bytes.len());
                    bytes[at] = [0, 1, 0x7f, 0x80, 0xff, next(256) as u8][next(6)];
                }
            }
        }
        fs::write(&path, &bytes).unwrap();
        let start = Instant::now();
        if let Ok(model) = Model::load(&path) {
            if model.input_shape().elements() < 100_000 {
                let shape = [&[1], &model.input_shape()[..]].concat();
                model.predict_array(ArrayD::zeros(shape).view()).unwrap();
            }
            let _ = model.summary().to_string();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{} took {:?}", source.display(), start.elapsed());
    }
}

/// Configurations changed in their meaning: any value for any other.
#[test]
fn mutated_configurations_are_errors_or_sound() {
    let rounds =
        std::env::var("PETAL_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(150);
    let folder = TempDir::new().unwrap();
    let mut state = 2u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below.max(1)
    };
    let values = [
        json!(0),
        json!(1),
        json!(-1),
        json!(2),
        json!(7),
        json!(4096),
        json!(2147483648u64),
        json!(u64::MAX),
        json!(0.5),
        json!(-1e30),
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("same"),
        json!([3, 3]),
        json!([0, 0]),
        json!(true),
    ];
    fn places(value: &mut Value) -> Vec<&mut Value> {
        match value {
            Value::Array(values) => values.iter_mut().flat_map(places).collect(),
            Value::Object(values) => values.values_mut().flat_map(places).collect(),
            value => vec![value],
        }
    }
    for round in 0..rounds {
        let name = ["operations.keras", "keras2_nested_zip.keras", "base_of_any_size.keras", "caffe.keras"]
            [round % 4];
        let (draw, value) = (next(usize::MAX), values[next(values.len())].clone());
        let path = changed(&folder, name, |mut config| {
            let mut places = places(&mut config["config"]);
            let count = places.len();
            *places[draw % count] = value.clone();
            config
        });
        let start = Instant::now();
        if let Ok(model) = Model::load(&path)
            && model.input_shape().elements() < 100_000
        {
            let shape = [&[1], &model.input_shape()[..]].concat();
            model.predict_array(ArrayD::zeros(shape).view()).unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn names_with_slashes_are_those_of_keras_3() {
    let model = Sequential::new(Input::new([2])).add(Dense::new(1).name("a")).build().unwrap();
    assert_eq!(model.layers()[0].name(), "a");
    let folder = TempDir::new().unwrap();
    let dense = layer("Flatten", "conv1/bn", "x", json!({}));
    let model = Model::load(with_layers(&folder, 2, &[dense])).unwrap();
    assert_eq!(model.layers()[1].name(), "conv1_bn");
}
