//! What Petal writes for Keras is what it was, read back; that Keras reads it as that, too, `bench/export/keras_reads.py` checks.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use petal::applications::*;
use petal::conformance;
use petal::data::{ArrayDataset, Preprocessing};
use petal::layers::*;
use petal::model::{Model, Sequential};
use petal::saving::LoadWeights;
use petal::training::callbacks::ModelCheckpoint;
use petal::training::{Adam, Fit, Loss, OptimizerSettings, SparseCategoricalCrossentropy, Verbose};
use petal::{Error, Result};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Gives each weight its own values: a swap would be seen.
fn fill(model: &mut Model) {
    let paths: Vec<(String, Vec<usize>)> =
        model.weights().iter().map(|(path, values)| (path.clone(), values.shape().to_vec())).collect();
    for (i, (path, shape)) in paths.into_iter().enumerate() {
        let mut next = 0.01 + i as f32;
        let values = ArrayD::from_shape_simple_fn(shape, || {
            next = (next * 1.618_034 + 0.1).fract();
            0.5 + next / 2.0
        });
        model.set_weight(&path, values.view()).unwrap();
    }
}

fn bits(model: &Model) -> Vec<(String, Vec<usize>, Vec<u32>)> {
    let weights = model.weights().into_iter();
    let bits = |(path, values): (String, ndarray::ArrayViewD<'_, f32>)| {
        (path, values.shape().to_vec(), values.iter().map(|value| value.to_bits()).collect())
    };
    weights.map(bits).collect()
}

fn table(model: &Model) -> String {
    model.summary().expand_nested(true).show_trainable(true).to_string()
}

/// Writes the model to each of Keras' files and reads it back: layers, flags and weights are the same, bit for bit, and so
/// are the predictions of a small model.
#[track_caller]
fn assert_comes_back(name: &str, model: &Model, predicts: bool) {
    let folder = TempDir::new().unwrap();
    let path = |ending: &str| folder.path().join(format!("model{ending}"));
    for ending in [".keras", ".h5"] {
        model.save(path(ending)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let loaded = Model::load(path(ending)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(table(&loaded), table(model), "{name}{ending}");
        assert_eq!(bits(&loaded), bits(model), "{name}{ending}");
        if predicts {
            let mut shape = vec![2];
            shape.extend(model.input_shape().iter());
            let mut next = 0.3f32;
            let x = ArrayD::from_shape_simple_fn(shape, || {
                next = (next * 1.618_034 + 0.1).fract();
                next
            });
            let (found, expected) = (loaded.predict_array(x.view()), model.predict_array(x.view()));
            assert_eq!(found.unwrap(), expected.unwrap(), "{name}{ending}");
        }
    }
    model.save(path(".weights.h5")).unwrap();
    for file in [".weights.h5", ".h5", ".keras"] {
        let mut other = model.clone();
        for (weight, values) in model.weights() {
            other.set_weight(&weight, ArrayD::zeros(values.shape()).view()).unwrap();
        }
        other.load_weights(path(file), LoadWeights::new()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(bits(&other), bits(model), "{name}{file}");
    }
}

#[test]
fn every_layer_comes_back() {
    let examples = conformance::examples(1).unwrap().into_iter();
    // In Keras' files those do nothing, as in prediction.
    for mut example in examples.filter(|example| example.name != "layers that Keras lacks") {
        fill(&mut example.model);
        assert_comes_back(example.name, &example.model, true);
    }
}

#[test]
fn applications_come_back() -> Result<()> {
    let models = [
        ("MobileNetV2", MobileNetV2::new(32, 32).weights(Weights::None).build()?),
        ("MobileNet", MobileNet::new(32, 32).weights(Weights::None).classes(3).build()?),
        (
            "EfficientNetV2B0",
            EfficientNetV2B0::new(32, 32).weights(Weights::None).include_top(false).build()?,
        ),
        ("EfficientNetB0", EfficientNetB0::new(32, 32).weights(Weights::None).include_top(false).build()?),
        ("MobileNetV3Small", MobileNetV3Small::new(32, 32).weights(Weights::None).build()?),
        ("ConvNeXtTiny", ConvNeXtTiny::new(32, 32).weights(Weights::None).include_top(false).build()?),
        ("ResNet50", ResNet50::new(32, 32).weights(Weights::None).include_top(false).build()?),
        ("VGG16", VGG16::new(32, 32).weights(Weights::None).include_top(false).build()?),
    ];
    for (name, mut model) in models {
        fill(&mut model);
        assert_comes_back(name, &model, false);
    }
    Ok(())
}

#[test]
fn models_of_keras_come_back() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files =
        |folder: &str| fs::read_dir(fixtures.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found = 0;
    for file in files("keras_files").chain(files("keras_models")) {
        let Ok(model) = Model::load(&file) else { continue };
        assert_comes_back(&file.display().to_string(), &model, true);
        found += 1;
    }
    assert!(found > 25, "only {found} files were models");
}

/// An augmentation, a base and a head; what trains in the base is said by `flags`.
fn transfer(flags: impl Fn(&mut Model)) -> Result<Model> {
    let augmentation = Sequential::new(Input::image(12, 12, 3))
        .name("augmentation")
        .add(RandomFlip::new(FlipMode::Horizontal))
        .add(RandomContrast::new((0.1, 0.2)))
        .build()?;
    let x = Input::image(12, 12, 3);
    let h = Conv2D::new(4, 3).use_bias(false).name("first").on(&x)?;
    let h = BatchNormalization::new().on(&h)?;
    let h = ReLU::new().max_value(6.0).on(&h)?;
    let side = DepthwiseConv2D::new(3).same().on(&h)?;
    let h = Add::new().on([&h, &side])?;
    let h = BatchNormalization::new().name("last").on(&h)?;
    let mut base = Model::named("base", 0, &x, &h)?;
    flags(&mut base);
    let x = Input::image(12, 12, 3);
    let h = augmentation.on(&x)?;
    let h = VGG16::preprocess_input(&h)?;
    let h = base.with_training(false).on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    let mut model = Model::new(&x, &Dense::new(3).on(&Dropout::new(0.2).on(&h)?)?)?;
    fill(&mut model);
    Ok(model)
}

#[test]
fn a_base_comes_back_with_what_trains_in_it() -> Result<()> {
    assert_comes_back("all", &transfer(|_| ())?, true);
    assert_comes_back("none", &transfer(|base| base.set_trainable(false))?, true);
    assert_comes_back(
        "some",
        &transfer(|base| base.layers_mut()[..3].iter_mut().for_each(|layer| layer.set_trainable(false)))?,
        true,
    );
    let mut frozen = transfer(|_| ())?;
    frozen.set_trainable(false);
    assert_comes_back("the whole model", &frozen, true);
    Ok(())
}

#[test]
fn names_preprocessing_and_how_it_is_compiled_come_back() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let mut model = transfer(|base| base.set_trainable(false))?;
    model.set_class_names(["daisy", "rosé", "tulip"])?;
    model.set_preprocessing(Preprocessing { exif_orientation: true, ..Preprocessing::new(12, 12) })?;
    model.compile(Adam::new(1e-4).clipnorm(1.0), SparseCategoricalCrossentropy::from_logits())?;
    for name in ["m.keras", "m.h5", "m.hdf5"] {
        let path = folder.path().join(name);
        model.save(&path)?;
        let mut loaded = Model::load(&path)?;
        assert_eq!(loaded.class_names(), model.class_names());
        assert_eq!(loaded.preprocessing(), model.preprocessing());
        assert_eq!(loaded.loss(), Some(&Loss::from(SparseCategoricalCrossentropy::from_logits())));
        // It trains as the one that was saved would from here.
        let data =
            ArrayDataset::new(ArrayD::from_elem(vec![4, 12, 12, 3], 7.0), &[0, 1, 2, 0])?.batch_size(4);
        let mut other = model.clone();
        for model in [&mut loaded, &mut other] {
            model.fit(&data, Fit::epochs(2).verbose(Verbose::Silent))?;
        }
        assert_eq!(bits(&loaded), bits(&other), "{name}");
    }
    Ok(())
}

#[test]
fn layers_are_found_by_their_names() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("m.h5");
    let model = transfer(|_| ())?;
    model.save(&path)?;
    let x = Input::image(12, 12, 3);
    let h = Conv2D::new(8, 3).on(&x)?;
    let h = Dense::new(3)
        .name("dense")
        .on(&Dense::new(4).name("other").on(&GlobalAveragePooling2D::new().on(&h)?)?)?;
    let mut other = Model::new(&x, &h)?;
    other.load_weights(&path, LoadWeights::new().by_name(true))?;
    assert_eq!(other.weight("dense/kernel")?, model.weight("dense/kernel")?);
    Ok(())
}

#[test]
fn long_lists_of_names_are_cut_as_keras_cuts_them() -> Result<()> {
    let x = Input::new([2]);
    let mut h = x.clone();
    for i in 0..80 {
        h = Dense::new(2).name(format!("{i}{}", "long".repeat(240))).on(&h)?;
    }
    let mut model = Model::new(&x, &h)?;
    fill(&mut model);
    assert_comes_back("long names", &model, true);
    Ok(())
}

#[test]
fn the_same_model_is_the_same_file() -> Result<()> {
    let folder = TempDir::new().unwrap();
    for name in ["m.keras", "m.h5", "m.weights.h5"] {
        let [a, b]: [PathBuf; 2] = ["a", "b"].map(|prefix| folder.path().join(format!("{prefix}{name}")));
        transfer(|_| ())?.save(&a)?;
        transfer(|_| ())?.save(&b)?;
        assert!(fs::read(a).unwrap() == fs::read(b).unwrap(), "{name}");
    }
    Ok(())
}

#[test]
fn what_keras_cannot_hold_is_named_and_the_old_file_stays() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let x = Input::new([3]);
    let h = ReLU::new().max_value(f32::INFINITY).name("capped").on(&Dense::new(3).on(&x)?)?;
    let model = Model::new(&x, &h)?;
    for name in ["m.keras", "m.h5"] {
        let path = folder.path().join(name);
        fs::write(&path, "old").unwrap();
        let problem = model.save(&path).unwrap_err().to_string();
        assert!(problem.contains("layer 'capped'") && problem.contains("not a finite number"), "{problem}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    Ok(())
}

#[test]
fn a_checkpoint_can_be_a_file_of_keras() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let x = Input::new([3]);
    let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
    model.compile(Adam::new(0.1), SparseCategoricalCrossentropy::from_logits())?;
    let data = ArrayDataset::new(ndarray::Array2::ones((4, 3)), &[0, 1, 0, 0])?;
    let fit = |name: &str| {
        let checkpoint = ModelCheckpoint::new(folder.path().join(name).to_str().unwrap());
        Fit::epochs(1).callback(checkpoint).verbose(Verbose::Silent)
    };
    model.fit(&data, fit("{epoch:02d}.keras"))?;
    assert_eq!(bits(&Model::load(folder.path().join("01.keras"))?), bits(&model));
    // Said before the first epoch, not after it.
    let problem: Error = model.fit(&data, fit("{epoch}.tflite")).unwrap_err();
    assert!(problem.to_string().contains("Petal writes no .tflite"), "{problem}");
    assert_eq!(model.history().epochs().len(), 1);
    Ok(())
}

/// Whether a setting is the same, numbers as `f32`. Keras writes some otherwise than Petal: a number may stand for a pair of
/// it, or of it and its negative, and for a list of one.
fn same(ours: &Value, keras: &Value) -> bool {
    let equal = match (ours, keras) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().map(|a| a as f32) == b.as_f64().map(|b| b as f32),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        // A seed of an initializer is no setting of Petal's.
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        // No axis at all.
        (Value::Null, Value::Array(none)) => none.is_empty(),
        (a, b) => a == b,
    };
    let widened = |number: &Value| {
        let negative = number.as_f64().map(|number| -number);
        [json!([number]), json!([number, number]), json!([negative, number])]
    };
    equal
        || keras.is_number() && ours.is_array() && widened(keras).iter().any(|keras| same(ours, keras))
        || ours.is_number() && keras.is_array() && widened(ours).iter().any(|ours| same(ours, keras))
}

#[test]
fn each_setting_is_written_as_keras_writes_it() {
    let bytes = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("m.keras");
    let (mut settings, mut differ) = (0, Vec::new());
    for case in cases.iter().filter(|case| case["inputs"] == 1) {
        let (name, keras) = (case["case"].as_str().unwrap(), &case["layer"]);
        let Ok(layer) = serde_json::from_value::<AnyLayer>(keras.clone()) else { continue };
        let x = Input::new(tensors.tensor(&format!("{name}/input0")).unwrap().shape()[1..].to_vec());
        let layer = layer.name(keras["config"]["name"].as_str().unwrap());
        let y = layer.trainable(keras["config"]["trainable"] != false).on(&x).unwrap();
        Model::new(&x, &y).unwrap().save(&path).unwrap();
        let mut zip = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
        let config: Value = serde_json::from_reader(zip.by_name("config.json").unwrap()).unwrap();
        let written = &config["config"]["layers"][1];
        assert_eq!(written["class_name"], keras["class_name"]);
        for (key, value) in written["config"].as_object().unwrap().iter().filter(|(key, _)| *key != "dtype") {
            settings += 1;
            if !same(value, &keras["config"][key]) {
                differ.push(format!("{name}, {key}: {value}; Keras {}", keras["config"][key]));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(settings > 1000, "only {settings} settings were compared");
}
