//! Files that Keras has written load, predict the same, and where they don't fit or are damaged say so.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use hdf5_pure::{AttrValue, FileBuilder};
use ndarray::{ArrayD, IxDyn};
use petal::layers::*;
use petal::model::{Model, Sequential};
use petal::saving::LoadWeights;
use safetensors::SafeTensors;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keras_files")).join(name)
}

/// The real files, which are not part of the project.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// Arrays of expected.safetensors whose names begin with `prefix`, without it.
fn expected(prefix: &str) -> HashMap<String, ArrayD<f32>> {
    let bytes = fs::read(fixture("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.tensors().into_iter().filter_map(|(name, tensor)| {
        let values =
            tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let array = ArrayD::from_shape_vec(IxDyn(tensor.shape()), values).unwrap();
        Some((name.strip_prefix(prefix)?.to_owned(), array))
    });
    tensors.collect()
}

fn assert_weights(model: &Model, case: &str) {
    let expected = expected(&format!("{case}/weights/"));
    let weights = model.weights();
    assert_eq!(weights.len(), expected.len());
    for (path, values) in weights {
        assert_eq!(values, expected[&path], "{path}");
    }
}

fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>) {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-4 * largest.max(1.0), "{a} and {b}");
    }
}

fn cnn() -> Model {
    Sequential::new(Input::image(12, 12, 3))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(4, 3).same().relu().name("first"))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(8, 3).same().relu().name("second"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(3).name("classes"))
        .build()
        .unwrap()
}

#[test]
fn keras_models_load_and_predict_the_same() {
    for case in ["cnn", "nested", "separable"] {
        let model = Model::load_keras(fixture(&format!("{case}.keras"))).unwrap();
        assert_weights(&model, case);
        let io = expected(&format!("{case}/"));
        assert_close(&model.predict_array(io["x"].view()).unwrap(), &io["y"]);
    }
}

#[test]
fn a_loaded_model_has_keras_names_and_what_trains() {
    let model = Model::load_keras(fixture("nested.keras")).unwrap();
    let names: Vec<&str> = model.layers().iter().map(|layer| layer.name()).collect();
    assert_eq!(
        names,
        [
            "input_layer_2",
            "augmentation",
            "true_divide",
            "subtract",
            "base",
            "global_average_pooling2d",
            "dropout",
            "dense"
        ]
    );
    assert!(!model.get_layer("base").unwrap().trainable());
    assert!(model.get_layer("dense").unwrap().trainable());
    assert_eq!(model.class_name(), "Functional");
    assert_eq!(Model::load_keras(fixture("cnn.keras")).unwrap().class_name(), "Sequential");
}

/// `nested.keras` with these flags of its base and its base's first convolution.
fn with_flags(folder: &TempDir, base: bool, convolution: bool) -> Model {
    let path = changed(folder, "nested.keras", |config| {
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        let keras_base = layers.iter_mut().find(|layer| layer["config"]["name"] == "base").unwrap();
        keras_base["config"]["trainable"] = base.into();
        keras_base["config"]["layers"][1]["config"]["trainable"] = convolution.into();
        config.to_string()
    });
    Model::load_keras(path).unwrap()
}

#[test]
fn a_partly_frozen_base_stays_so_and_one_frozen_as_a_whole_too() {
    let folder = TempDir::new().unwrap();
    let trainable = |model: &Model| {
        let text = model.summary().to_string();
        text.lines().find(|line| line.starts_with(" Trainable")).unwrap().to_owned()
    };
    let mut model = with_flags(&folder, true, true);
    assert!(model.get_layer("base").unwrap().trainable());
    // The base's first convolution, (3, 3, 3, 4), and the head of 4 × 3 + 3.
    assert_eq!(trainable(&model), " Trainable params: 123 (492.00 B)");
    model.get_model_mut("base").unwrap().layers_mut()[1].set_trainable(false);
    assert_eq!(trainable(&model), " Trainable params: 15 (60.00 B)");
    assert_eq!(trainable(&with_flags(&folder, false, true)), " Trainable params: 15 (60.00 B)");
}

#[test]
fn weights_load_from_each_format() {
    for (file, case) in [
        ("nested.keras", "nested"),
        ("nested_trained.weights.h5", "nested_trained"),
        ("nested_full.h5", "nested"),
        ("nested_trainable.h5", "nested_trained"),
        ("nested_partly_frozen.h5", "nested_trained"),
    ] {
        for trainable in [false, true] {
            let mut model = Model::load_keras(fixture("nested.keras")).unwrap();
            model.set_trainable(trainable);
            zero(&mut model);
            let skipped = model.load_weights(fixture(file), LoadWeights::new()).unwrap();
            assert_eq!(skipped, Vec::<String>::new());
            assert_weights(&model, case);
            let io = expected(&format!("{case}/"));
            assert_close(&model.predict_array(io["x"].view()).unwrap(), &io["y"]);
        }
    }
}

fn zero(model: &mut Model) {
    let shapes: Vec<(String, Vec<usize>)> =
        model.weights().into_iter().map(|(path, values)| (path, values.shape().to_vec())).collect();
    for (path, shape) in shapes {
        model.set_weight(&path, ArrayD::zeros(shape).view()).unwrap();
    }
}

#[test]
fn layers_of_other_names_load_by_their_order() {
    let mut model = cnn();
    model.load_weights(fixture("cnn_keras2.h5"), LoadWeights::new()).unwrap();
    let expected = expected("cnn/weights/");
    for (path, keras) in [
        ("first/kernel", "conv2d/kernel"),
        ("second/bias", "conv2d_1/bias"),
        ("classes/kernel", "dense/kernel"),
    ] {
        assert_eq!(model.weight(path).unwrap(), expected[keras]);
    }
    let io = self::expected("cnn/");
    assert_close(&model.predict_array(io["x"].view()).unwrap(), &io["y"]);
    model.load_weights(fixture("cnn.keras"), LoadWeights::new()).unwrap();
    assert_eq!(model.weight("second/kernel").unwrap(), expected["conv2d_1/kernel"]);
}

#[test]
fn by_name_loads_the_layers_whose_names_match() {
    let x = Input::image(12, 12, 3);
    let h = Conv2D::new(4, 3).name("conv2d").on(&x).unwrap();
    let h = GlobalAveragePooling2D::new().on(&h).unwrap();
    let mut model = Model::new(&x, &Dense::new(5).name("classes").on(&h).unwrap()).unwrap();
    let before = model.weight("classes/kernel").unwrap();
    model.load_weights(fixture("cnn_keras2.h5"), LoadWeights::new().by_name(true)).unwrap();
    assert_eq!(model.weight("conv2d/kernel").unwrap(), expected("cnn/weights/")["conv2d/kernel"]);
    assert_eq!(model.weight("classes/kernel").unwrap(), before);

    let error = cnn().load_weights(fixture("cnn_keras2.h5"), LoadWeights::new().by_name(true)).unwrap_err();
    assert!(
        error.to_string().contains("it has conv2d, conv2d_1, dense, the model has first, second, classes")
    );
}

/// The CNN with `filters` in its second layer and `units` in its last.
fn other_cnn(filters: usize, units: usize) -> Model {
    Sequential::new(Input::image(12, 12, 3))
        .add(Conv2D::new(4, 3).same())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(filters, 3).same())
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dense::new(units))
        .build()
        .unwrap()
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() {
    for (file, place) in
        [("cnn.keras", "layers/conv2d_1/vars/0"), ("cnn_keras2.h5", "conv2d_1/conv2d_1/kernel:0")]
    {
        let mut model = other_cnn(6, 3);
        let before = model.weight("conv2d/kernel").unwrap();
        let error = model.load_weights(fixture(file), LoadWeights::new()).unwrap_err().to_string();
        let text = format!(
            "layer 'conv2d_1' needs kernel of shape [3, 3, 4, 6]; the file has shape [3, 3, 4, 8] at '{place}'"
        );
        assert!(error.contains(file) && error.ends_with(&text), "{error}");
        assert_eq!(model.weight("conv2d/kernel").unwrap(), before);

        let mut model = other_cnn(8, 7);
        let skipped = model.load_weights(fixture(file), LoadWeights::new().skip_mismatch(true)).unwrap();
        assert_eq!(skipped.len(), 2, "{skipped:?}");
        assert!(
            skipped[0].starts_with("layer 'dense' needs kernel of shape [72, 7]; the file has shape [72, 3]")
        );
        assert_eq!(model.weight("conv2d_1/kernel").unwrap(), expected("cnn/weights/")["conv2d_1/kernel"]);
    }
}

#[test]
fn a_missing_layer_is_named() {
    let x = Input::image(12, 12, 3);
    let h = Conv2D::new(4, 3).on(&x).unwrap();
    let h = BatchNormalization::new().on(&h).unwrap();
    let mut model = Model::new(&x, &h).unwrap();
    let error = model.load_weights(fixture("cnn.keras"), LoadWeights::new()).unwrap_err().to_string();
    assert!(
        error.contains("layer 'batch_normalization' needs its gamma, beta, moving_mean, moving_variance"),
        "{error}"
    );
    let error = model.load_weights(fixture("cnn_keras2.h5"), LoadWeights::new()).unwrap_err().to_string();
    assert!(error.contains("has 3 layers with weights; the model has 2"), "{error}");
    assert!(error.contains("'conv2d_1' in the file, 'batch_normalization' in the model"), "{error}");
}

#[test]
fn a_layer_with_another_number_of_weights_is_named() {
    let x = Input::image(12, 12, 3);
    let mut model = Model::new(&x, &Conv2D::new(4, 3).use_bias(false).on(&x).unwrap()).unwrap();
    let error = model.load_weights(fixture("cnn.keras"), LoadWeights::new()).unwrap_err().to_string();
    assert!(error.contains("layer 'conv2d' needs kernel [3, 3, 3, 4]; the file has"), "{error}");
    assert!(error.contains("layers/conv2d/vars/0 [3, 3, 3, 4] and layers/conv2d/vars/1 [4]"), "{error}");
}

#[test]
fn files_of_other_kinds_are_refused() {
    let folder = TempDir::new().unwrap();
    let other = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        cnn().load_weights(path, LoadWeights::new()).unwrap_err().to_string()
    };
    assert!(other("weights.bin", b"").contains("is an empty file; expected weights that Keras has written"));
    assert!(other("weights.h5", b"text").contains("is text; expected weights"));
    assert!(other("model.keras", b"text").contains("is text; expected weights"));
    let weights = fs::read(fixture("nested_trained.weights.h5")).unwrap();
    assert!(other("renamed.h5", &weights).contains("layer 'first' needs"));
    let error =
        cnn().load_weights(folder.path().join("none.h5"), LoadWeights::new()).unwrap_err().to_string();
    assert!(error.contains("none.h5: there is no such file; the models there are"), "{error}");
    let error = Model::load_keras(fixture("cnn_keras2.h5")).unwrap_err().to_string();
    assert!(error.contains("it holds weights alone"), "{error}");
}

#[test]
fn by_name_is_for_legacy_files() {
    let error = cnn().load_weights(fixture("cnn.keras"), LoadWeights::new().by_name(true)).unwrap_err();
    assert!(error.to_string().contains("by_name is for legacy"), "{error}");
}

/// `cnn.keras` or another with its configuration changed, compressed as other zip writers do.
fn changed(folder: &TempDir, model: &str, change: impl Fn(String) -> String) -> PathBuf {
    let mut zip = zip::ZipArchive::new(fs::File::open(fixture(model)).unwrap()).unwrap();
    let path = folder.path().join("changed.keras");
    let mut out = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for name in ["config.json", "model.weights.h5"] {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        if name == "config.json" {
            bytes = change(String::from_utf8(bytes).unwrap()).into_bytes();
        }
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        out.start_file(name, options).unwrap();
        out.write_all(&bytes).unwrap();
    }
    out.finish().unwrap();
    path
}

#[test]
fn what_petal_does_not_have_is_named() {
    let folder = TempDir::new().unwrap();
    for (model, from, to, message) in [
        (
            "cnn.keras",
            "\"MaxPooling2D\"",
            "\"ConvLSTM2D\"",
            "layer 'max_pooling2d' is a ConvLSTM2D, which Petal doesn't have",
        ),
        ("cnn.keras", "channels_last", "channels_first", "layer 'conv2d': has data_format channels_first"),
        (
            "cnn.keras",
            "\"activation\": \"relu\"",
            "\"activation\": \"crelu\"",
            "layer 'conv2d': Petal's Conv2D can't be set up like this",
        ),
        (
            "cnn.keras",
            "\"filters\": 8",
            "\"filters\": 9",
            "layer 'conv2d_1' needs kernel of shape [3, 3, 4, 9]",
        ),
        ("cnn.keras", "\"filters\": 8", "\"filters\": 18446744073709551615", "a layer's setting is"),
        ("cnn.keras", "\"units\": 3", "\"units\": 100000000", "parameters, but the file has at most"),
        ("cnn.keras", "null, 12, 12, 3", "null, null, null, 3", "takes images of any size"),
        ("nested.keras", "\"TrueDivide\"", "\"Hypot\"", "operation 'true_divide': Petal doesn't have hypot"),
        (
            "nested.keras",
            "\"renorm\": false",
            "\"renorm\": true",
            "layer 'batch_normalization': uses batch renormalization",
        ),
        ("nested.keras", "[\"base\", 0, 0]", "[\"bass\", 0, 0]", "is called on a layer that isn't there"),
        ("nested.keras", "\"input_layers\": [", "\"input_layers\": [5, ", "Petal's models have one input"),
    ] {
        let path = changed(&folder, model, |config| {
            assert!(config.contains(from), "{from}");
            config.replace(from, to)
        });
        let error = Model::load_keras(&path).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn another_writer_of_the_zip_file_and_initializers_that_petal_does_not_have_do_not_matter() {
    let folder = TempDir::new().unwrap();
    let path =
        changed(&folder, "cnn.keras", |config| config.replace("GlorotUniform", "OrthogonalInitializer"));
    assert_weights(&Model::load_keras(path).unwrap(), "cnn");
}

/// A legacy file with one Dense layer, written with `values` and these attributes.
fn legacy(layer_names: AttrValue, weight_names: AttrValue) -> Vec<u8> {
    let mut file = FileBuilder::new();
    file.set_attr("layer_names", layer_names);
    let mut group = file.create_group("dense");
    group.set_attr("weight_names", weight_names);
    group.create_dataset("kernel").with_f64_data(&[1.0, 2.0, 3.0, 4.0]).with_shape(&[2, 2]);
    group.create_dataset("bias").with_f32_data(&[5.0, 6.0]).with_shape(&[2]);
    file.add_group(group.finish());
    file.finish().unwrap()
}

fn load_dense(bytes: &[u8]) -> Result<Model, petal::Error> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dense.h5");
    fs::write(&path, bytes).unwrap();
    let x = Input::new([2]);
    let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
    model.load_weights(path, LoadWeights::new())?;
    Ok(model)
}

#[test]
fn lists_of_names_may_have_any_kind_of_string() {
    let names = ["kernel", "bias"].map(String::from).to_vec();
    for make in [AttrValue::StringArray, AttrValue::AsciiStringArray, AttrValue::VarLenStringArray] {
        let model = load_dense(&legacy(make(vec!["dense".into()]), make(names.clone()))).unwrap();
        let kernel = model.weight("dense/kernel").unwrap();
        assert_eq!(kernel.as_slice().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(model.weight("dense/bias").unwrap().as_slice().unwrap(), [5.0, 6.0]);
    }
}

#[test]
fn lists_that_name_what_is_not_there_are_refused() {
    let list = |name: &str| AttrValue::StringArray(vec![name.into()]);
    let error = load_dense(&legacy(list("dens"), list("kernel"))).unwrap_err().to_string();
    assert!(error.contains("lists layer 'dens', but doesn't have it"), "{error}");
    let error = load_dense(&legacy(list("dense"), list("../dense"))).unwrap_err().to_string();
    assert!(error.contains("lists weight '../dense' of layer 'dense'"), "{error}");
}

#[test]
fn damaged_files_are_errors() {
    let folder = TempDir::new().unwrap();
    for (name, model) in [
        ("cnn_keras2.h5", cnn()),
        ("nested_partly_frozen.h5", Model::load_keras(fixture("nested.keras")).unwrap()),
        ("nested_trained.weights.h5", Model::load_keras(fixture("nested.keras")).unwrap()),
        ("cnn.keras", cnn()),
    ] {
        let bytes = fs::read(fixture(name)).unwrap();
        let path = folder.path().join(name);
        // A generator of one line: what is needed is only that the places vary.
        let mut state = 1u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        let rounds =
            std::env::var("PETAL_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(300);
        for round in 0..rounds {
            let mut damaged = bytes.clone();
            if round % 10 == 0 {
                damaged.truncate(next(bytes.len()));
            } else {
                for _ in 0..=round % 4 {
                    let place = next(damaged.len());
                    damaged[place] = [0, 1, 0x7f, 0x80, 0xff, next(256) as u8][next(6)];
                }
            }
            fs::write(&path, &damaged).unwrap();
            // Where values alone are hit, the file still loads.
            let _ = model.clone().load_weights(&path, LoadWeights::new());
            if name.ends_with(".keras") {
                let _ = Model::load_keras(&path);
            }
        }
    }
}

/// An array of an `.npz` file.
fn npz(path: &Path, name: &str) -> ArrayD<f32> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(&format!("{name}.npy")).unwrap().read_to_end(&mut bytes).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..header]);
    assert!(text.contains("<f4"), "{text}");
    let shape = text.split(['(', ')']).nth(1).unwrap();
    let shape: Vec<usize> = shape.split(',').filter_map(|axis| axis.trim().parse().ok()).collect();
    let values = bytes[header..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    ArrayD::from_shape_vec(shape, values).unwrap()
}

#[test]
fn a_frozen_base_in_a_model_predicts_the_same_from_each_of_its_files() {
    let Some(folder) = shared("keras-files") else { return };
    let io = folder.join("nested32_io.npz");
    let (x, y) = (npz(&io, "x"), npz(&io, "y_logits"));
    let mut model = Model::load_keras(folder.join("nested32.keras")).unwrap();
    assert_close(&model.predict_array(x.view()).unwrap(), &y);
    for file in ["nested32.weights.h5", "nested32_full_legacy.h5"] {
        zero(&mut model);
        model.load_weights(folder.join(file), LoadWeights::new()).unwrap();
        assert_close(&model.predict_array(x.view()).unwrap(), &y);
    }
}

#[test]
fn the_lectures_cnn_loads_its_legacy_weights() {
    let Some(folder) = shared("keras-files") else { return };
    let mut model = petal::applications::lecture_cnn([32, 32, 3], 5, 0).unwrap();
    model.load_weights(folder.join("cnn32_legacy_weights.h5"), LoadWeights::new()).unwrap();
    let x = ArrayD::from_shape_vec(vec![1, 32, 32, 3], (0..3072).map(|i| (i * 7 % 256) as f32).collect());
    let y = model.predict_array(x.unwrap().view()).unwrap();
    // Keras 3.15.1 on the model of cnn32.config.json with these weights.
    let keras = [0.068_997_69, -0.070_836_42, 0.008_560_64, 0.063_093_6, -0.112_812_91];
    for (found, expected) in y.iter().zip(keras) {
        assert!((found - expected).abs() < 1e-6, "{found} and {expected}");
    }
}
