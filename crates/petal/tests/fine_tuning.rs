//! Freezing and fine-tuning: a base in a model, trained by Keras phase by phase (fixtures/fine_tuning.py), and what a
//! user relies on when layers are frozen.

use std::collections::HashMap;

use ndarray::{Array4, ArrayD, IxDyn};
use petal::applications::{MobileNetV2, Weights};
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::{Model, Sequential, Tensor};
use petal::training::*;
use petal::{Error, Result};
use safetensors::SafeTensors;
use serde_json::Value;

/// What Keras did.
struct Recording {
    bytes: Vec<u8>,
    cases: Vec<Value>,
}

impl Recording {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fine_tuning.safetensors");
        let bytes = std::fs::read(path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
        Recording { bytes, cases }
    }

    fn get(&self, name: &str) -> ArrayD<f32> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).unwrap_or_else(|_| panic!("{name}"));
        let values =
            tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        ArrayD::from_shape_vec(IxDyn(tensor.shape()), values).unwrap()
    }

    fn data(&self, x: &str, y: &str) -> Result<ArrayDataset> {
        let labels: Vec<usize> = self.get(y).iter().map(|&label| label as usize).collect();
        Ok(ArrayDataset::new(self.get(x), &labels)?.batch_size(8))
    }

    /// The model of the script with its first weights; `training` is the flag that its base is called with.
    fn model(&self, training: Option<bool>) -> Result<Model> {
        let mut model = outer(base()?, training)?;
        let paths: Vec<String> = model.weights().into_iter().map(|(path, _)| path).collect();
        for path in paths {
            model.set_weight(&path, self.get(&format!("initial/{path}")).view())?;
        }
        Ok(model)
    }
}

/// The base of `fixtures/fine_tuning.py`: an inverted residual block as MobileNetV2 has it.
fn base() -> Result<Model> {
    let normalized =
        |name: &str, h: &Tensor| BatchNormalization::new().momentum(0.9).name(format!("{name}_BN")).on(h);
    let relu = |name: &str, h: &Tensor| ReLU::new().max_value(6.0).name(format!("{name}_relu")).on(h);
    let x = Input::with_name([12, 12, 3], "base_input");
    let h = Conv2D::new(4, 3).strides(2).same().use_bias(false).name("stem").on(&x)?;
    let block = relu("stem", &normalized("stem", &h)?)?;
    let h = Conv2D::new(8, 1).same().use_bias(false).name("expand").on(&block)?;
    let h = relu("expand", &normalized("expand", &h)?)?;
    let h = DepthwiseConv2D::new(3).same().use_bias(false).name("depthwise").on(&h)?;
    let h = relu("depthwise", &normalized("depthwise", &h)?)?;
    let h = Conv2D::new(4, 1).same().use_bias(false).name("project").on(&h)?;
    let h = Add::new().name("add").on([&block, &normalized("project", &h)?])?;
    Model::named("base", 0, &x, &h)
}

fn outer(base: Model, training: Option<bool>) -> Result<Model> {
    let x = Input::with_name([12, 12, 3], "input");
    let h = Rescaling::new(1.0 / 127.5).offset(-1.0).name("rescaling").on(&x)?;
    let h = match training {
        Some(training) => base.with_training(training).on(&h)?,
        None => base.on(&h)?,
    };
    let h = GlobalAveragePooling2D::new().name("pool").on(&h)?;
    Model::new(&x, &Dense::new(3).name("dense").on(&h)?)
}

fn freeze(layers: &mut [petal::model::Node]) {
    layers.iter_mut().for_each(|layer| layer.set_trainable(false));
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::from_logits()
}

fn fit(model: &mut Model, data: &ArrayDataset, epochs: std::ops::Range<usize>) -> Result<History> {
    model.fit(data, Fit::epochs(epochs.end).initial_epoch(epochs.start).verbose(Verbose::Silent))
}

/// Every weight's bits by its path.
fn bits(model: &Model) -> HashMap<String, Vec<u32>> {
    let weights = model.weights();
    weights.into_iter().map(|(path, values)| (path, values.iter().map(|v| v.to_bits()).collect())).collect()
}

/// The paths of the weights that differ by a bit, sorted.
fn changed(before: &HashMap<String, Vec<u32>>, after: &HashMap<String, Vec<u32>>) -> Vec<String> {
    let mut paths: Vec<String> =
        before.iter().filter(|(path, bits)| after[*path] != **bits).map(|(path, _)| path.clone()).collect();
    paths.sort();
    paths
}

/// The number that `summary()` gives for `what`; 0 without such a line.
fn count(model: &Model, what: &str) -> usize {
    let text = model.summary().to_string();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!(" {what} params: ")));
    line.map_or(0, |line| line.split(' ').next().unwrap().replace(',', "").parse().unwrap())
}

#[track_caller]
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, tolerance: f32, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let difference = (found - expected).abs();
        assert!(difference <= tolerance * expected.abs().max(1.0), "{what}: {found}, Keras {expected}");
    }
}

/// A base called with `training = false` is compared with Keras 2, which honours the flag, one called without it with
/// Keras 3. Each phase is compiled anew with another optimizer, on the weights that the one before left.
#[test]
fn each_phase_ends_with_the_weights_of_keras() -> Result<()> {
    let recording = Recording::read();
    let (train, validation) = (recording.data("x", "y")?, recording.data("x_val", "y_val")?);
    for case in &recording.cases {
        let mut model = recording.model(case["training"].as_bool())?;
        let mut joined = History::default();
        for phase in case["phases"].as_array().unwrap() {
            let name = format!("{}/{}", case["case"].as_str().unwrap(), phase["phase"].as_str().unwrap());
            let base = model.get_model_mut("base")?;
            match phase["phase"].as_str().unwrap() {
                "frozen" => base.set_trainable(false),
                "fine_tuned" => {
                    base.set_trainable(true);
                    freeze(&mut base.layers_mut()[..case["fine_tune_at"].as_u64().unwrap() as usize]);
                }
                _ => base.set_trainable(true),
            }
            let before = bits(&model);
            let rate = phase["optimizer"]["learning_rate"].as_f64().unwrap();
            match phase["optimizer"]["class_name"].as_str().unwrap() {
                "Adam" => model.compile(Adam::new(rate), loss())?,
                _ => model.compile(RMSprop::new(rate), loss())?,
            }
            assert_eq!(changed(&before, &bits(&model)), [""; 0], "{name}: compile keeps the weights");
            assert_eq!(count(&model, "Trainable") as u64, phase["trainable_params"], "{name}");

            let at = |key: &str| phase[key].as_u64().unwrap() as usize;
            let options = Fit::epochs(at("epochs")).initial_epoch(at("initial_epoch"));
            let history = model.fit(&train, options.validation(&validation).verbose(Verbose::Silent))?;
            assert_eq!(serde_json::json!(history.epochs()), phase["epoch"], "{name}");
            for key in ["loss", "accuracy", "val_loss", "val_accuracy"] {
                let found = history.series(key).iter().map(|&value| value as f32).collect();
                let found = ArrayD::from_shape_vec(IxDyn(&[history.epochs().len()]), found).unwrap();
                let expected = recording.get(&format!("{name}/history/{key}"));
                assert_close(&found, &expected, 1e-5, &format!("{name}/history/{key}"));
            }
            joined.extend(&history);
            for (path, values) in model.weights() {
                let expected = recording.get(&format!("{name}/{path}"));
                assert_close(&values.to_owned(), &expected, 2e-6, &format!("{name}/{path}"));
            }
            let predictions = model.predict_array(recording.get("x_val").view())?;
            assert_close(&predictions, &recording.get(&format!("{name}/predictions")), 1e-5, &name);

            // What may change: weights that train, and statistics of a BatchNormalization that trains in batch mode.
            let trains: Vec<String> = serde_json::from_value(phase["trainable"].clone()).unwrap();
            for path in changed(&before, &bits(&model)) {
                let gamma = format!("{}/gamma", path.rsplit_once('/').unwrap().0);
                let moves =
                    case["training"].is_null() && path.contains("/moving_") && trains.contains(&gamma);
                assert!(trains.contains(&path) || moves, "{name}: {path} is frozen and has changed");
            }
            let slots = if phase["optimizer"]["class_name"] == "Adam" { 2 } else { 1 };
            assert_eq!(count(&model, "Optimizer"), slots * count(&model, "Trainable") + 2, "{name}");
        }
        assert_eq!(*model.history(), joined);
        assert_eq!(joined.epochs(), [0, 1, 2, 3, 4]);
    }
    Ok(())
}

/// Feature extraction: a frozen base, compiled, and pictures to train on.
fn feature_extraction(training: Option<bool>) -> Result<(Model, ArrayDataset)> {
    let mut base = base()?;
    base.set_trainable(false);
    let mut model = outer(base, training)?;
    model.compile(Adam::new(1e-2), loss())?;
    let x =
        Array4::from_shape_fn((10, 12, 12, 3), |(i, y, x, c)| ((i * 37 + y * 11 + x * 5 + c) % 256) as f32);
    let labels: Vec<usize> = (0..10).map(|i| i % 3).collect();
    Ok((model, ArrayDataset::new(x, &labels)?.batch_size(4)))
}

const HEAD: [&str; 2] = ["dense/bias", "dense/kernel"];

#[test]
fn only_the_head_of_a_frozen_base_changes() -> Result<()> {
    for training in [None, Some(false), Some(true)] {
        let (mut model, data) = feature_extraction(training)?;
        let before = bits(&model);
        fit(&mut model, &data, 0..2)?;
        assert_eq!(changed(&before, &bits(&model)), HEAD);
        assert_eq!((count(&model, "Trainable"), count(&model, "Optimizer")), (15, 2 * 15 + 2));
    }
    Ok(())
}

#[test]
fn statistics_stay_in_inference_mode_while_gamma_and_beta_train() -> Result<()> {
    let (mut model, data) = feature_extraction(Some(false))?;
    model.set_trainable(true);
    model.compile(Adam::new(1e-2), loss())?;
    let before = bits(&model);
    fit(&mut model, &data, 0..1)?;
    let changed = changed(&before, &bits(&model));
    assert_eq!(changed.len(), 14, "all but the statistics: {changed:?}");
    assert!(changed.iter().all(|path| !path.contains("moving")), "{changed:?}");
    assert!(changed.contains(&"base/stem_BN/gamma".into()) && changed.contains(&"base/stem_BN/beta".into()));
    Ok(())
}

#[test]
fn what_trains_is_set_by_model_range_and_name() -> Result<()> {
    let mut model = outer(base()?, None)?;
    let trainable = |model: &Model| count(model, "Trainable");
    assert_eq!(trainable(&model), 108 + 8 + 32 + 16 + 72 + 16 + 32 + 8 + 15);
    model.get_layer_mut("base")?.set_trainable(false);
    assert_eq!(trainable(&model), 15);

    let base = model.get_model_mut("base")?;
    base.set_trainable(true);
    base.layers_mut()[..6].iter_mut().for_each(|layer| layer.set_trainable(false));
    assert!(base.trainable() && !base.get_layer("stem")?.trainable());
    assert_eq!(trainable(&model), 72 + 16 + 32 + 8 + 15);
    model.get_model_mut("base")?.get_layer_mut("project")?.set_trainable(false);
    assert_eq!(trainable(&model), 72 + 16 + 8 + 15);

    // Keras 3 on TensorFlow would leave the frozen layers as they are, since the base's own flag is `true` already.
    model.get_layer_mut("base")?.set_trainable(true);
    assert_eq!(trainable(&model), 292 + 15);
    model.get_layer_mut("dense")?.set_trainable(false);
    assert_eq!(trainable(&model), 292);

    model.set_trainable(false);
    assert_eq!((trainable(&model), model.get_layer("base")?.as_model().unwrap().trainable()), (0, false));
    model.set_trainable(true);
    assert_eq!(trainable(&model), 292 + 15);
    Ok(())
}

#[test]
fn a_frozen_model_hides_what_its_layers_say() -> Result<()> {
    // The same for a model by itself, for one in another, and whichever way it is reached.
    let mut alone = base()?;
    alone.set_trainable(false);
    alone.get_layer_mut("project")?.set_trainable(true);
    assert_eq!(count(&alone, "Trainable"), 0);

    let mut model = outer(alone, None)?;
    assert_eq!(count(&model, "Trainable"), 15);
    model.get_layer_mut("base")?.as_model_mut().unwrap().layers_mut()[..].iter_mut().for_each(|layer| {
        layer.set_trainable(true);
    });
    assert_eq!(count(&model, "Trainable"), 15);
    model.get_model_mut("base")?.set_trainable(true);
    assert!(model.get_layer("base")?.trainable());
    assert_eq!(count(&model, "Trainable"), 292 + 15);

    // One whose layers were frozen one by one isn't frozen itself.
    let mut base = base()?;
    freeze(base.layers_mut());
    let mut model = outer(base, None)?;
    model.get_model_mut("base")?.get_layer_mut("project")?.set_trainable(true);
    assert_eq!(count(&model, "Trainable"), 32 + 15);
    Ok(())
}

#[test]
fn freezing_where_a_model_becomes_a_layer_reaches_all_layers() -> Result<()> {
    let x = Input::image(12, 12, 3);
    let h = base()?.trainable(false).on(&x)?;
    let mut model = Model::new(&x, &Dense::new(3).on(&GlobalAveragePooling2D::new().on(&h)?)?)?;
    assert_eq!(count(&model, "Trainable"), 15);
    assert!(!model.get_model_mut("base")?.get_layer("stem")?.trainable());
    Ok(())
}

#[test]
fn a_model_in_a_model_in_a_model_is_frozen_to_its_depth() -> Result<()> {
    let x = Input::image(12, 12, 3);
    let middle = Model::named("middle", 0, &x, &base()?.on(&x)?)?;
    let x = Input::image(12, 12, 3);
    let h = GlobalAveragePooling2D::new().on(&middle.with_training(false).on(&x)?)?;
    let mut model = Model::new(&x, &Dense::new(3).on(&h)?)?;
    model.get_layer_mut("middle")?.set_trainable(false);
    assert_eq!(count(&model, "Trainable"), 15);
    let inner = model.get_model_mut("middle")?.get_model_mut("base")?;
    assert!(!inner.trainable() && !inner.get_layer("stem")?.trainable());

    // The flag of the call reaches the innermost BatchNormalization.
    model.set_trainable(true);
    model.compile(Adam::new(1e-2), loss())?;
    let (_, data) = feature_extraction(None)?;
    let before = bits(&model);
    fit(&mut model, &data, 0..1)?;
    assert!(changed(&before, &bits(&model)).iter().all(|path| !path.contains("moving")));
    Ok(())
}

#[test]
fn a_layer_that_is_not_there_is_an_error_that_helps() -> Result<()> {
    let mut model = outer(base()?, None)?;
    let error = model.get_layer_mut("project").unwrap_err().to_string();
    assert!(error.contains("no layer 'project'; it has input, rescaling, base"), "{error}");
    assert!(error.ends_with("; the model 'base' in it has one"), "{error}");
    let error = model.get_model_mut("dense").unwrap_err().to_string();
    assert!(error.contains("'dense'") && error.contains("is a Dense; expected a model"), "{error}");
    assert!(model.get_model_mut("bass").is_err());
    Ok(())
}

#[test]
fn fit_refuses_flags_that_were_set_after_compile() -> Result<()> {
    let (mut model, data) = feature_extraction(None)?;
    fit(&mut model, &data, 0..1)?;
    let before = bits(&model);
    model.get_model_mut("base")?.set_trainable(true);
    let error = fit(&mut model, &data, 1..2).unwrap_err();
    assert!(
        matches!(error, Error::Training(_)) && error.to_string().contains("call compile again"),
        "{error}"
    );
    assert_eq!(changed(&before, &bits(&model)), [""; 0]);
    assert_eq!(model.history().epochs(), [0]);
    // Set back, it goes on, with the optimizer's state.
    model.get_model_mut("base")?.set_trainable(false);
    fit(&mut model, &data, 1..2)?;
    model.get_model_mut("base")?.set_trainable(true);
    model.compile(RMSprop::new(1e-3), loss())?;
    assert_eq!(count(&model, "Optimizer"), 0);
    fit(&mut model, &data, 2..3)?;
    assert_eq!(count(&model, "Optimizer"), 292 + 15 + 2);
    assert_eq!(model.history().epochs(), [0, 1, 2]);
    Ok(())
}

#[test]
fn where_nothing_trains_the_epochs_run_and_no_bit_changes() -> Result<()> {
    let (mut model, data) = feature_extraction(None)?;
    model.set_trainable(false);
    for optimizer in [Adam::new(0.1).global_clipnorm(1.0), SGD::new(0.1).momentum(0.9).into()] {
        model.compile(optimizer, loss())?;
        let before = bits(&model);
        let history = model.fit(&data, Fit::epochs(2).validation(&data).verbose(Verbose::Silent))?;
        assert_eq!(changed(&before, &bits(&model)), [""; 0]);
        assert_eq!(history.series("loss")[0], history.series("loss")[1]);
        assert!((history.series("loss")[0] - history.series("val_loss")[0]).abs() < 1e-6);
        assert_eq!(count(&model, "Optimizer"), 2);
    }
    Ok(())
}

#[test]
fn a_base_in_two_models_trains_in_both_or_in_none_and_has_other_weights_in_each() -> Result<()> {
    let mut base = base()?;
    let build = |base: &Model| -> Result<Model> {
        let x = Input::image(12, 12, 3);
        let h = GlobalAveragePooling2D::new().on(&base.on(&x)?)?;
        Model::new(&x, &Dense::new(3).on(&h)?)
    };
    let (mut first, mut second) = (build(&base)?, build(&base)?);
    let (_, data) = feature_extraction(None)?;
    let before = (bits(&base), bits(&second));
    // What trains is the base's, as in Keras.
    first.get_layer_mut("base")?.set_trainable(false);
    assert_eq!([&first, &second].map(|model| count(model, "Trainable")), [15; 2]);
    assert_eq!(count(&base, "Trainable"), 0);
    base.set_trainable(true);
    assert_eq!([&first, &second].map(|model| count(model, "Trainable")), [292 + 15; 2]);
    // A clone is a model by itself.
    first.clone().set_trainable(false);
    base.clone().set_trainable(false);
    assert_eq!([&first, &second].map(|model| count(model, "Trainable")), [292 + 15; 2]);
    first.compile(Adam::new(1e-2), loss())?;
    fit(&mut first, &data, 0..1)?;
    assert_eq!(changed(&before.0, &bits(&base)), [""; 0]);
    assert_eq!(changed(&before.1, &bits(&second)), [""; 0]);
    // They begin with the base's weights.
    for (path, values) in base.weights() {
        assert_eq!(second.weight(&format!("base/{path}"))?, values.to_owned());
    }
    second.compile(Adam::new(1e-2), loss())?;
    fit(&mut second, &data, 0..1)?;
    Ok(())
}

/// A base with dropout and a random layer, and the loss of one epoch in which only the head, at a rate of almost 0,
/// trains.
fn losses(flag: Option<bool>, frozen: bool) -> Result<[f64; 2]> {
    let base = Sequential::new(Input::image(12, 12, 3))
        .name("base")
        .add(RandomBrightness::new(0.5))
        .add(Dropout::new(0.5))
        .build()?;
    let mut model = outer(base, flag)?;
    if frozen {
        model.get_layer_mut("base")?.set_trainable(false);
    }
    let (_, data) = feature_extraction(None)?;
    model.compile(SGD::new(1e-12), loss())?;
    let history = model.fit(&data, Fit::epochs(1).validation(&data).verbose(Verbose::Silent))?;
    Ok([history.series("loss")[0], history.series("val_loss")[0]])
}

#[test]
fn dropout_and_augmentation_heed_the_flag_of_the_call_and_not_trainable() -> Result<()> {
    for frozen in [false, true] {
        let [training, validation] = losses(None, frozen)?;
        assert!((training - validation).abs() > 1e-3, "they are random in training, frozen or not");
        let [training, validation] = losses(Some(false), frozen)?;
        assert!((training - validation).abs() < 1e-6, "they are off: {training}, {validation}");
    }
    Ok(())
}

#[test]
fn a_file_keeps_flags_the_mode_of_the_call_and_the_joined_history() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    let (mut model, data) = feature_extraction(Some(false))?;
    fit(&mut model, &data, 0..1)?;
    let base = model.get_model_mut("base")?;
    base.set_trainable(true);
    freeze(&mut base.layers_mut()[..6]);
    model.compile(RMSprop::new(1e-3), loss())?;
    fit(&mut model, &data, 1..2)?;
    model.save(&path)?;

    let mut loaded = Model::load(&path)?;
    assert_eq!(
        loaded.summary().expand_nested(true).show_trainable(true).to_string(),
        model.summary().expand_nested(true).show_trainable(true).to_string()
    );
    assert_eq!(loaded.history(), model.history());
    let next = loaded.history().next_epoch();
    fit(&mut model, &data, next..3)?;
    fit(&mut loaded, &data, next..3)?;
    assert_eq!(bits(&loaded), bits(&model));
    let before = bits(&loaded);
    loaded.set_trainable(true);
    loaded.compile(Adam::new(1e-3), loss())?;
    fit(&mut loaded, &data, 3..4)?;
    assert!(changed(&before, &bits(&loaded)).iter().all(|path| !path.contains("moving")));

    // A frozen model's hidden flags are kept too.
    loaded.set_trainable(false);
    loaded.get_layer_mut("dense")?.set_trainable(true);
    loaded.save(&path)?;
    let loaded = Model::load(&path)?;
    assert_eq!(count(&loaded, "Trainable"), 0);
    assert!(loaded.get_layer("dense")?.trainable());
    Ok(())
}

/// The lecture's base at a small size: of 154 layers, those from 100 (`block_11_expand_relu`) on train.
#[test]
fn mobilenet_v2_is_fine_tuned_from_layer_100() -> Result<()> {
    let x =
        Array4::from_shape_fn((6, 32, 32, 3), |(i, y, x, c)| ((i * 37 + y * 11 + x * 5 + c) % 256) as f32);
    let data = ArrayDataset::new(x, &[0, 1, 2, 3, 4, 0])?.batch_size(6);
    for flag in [Some(false), None] {
        let base = MobileNetV2::new(32, 32).include_top(false).weights(Weights::None).build()?;
        let x = Input::image(32, 32, 3);
        let h = MobileNetV2::preprocess_input(&x)?;
        let h = match flag {
            Some(training) => base.with_training(training).name("base").on(&h)?,
            None => base.name("base").on(&h)?,
        };
        let mut model = Model::new(&x, &Dense::new(5).on(&GlobalAveragePooling2D::new().on(&h)?)?)?;
        assert_eq!(count(&model, "Trainable"), 2_230_277);
        let base = model.get_model_mut("base")?;
        freeze(&mut base.layers_mut()[..100]);
        let index: HashMap<String, usize> =
            base.layers().iter().enumerate().map(|(i, layer)| (layer.name().to_owned(), i)).collect();
        assert_eq!(count(&model, "Trainable"), 1_867_845);
        assert_eq!(count(&model, "Non-trainable"), 396_544);

        // At a rate that is of use only here: gradients are faint behind random weights, and each weight shall move.
        model.compile(RMSprop::new(1e6), loss())?;
        let before = bits(&model);
        fit(&mut model, &data, 0..1)?;
        let changed = changed(&before, &bits(&model));
        let statistics = changed.iter().filter(|path| path.contains("/moving_")).count();
        // 18 BatchNormalization layers from layer 100 on, each with a mean and a variance.
        assert_eq!(statistics, if flag.is_none() { 36 } else { 0 });
        assert_eq!(changed.len() - statistics, 56, "kernels, gammas, betas and the head");
        for path in changed.iter().filter_map(|path| path.strip_prefix("base/")) {
            let layer = path.split('/').next().unwrap();
            assert!(index[layer] >= 100, "{path} is frozen and has changed");
        }
        assert_eq!(count(&model, "Optimizer"), 1_867_847);
    }
    Ok(())
}
