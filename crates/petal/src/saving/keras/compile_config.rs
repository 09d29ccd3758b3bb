//! How a model is compiled: `compile_config` of a `.keras` file, `training_config` of an `.h5` file.

use serde_json::{Value, json};

use super::object::{object, plain};
use crate::layers::graph::names;
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::model::Compiled;
use crate::optimizers::{LearningRate, Optimizer};

/// The description in a `.keras` file, without the optimizer's state; none where Keras lacks the optimizer's schedule,
/// its layer decay or the loss' label smoothing.
pub(super) fn write(compiled: &Compiled) -> Option<Value> {
    let metrics: Vec<Value> =
        compiled.metrics.iter().map(|metric| write_metric(*metric, &compiled.loss)).collect();
    Some(json!({
        "optimizer": write_optimizer(&compiled.optimizer)?,
        "loss": write_loss(&compiled.loss)?,
        "loss_weights": null,
        "metrics": metrics,
        "weighted_metrics": null,
        "run_eagerly": false,
        "steps_per_execution": 1,
        "jit_compile": false,
    }))
}

/// The same for an `.h5` file, where the optimizer has another name.
pub(super) fn write_legacy(compiled: &Compiled) -> Option<Value> {
    let mut config = write(compiled)?;
    config["optimizer_config"] = config["optimizer"].take();
    if let Some(config) = config.as_object_mut() {
        config.remove("optimizer");
    }
    Some(config)
}

/// What either of the two describes; none where Petal lacks the optimizer, the loss, a metric or a setting of theirs, or
/// the model isn't compiled.
pub(super) fn read(config: &Value) -> Option<(Optimizer, Loss, Vec<Metric>)> {
    if !config["loss_weights"].is_null() || !config["weighted_metrics"].is_null() {
        return None;
    }
    let optimizer = config.get("optimizer").or_else(|| config.get("optimizer_config"))?;
    let metrics = match &config["metrics"] {
        Value::Null => Vec::new(),
        metrics => metrics.as_array()?.iter().map(read_metric).collect::<Option<_>>()?,
    };
    Some((read_optimizer(optimizer)?, read_loss(&config["loss"])?, metrics))
}

// Petal's own files say the algorithm's settings by Keras' names: `{"algorithm": {"Adam": {"beta_1": …}}}`.
fn write_optimizer(optimizer: &Optimizer) -> Option<Value> {
    let mut own = plain(optimizer);
    if !own["layer_decay"].is_null() {
        return None;
    }
    let (class, settings) = only_entry(own["algorithm"].take());
    let ema = own["ema"].take();
    let or = |value: &Value, default: Value| if value.is_null() { default } else { value.clone() };
    let mut config = json!({
        "name": optimizer.name(),
        "learning_rate": write_learning_rate(optimizer.learning_rate())?,
        "weight_decay": own["weight_decay"],
        "clipnorm": own["clipping"]["Norm"],
        "global_clipnorm": own["clipping"]["GlobalNorm"],
        "clipvalue": own["clipping"]["Value"],
        "use_ema": !ema.is_null(),
        "ema_momentum": or(&ema["momentum"], json!(0.99)),
        "ema_overwrite_frequency": ema["overwrite_frequency"],
        "gradient_accumulation_steps": own["gradient_accumulation_steps"],
    });
    if let (Some(config), Value::Object(settings)) = (config.as_object_mut(), settings) {
        config.extend(settings);
    }
    Some(object("keras.optimizers", &class, config))
}

pub(super) fn read_optimizer(written: &Value) -> Option<Optimizer> {
    // Keras keeps the name where the user gave one.
    let by_name = |name: &str| match name {
        "adam" => Some(
            json!({ "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": false, "learning_rate": 1e-3 }),
        ),
        "rmsprop" => Some(
            json!({ "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": false, "learning_rate": 1e-3 }),
        ),
        "sgd" => Some(json!({ "momentum": 0.0, "nesterov": false, "learning_rate": 1e-2 })),
        _ => None,
    };
    let (class, config) = match written {
        Value::String(name) => (name.as_str(), &by_name(name)?),
        written => (written["class_name"].as_str()?, &written["config"]),
    };
    let algorithm = match class {
        "Adam" | "AdamW" | "adam" => "Adam",
        "RMSprop" | "rmsprop" => "RMSprop",
        "SGD" | "sgd" => "SGD",
        _ => return None,
    };
    if !config["loss_scale_factor"].is_null() || config["decay"].as_f64().is_some_and(|decay| decay != 0.0) {
        return None;
    }
    let clippings = [("clipnorm", "Norm"), ("global_clipnorm", "GlobalNorm"), ("clipvalue", "Value")];
    let clipping = clippings.into_iter().find(|(key, _)| !config[*key].is_null());
    let ema = json!({ "momentum": config["ema_momentum"], "overwrite_frequency": config["ema_overwrite_frequency"] });
    let own = json!({
        "algorithm": { algorithm: config },
        "learning_rate": plain(&read_learning_rate(&config["learning_rate"])?),
        "weight_decay": config["weight_decay"],
        "clipping": clipping.map(|(key, name)| json!({ name: config[key] })),
        "gradient_accumulation_steps": config["gradient_accumulation_steps"],
        "ema": if config["use_ema"] == true { ema } else { Value::Null },
    });
    let optimizer: Optimizer = serde_json::from_value(own).ok()?;
    optimizer.check().is_ok().then_some(optimizer)
}

/// Petal's schedules as its own files call them, Keras' class, and the name that Keras gives one by default. Others Keras
/// lacks.
const SCHEDULES: [(&str, &str, &str); 6] = [
    ("cosine_decay", "CosineDecay", "CosineDecay"),
    ("cosine_decay_restarts", "CosineDecayRestarts", "SGDRDecay"),
    ("exponential_decay", "ExponentialDecay", "ExponentialDecay"),
    ("inverse_time_decay", "InverseTimeDecay", "InverseTimeDecay"),
    ("polynomial_decay", "PolynomialDecay", "PolynomialDecay"),
    ("piecewise_constant", "PiecewiseConstantDecay", "PiecewiseConstant"),
];
/// Settings of schedules that are called otherwise in Keras.
const SCHEDULE_SETTINGS: [(&str, &str); 2] =
    [("initial", "initial_learning_rate"), ("end", "end_learning_rate")];

fn write_learning_rate(learning_rate: &LearningRate) -> Option<Value> {
    if let LearningRate::Constant(rate) = learning_rate {
        return Some(plain(rate));
    }
    let (schedule, mut config) = only_entry(plain(learning_rate));
    let (_, class, name) = SCHEDULES.into_iter().find(|(own, ..)| *own == schedule)?;
    rename(&mut config, SCHEDULE_SETTINGS);
    config["name"] = name.into();
    Some(object("keras.optimizers.schedules", class, config))
}

fn read_learning_rate(written: &Value) -> Option<LearningRate> {
    let Some(class) = written["class_name"].as_str() else {
        return Some(LearningRate::Constant(written.as_f64()? as f32));
    };
    let (own, ..) = SCHEDULES.into_iter().find(|(_, keras, _)| *keras == class)?;
    let mut config = written["config"].clone();
    rename(&mut config, SCHEDULE_SETTINGS.map(|(own, keras)| (keras, own)));
    serde_json::from_value(json!({ own: config })).ok()
}

fn rename<const N: usize>(map: &mut Value, names: [(&str, &str); N]) {
    let Some(map) = map.as_object_mut() else { return };
    for (from, to) in names {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}

// Petal's own files have losses by Keras' names, too: `{"BinaryCrossentropy": {"from_logits": …}}`.
fn write_loss(loss: &Loss) -> Option<Value> {
    if loss.wants_shares() {
        return None;
    }
    let (class, settings) = only_entry(plain(loss));
    let mut config = json!({ "name": names::snake_case(&class), "reduction": MEAN });
    if let (Some(config), Value::Object(settings)) = (config.as_object_mut(), settings) {
        config.extend(settings);
    }
    Some(object("keras.losses", &class, config))
}

/// The mean over the batch.
const MEAN: &str = "sum_over_batch_size";

pub(super) fn read_loss(written: &Value) -> Option<Loss> {
    let loss = match written {
        Value::String(name) => {
            let settings = json!({ "from_logits": false, "label_smoothing": 0.0 });
            let classes = [
                "SparseCategoricalCrossentropy",
                "CategoricalCrossentropy",
                "BinaryCrossentropy",
                "MeanSquaredError",
            ];
            let class =
                classes.into_iter().find(|class| names::snake_case(class) == *name || class == name)?;
            json!({ class: settings })
        }
        written => {
            let is_known = |(key, value): (&String, &Value)| match key.as_str() {
                "name" | "dtype" | "from_logits" | "label_smoothing" => true,
                "reduction" => value == MEAN,
                "axis" => value == -1,
                _ => value.is_null(),
            };
            if !written["config"].as_object()?.iter().all(is_known) {
                return None;
            }
            json!({ written["class_name"].as_str()?: written["config"] })
        }
    };
    let loss: Loss = serde_json::from_value(loss).ok()?;
    loss.check_settings().is_ok().then_some(loss)
}

fn write_metric(metric: Metric, loss: &Loss) -> Value {
    let Metric::TopK(k) = metric else { return "accuracy".into() };
    let class = match loss {
        Loss::SparseCategoricalCrossentropy(_) => "SparseTopKCategoricalAccuracy",
        _ => "TopKCategoricalAccuracy",
    };
    object("keras.metrics", class, json!({ "name": metric.name(), "dtype": "float32", "k": k }))
}

pub(super) fn read_metric(written: &Value) -> Option<Metric> {
    match written["class_name"].as_str().or(written.as_str())? {
        "accuracy" | "acc" | "SparseCategoricalAccuracy" | "CategoricalAccuracy" => Some(Metric::Accuracy),
        "BinaryAccuracy" if written["config"]["threshold"] == 0.5 => Some(Metric::Accuracy),
        "SparseTopKCategoricalAccuracy" | "TopKCategoricalAccuracy" => {
            Some(Metric::TopK(usize::try_from(written["config"]["k"].as_u64()?).ok()?))
        }
        _ => None,
    }
}

/// The only entry of a map.
fn only_entry(map: Value) -> (String, Value) {
    match map {
        Value::Object(map) => map.into_iter().next().unwrap_or_default(),
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::losses::{CategoricalCrossentropy, SparseCategoricalCrossentropy};
    use crate::optimizers::{Adam, AdamW, OptimizerSettings, SGD};

    /// Asserts that what Keras wrote has all settings of `ours`, with the same values as `f32`.
    #[track_caller]
    fn assert_within(ours: &Value, keras: &Value) {
        match (ours, keras) {
            (Value::Object(ours), Value::Object(keras)) => {
                for (key, value) in
                    ours.iter().filter(|(key, _)| !matches!(key.as_str(), "module" | "registered_name"))
                {
                    assert_within(value, keras.get(key).unwrap_or_else(|| panic!("Keras has no {key}")));
                }
            }
            (Value::Array(ours), Value::Array(keras)) => {
                ours.iter().zip(keras).for_each(|(a, b)| assert_within(a, b))
            }
            (Value::Number(a), Value::Number(b)) => {
                assert_eq!(a.as_f64().unwrap() as f32, b.as_f64().unwrap() as f32);
            }
            _ => assert_eq!(ours, keras),
        }
    }

    #[test]
    fn optimizers_schedules_and_losses_are_read_and_written_as_keras_writes_them() {
        for case in fixture::cases("optimizer") {
            let mut keras = case["optimizer"].clone();
            let optimizer = read_optimizer(&keras).unwrap_or_else(|| panic!("{keras}"));
            if keras["class_name"] == "AdamW" {
                // Adam with a weight decay computes the same.
                keras["class_name"] = "Adam".into();
            }
            let mut written = write_optimizer(&optimizer).unwrap();
            assert_eq!(read_optimizer(&written), Some(optimizer));
            written["config"]["name"] = keras["config"]["name"].clone();
            assert_within(&written, &keras);
        }
        for case in fixture::cases("schedule") {
            let schedule = read_learning_rate(&case["schedule"]).unwrap_or_else(|| panic!("{case}"));
            let written = write_learning_rate(&schedule).unwrap();
            assert_eq!(read_learning_rate(&written), Some(schedule));
            let mut keras = case["schedule"].clone();
            keras["config"]["name"] = written["config"]["name"].clone();
            assert_within(&written, &keras);
        }
        for case in fixture::cases("loss") {
            let loss = read_loss(&case["loss"]).unwrap_or_else(|| panic!("{case}"));
            let written = write_loss(&loss).unwrap();
            assert_eq!(read_loss(&written), Some(loss));
            assert_within(&written, &case["loss"]);
        }
    }

    #[test]
    fn what_a_model_is_compiled_with_comes_back() {
        for (optimizer, loss, metrics) in [
            (
                Adam::new(LearningRate::cosine_decay_with_warmup(1e-3, 10, 100)).clipnorm(1.0),
                Loss::from(SparseCategoricalCrossentropy::from_logits()),
                vec![Metric::Accuracy, Metric::TopK(3)],
            ),
            (
                AdamW::new(2e-4).use_ema(true).ema_momentum(0.9).gradient_accumulation_steps(4),
                CategoricalCrossentropy::from_probabilities().label_smoothing(0.1).into(),
                vec![Metric::TopK(5)],
            ),
            (
                SGD::new(0.1).momentum(0.9).nesterov(true).clipvalue(0.5),
                CategoricalCrossentropy::from_logits().into(),
                vec![],
            ),
        ] {
            let compiled = Compiled { optimizer, loss, metrics, state: None, trainable: Vec::new() };
            let expected =
                Some((compiled.optimizer.clone(), compiled.loss.clone(), compiled.metrics.clone()));
            assert_eq!(read(&write(&compiled).unwrap()), expected);
            assert_eq!(read(&write_legacy(&compiled).unwrap()), expected);
        }
    }

    #[test]
    fn with_a_setting_that_keras_lacks_a_model_is_written_uncompiled() {
        let one_cycle = Adam::new(LearningRate::one_cycle(1e-3, 100)).into();
        for optimizer in [one_cycle, Adam::new(1e-3).layer_decay(0.9)] {
            let loss = SparseCategoricalCrossentropy::from_logits().into();
            let compiled = Compiled { optimizer, loss, metrics: vec![], state: None, trainable: Vec::new() };
            assert_eq!(write(&compiled), None);
            assert_eq!(write_legacy(&compiled), None);
        }
    }

    #[test]
    fn what_a_user_named_is_known_and_what_petal_lacks_leaves_the_model_uncompiled() {
        let config = |optimizer: Value, loss: Value| json!({ "optimizer": optimizer, "loss": loss, "metrics": ["acc"] });
        let (adam, loss) = (json!("adam"), json!("sparse_categorical_crossentropy"));
        let known = read(&config(adam.clone(), loss.clone())).unwrap();
        let expected = (
            Adam::new(1e-3).into(),
            SparseCategoricalCrossentropy::from_probabilities().into(),
            vec![Metric::Accuracy],
        );
        assert_eq!(known, expected);
        let ignoring = json!({ "class_name": "SparseCategoricalCrossentropy", "config": { "from_logits": true, "ignore_class": 0 } });
        let unmeaned = json!({ "class_name": "MeanSquaredError", "config": { "reduction": "sum" } });
        for (optimizer, loss) in [
            (json!("lion"), loss.clone()),
            (adam.clone(), json!("poisson")),
            (adam.clone(), ignoring),
            (adam.clone(), unmeaned),
            (json!({ "class_name": "Adam", "config": { "learning_rate": -1.0 } }), loss.clone()),
            (Value::Null, loss),
        ] {
            assert_eq!(read(&config(optimizer, loss)), None);
        }
        assert_eq!(read(&Value::Null), None);
    }
}
