//! Training from end to end: Keras' weights after each step, and what `fit` promises.

use ndarray::{Array, Array2, ArrayD, Axis, IxDyn};
use petal::data::{ArrayDataset, Dataset};
use petal::layers::*;
use petal::model::{Model, Tensor};
use petal::training::*;
use petal::{Error, Result};
use safetensors::SafeTensors;
use serde_json::Value;

/// One of Keras' recordings.
struct Recording {
    bytes: Vec<u8>,
    cases: Vec<Value>,
}

impl Recording {
    fn read(file: &str) -> Self {
        let path = format!("{}/tests/fixtures/{file}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let cases = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
        Recording { bytes, cases }
    }

    fn get(&self, name: &str) -> ArrayD<f32> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        let values =
            tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        ArrayD::from_shape_vec(IxDyn(tensor.shape()), values).unwrap()
    }

    fn number(&self, name: &str) -> f64 {
        f64::from(*self.get(name).first().unwrap())
    }

    fn labels(&self, name: &str) -> Vec<usize> {
        self.get(name).iter().map(|&label| label as usize).collect()
    }
}

fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-4, "{what}: {found}, Keras {expected}");
    }
}

fn optimizer(keras: &Value) -> Optimizer {
    let config = &keras["config"];
    let number = |key: &str| config[key].as_f64().unwrap();
    let rate = number("learning_rate");
    match keras["class_name"].as_str().unwrap() {
        "Adam" => Adam::new(rate).into(),
        "RMSprop" => RMSprop::new(rate).into(),
        "SGD" => {
            SGD::new(rate).momentum(number("momentum") as f32).nesterov(config["nesterov"] == true).into()
        }
        other => panic!("an optimizer of class {other}"),
    }
}

/// `plain` of `fixtures/cnn_training.py`.
fn plain() -> Result<Model> {
    let x = Input::image(12, 12, 3);
    let h = Rescaling::new(1.0 / 255.0).on(&x)?;
    let h = Conv2D::new(8, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(16, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Flatten::new().on(&h)?;
    let h = Dense::new(16).relu().on(&h)?;
    Model::new(&x, &Dense::new(3).on(&h)?)
}

/// `mobile` of `fixtures/cnn_training.py`.
fn mobile() -> Result<Model> {
    let normalized = |name: &str, momentum: f32, h: &Tensor| {
        BatchNormalization::new().momentum(momentum).name(format!("{name}_BN")).on(h)
    };
    let x = Input::image(12, 12, 3);
    let h = Rescaling::new(1.0 / 127.5).offset(-1.0).on(&x)?;
    let h = Conv2D::new(8, 3).strides(2).same().use_bias(false).name("stem").on(&h)?;
    let block = ReLU::new().max_value(6.0).on(&normalized("stem", 0.99, &h)?)?;
    let h = Conv2D::new(24, 1).same().use_bias(false).name("expand").on(&block)?;
    let h = ReLU::new().max_value(6.0).on(&normalized("expand", 0.9, &h)?)?;
    let h = DepthwiseConv2D::new(3).same().use_bias(false).name("depthwise").on(&h)?;
    let h = ReLU::new().max_value(6.0).on(&normalized("depthwise", 0.99, &h)?)?;
    let h = Conv2D::new(8, 1).same().use_bias(false).name("project").on(&h)?;
    let h = Add::new().on([&block, &normalized("project", 0.99, &h)?])?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    Model::new(&x, &Dense::new(3).on(&h)?)
}

#[test]
fn weights_after_each_step_are_those_of_keras() -> Result<()> {
    struct Compare<'a> {
        recording: &'a Recording,
        case: &'a str,
        losses: f64,
        accuracies: f64,
    }

    impl Callback for Compare<'_> {
        fn on_batch_end(&mut self, step: usize, logs: &Logs, training: &mut Training<'_>) -> Result<()> {
            let at = format!("{}/step{}", self.case, step + 1);
            self.losses += self.recording.number(&format!("{at}/loss"));
            self.accuracies += self.recording.number(&format!("{at}/accuracy"));
            let steps = (step + 1) as f64;
            assert!((logs["loss"] - self.losses / steps).abs() < 1e-4, "{at}");
            assert!((logs["accuracy"] - self.accuracies / steps).abs() < 1e-6, "{at}");
            for (path, values) in training.model().weights() {
                let name = format!("{at}/{path}");
                assert_close(&values.to_owned(), &self.recording.get(&name), &name);
            }
            Ok(())
        }
    }

    let recording = Recording::read("cnn_training");
    for case in &recording.cases {
        let name = case["case"].as_str().unwrap();
        let mut model = if case["model"] == "plain" { plain()? } else { mobile()? };
        let paths: Vec<String> = model.weights().into_iter().map(|(path, _)| path).collect();
        assert_eq!(serde_json::json!(paths), case["weights"], "{name}");
        for path in &paths {
            model.set_weight(path, recording.get(&format!("{name}/initial/{path}")).view())?;
        }
        for frozen in case["frozen"].as_array().unwrap() {
            model.get_layer_mut(frozen.as_str().unwrap())?.set_trainable(false);
        }
        model.compile(optimizer(&case["optimizer"]), SparseCategoricalCrossentropy::from_logits())?;

        let x = recording.get(&format!("{name}/x"));
        let (steps, batch) = (x.shape()[0], x.shape()[1]);
        let x = x.into_shape_with_order((steps * batch, 12, 12, 3)).unwrap();
        let data = ArrayDataset::new(x, &recording.labels(&format!("{name}/y")))?.batch_size(batch);
        let test_x = recording.get(&format!("{name}/test_x"));
        let before = model.predict_array(test_x.view())?;
        assert_close(&before, &recording.get(&format!("{name}/predict_before")), name);
        let compare = Compare { recording: &recording, case: name, losses: 0.0, accuracies: 0.0 };
        model.fit(&data, Fit::epochs(1).callback(compare).verbose(Verbose::Silent))?;
        let after = model.predict_array(test_x.view())?;
        assert_close(&after, &recording.get(&format!("{name}/predict_after")), name);
        let test = ArrayDataset::new(test_x, &recording.labels(&format!("{name}/test_y")))?;
        let evaluation = model.evaluate(&test)?;
        assert!(
            (evaluation.loss - recording.number(&format!("{name}/evaluate/loss"))).abs() < 1e-4,
            "{name}"
        );
        assert_eq!(
            evaluation.accuracy() as f32,
            recording.number(&format!("{name}/evaluate/accuracy")) as f32
        );
    }
    Ok(())
}

#[test]
fn class_weights_act_as_in_keras() -> Result<()> {
    let recording = Recording::read("training");
    for case in recording.cases.iter().filter(|case| case["kind"] == "class_weight") {
        let name = case["case"].as_str().unwrap();
        let dense = Input::new([4]);
        let mut model = Model::new(&dense, &Dense::new(3).on(&dense)?)?;
        model.set_weight("dense/kernel", recording.get(&format!("{name}/initial/kernel")).view())?;
        model.set_weight("dense/bias", recording.get(&format!("{name}/initial/bias")).view())?;
        let sparse = case["loss"]["class_name"] == "SparseCategoricalCrossentropy";
        let loss: Loss = match case["loss"]["config"]["label_smoothing"].as_f64() {
            None => SparseCategoricalCrossentropy::from_logits().into(),
            Some(smoothing) => {
                CategoricalCrossentropy::from_logits().label_smoothing(smoothing as f32).into()
            }
        };
        model.compile(optimizer(&case["optimizer"]), loss)?;
        let data = |x: &str, y: &str| -> Result<ArrayDataset> {
            let data = ArrayDataset::new(
                recording.get(&format!("{name}/{x}")),
                &recording.labels(&format!("{name}/{y}")),
            )?
            .batch_size(3);
            Ok(if sparse { data } else { data.one_hot() })
        };
        let (train, validation) = (data("x", "y")?, data("x_val", "y_val")?);
        let weights: Vec<f32> = serde_json::from_value(case["class_weight"].clone()).unwrap();
        let fit = Fit::epochs(2).validation(&validation).class_weights(weights).verbose(Verbose::Silent);
        let history = model.fit(&train, fit)?;
        for key in ["accuracy", "loss", "val_accuracy", "val_loss"] {
            let found = ArrayD::from_shape_fn(IxDyn(&[2]), |i| history.series(key)[i[0]] as f32);
            assert_close(&found, &recording.get(&format!("{name}/history/{key}")), key);
        }
        for weight in ["kernel", "bias"] {
            let found = model.weight(&format!("dense/{weight}"))?;
            assert_close(&found, &recording.get(&format!("{name}/final/{weight}")), name);
        }
    }
    Ok(())
}

/// Pictures whose class is the brighter half, with the last batch short.
fn halves() -> Result<ArrayDataset> {
    let key = petal::random::Key::new(7);
    let mut generator = key.generator();
    let x = Array::from_shape_fn((37, 12, 12, 3), |(i, _, x, _)| {
        let bright = if (x < 6) == (i % 2 == 0) { 100.0 } else { 0.0 };
        bright + 100.0 * generator.uniform()
    });
    let labels: Vec<usize> = (0..37).map(|i| i % 2).collect();
    Ok(ArrayDataset::new(x, &labels)?.batch_size(8).shuffle(3))
}

fn trained(seed: u64, threads: usize) -> Result<(Vec<u32>, History)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let x = Input::image(12, 12, 3);
        let h = RandomFlip::new(FlipMode::Horizontal).on(&x)?;
        let h = Rescaling::new(1.0 / 255.0).on(&h)?;
        let h = Conv2D::new(8, 3).same().relu().on(&h)?;
        let h = BatchNormalization::new().on(&h)?;
        let h = MaxPooling2D::new(2).on(&h)?;
        let h = Dropout::new(0.2).on(&Flatten::new().on(&h)?)?;
        let mut model = Model::with_seed(seed, &x, &Dense::new(2).on(&h)?)?;
        model.compile(Adam::new(1e-3).global_clipnorm(1.0), SparseCategoricalCrossentropy::from_logits())?;
        let data = halves()?;
        let history = model.fit(&data, Fit::epochs(2).validation(&data).verbose(Verbose::Silent))?;
        let weights = model.weights();
        let bits =
            weights.iter().flat_map(|(_, values)| values.iter().map(|value| value.to_bits())).collect();
        Ok((bits, history))
    })
}

#[test]
fn one_seed_gives_the_same_bits_on_one_thread_and_on_many() -> Result<()> {
    let one = trained(5, 1)?;
    assert!(one == trained(5, 2)?);
    assert!(one == trained(5, 3)?);
    assert!(one.0 != trained(6, 2)?.0);
    Ok(())
}

fn dense() -> Result<(Model, ArrayDataset)> {
    let x = Input::new([3]);
    let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
    model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits())?;
    let inputs = Array2::from_shape_fn((6, 3), |(i, j)| (i + j) as f32 / 4.0);
    Ok((model, ArrayDataset::new(inputs, &[0, 1, 0, 1, 1, 0])?.batch_size(2)))
}

#[test]
fn epochs_are_the_last_number_and_not_a_count() -> Result<()> {
    let (mut model, data) = dense()?;
    let before = model.weight("dense/kernel")?;
    let history = model.fit(&data, Fit::epochs(3).initial_epoch(3).verbose(Verbose::Silent))?;
    assert!(history.epochs().is_empty() && history.series("loss").is_empty());
    assert_eq!(model.weight("dense/kernel")?, before);
    let history = model.fit(&data, Fit::epochs(5).initial_epoch(3).verbose(Verbose::Silent))?;
    assert_eq!(history.epochs(), [3, 4]);
    Ok(())
}

#[test]
fn validation_takes_place_after_every_k_th_epoch() -> Result<()> {
    let (mut model, data) = dense()?;
    let fit = || Fit::epochs(5).validation(&data).verbose(Verbose::Silent);
    let history = model.fit(&data, fit().validation_freq(2))?;
    let validated: Vec<bool> = history.series("val_loss").iter().map(|loss| !loss.is_nan()).collect();
    assert_eq!(validated, [false, true, false, true, false]);
    assert!(history.series("loss").iter().all(|loss| loss.is_finite()));
    assert!(matches!(model.fit(&data, fit().validation_freq(0)), Err(Error::Argument { .. })));
    Ok(())
}

struct StopAfter {
    steps: usize,
    now: bool,
}

impl Callback for StopAfter {
    fn on_batch_end(&mut self, step: usize, _logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        match (step + 1 == self.steps, self.now) {
            (false, _) => {}
            (true, true) => training.stop_now(),
            (true, false) => training.stop(),
        }
        Ok(())
    }
}

#[test]
fn a_stop_within_an_epoch_ends_it_with_or_without_validation() -> Result<()> {
    for now in [false, true] {
        let (mut model, data) = dense()?;
        let fit = Fit::epochs(5).validation(&data).callback(StopAfter { steps: 2, now });
        let history = model.fit(&data, fit.verbose(Verbose::Silent))?;
        assert_eq!(history.epochs(), [0]);
        assert!(history.series("loss")[0].is_finite());
        assert_eq!(history.series("val_loss").len(), usize::from(!now));
    }
    Ok(())
}

#[test]
fn an_interrupted_run_joins_an_earlier_history() -> Result<()> {
    let (mut model, data) = dense()?;
    let mut history = model.fit(&data, Fit::epochs(1).validation(&data).verbose(Verbose::Silent))?;
    let fit = Fit::epochs(3).initial_epoch(1).validation(&data).callback(StopAfter { steps: 1, now: true });
    history.extend(&model.fit(&data, fit.verbose(Verbose::Silent))?);
    assert_eq!(history.epochs(), [0, 1]);
    assert!(history.series("val_loss")[0].is_finite() && history.series("val_loss")[1].is_nan());
    Ok(())
}

#[test]
fn class_weights_must_be_one_for_each_class() -> Result<()> {
    let (mut model, data) = dense()?;
    for (weights, part) in
        [(vec![1.0], "2 classes"), (vec![1.0; 3], "2 classes"), (vec![1.0, f32::NAN], "NaN")]
    {
        let fit = Fit::epochs(1).class_weights(weights).verbose(Verbose::Silent);
        let error = model.fit(&data, fit).unwrap_err().to_string();
        assert!(error.starts_with("class_weights") && error.contains(part), "{error}");
    }
    Ok(())
}

#[test]
fn a_loss_that_is_no_number_is_in_the_history_of_a_run_that_may_go_on() -> Result<()> {
    let (mut model, _) = dense()?;
    let mut inputs = Array2::zeros((4, 3));
    inputs[[2, 0]] = f32::NAN;
    let data = ArrayDataset::new(inputs, &[0, 1, 0, 1])?.batch_size(2);
    let fit = || Fit::epochs(2).validation(&data).verbose(Verbose::Silent);
    assert!(matches!(model.clone().fit(&data, fit()), Err(Error::Diverged(_))));
    let history = model.fit(&data, fit().terminate_on_nan(false))?;
    assert_eq!(history.epochs(), [0, 1]);
    assert!(history.series("loss").iter().chain(history.series("val_loss")).all(|loss| loss.is_nan()));
    Ok(())
}

#[test]
fn what_callbacks_add_is_in_the_history_and_logs_are_sorted() -> Result<()> {
    struct Adds;

    impl Callback for Adds {
        fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, _: &mut Training<'_>) -> Result<()> {
            assert_eq!(logs.keys().collect::<Vec<_>>(), ["accuracy", "loss", "val_accuracy", "val_loss"]);
            logs.insert("f1".into(), epoch as f64);
            Ok(())
        }
    }

    let (mut model, data) = dense()?;
    let fit = Fit::epochs(2).validation(&data).callback(Adds).verbose(Verbose::Silent);
    let history = model.fit(&data, fit)?;
    assert_eq!(history.series("f1"), [0.0, 1.0]);
    assert_eq!(history.keys().collect::<Vec<_>>(), ["accuracy", "f1", "loss", "val_accuracy", "val_loss"]);
    Ok(())
}

#[test]
fn batches_larger_than_the_data_are_fine() -> Result<()> {
    let (mut model, data) = dense()?;
    let data = data.batch_size(1_000_000_000);
    model.fit(&data, Fit::epochs(1).verbose(Verbose::Silent))?;
    assert!(model.evaluate(&data)?.loss.is_finite());
    assert_eq!(model.predict(&data)?.len_of(Axis(0)), data.len());
    Ok(())
}

#[test]
fn settings_out_of_range_are_refused_by_compile() -> Result<()> {
    let (mut model, _) = dense()?;
    let smooth = CategoricalCrossentropy::from_logits().label_smoothing(1.5);
    assert!(matches!(model.compile(SGD::new(0.1), smooth), Err(Error::Argument { .. })));
    let loss = SparseCategoricalCrossentropy::from_logits();
    assert!(matches!(model.compile(Adam::new(0.1).beta_1(1.0), loss), Err(Error::Argument { .. })));
    Ok(())
}
