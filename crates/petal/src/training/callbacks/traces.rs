//! What Keras' callbacks did, and a model to repeat it on.

use serde_json::Value;

use super::{Logs, Mode, Stop, Training};
use crate::Result;
use crate::layers::{Dense, Input, Layer as _};
use crate::model::Model;
use crate::training::{LearningRate, MeanSquaredError, SGD};

/// The recorded runs of one kind.
pub(crate) fn of(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/fixtures/callbacks.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

/// A number, which may be written as text.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

pub(crate) fn logs(value: &Value) -> Logs {
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), number(value))).collect()
}

/// An epoch's logs with the monitored figure.
pub(super) fn logs_of(config: &Value, value: &Value) -> Logs {
    let mut logs = Logs::from([("other".to_owned(), 0.0)]);
    if !value.is_null() {
        logs.insert(config["monitor"].as_str().unwrap().into(), number(value));
    }
    logs
}

pub(super) fn mode(config: &Value) -> Mode {
    match config["mode"].as_str() {
        Some("min") => Mode::Min,
        Some("max") => Mode::Max,
        _ => Mode::Auto,
    }
}

pub(super) fn assert_same(found: Option<f64>, expected: &Value, what: &str) {
    match found {
        None => assert!(expected.is_null(), "{what}"),
        Some(found) => {
            let expected = number(expected);
            assert!(found == expected || (found.is_nan() && expected.is_nan()), "{what}: {found} {expected}");
        }
    }
}

/// A compiled model with one weight, and what was said in its training.
pub(super) struct Trainee {
    model: Model,
    text: Vec<u8>,
}

impl Trainee {
    pub(super) fn new(learning_rate: impl Into<LearningRate>) -> Self {
        let x = Input::new([1]);
        let mut model = Model::new(&x, &Dense::new(1).use_bias(false).on(&x).unwrap()).unwrap();
        model.compile(SGD::new(learning_rate), MeanSquaredError::new()).unwrap();
        Trainee { model, text: Vec::new() }
    }

    pub(super) fn run<T>(&mut self, step: impl FnOnce(&mut Training<'_>) -> Result<T>) -> Result<T> {
        let output = Box::new(&mut self.text);
        step(&mut Training {
            model: &mut self.model,
            stop: Stop::Never,
            output,
            batch_loss: f64::NAN,
            first_epoch: 0,
        })
    }

    pub(super) fn weight(&self) -> f32 {
        self.model.arena()[0]
    }

    pub(super) fn set_weight(&mut self, weight: f32) {
        self.model.arena_mut()[0] = weight;
    }

    /// What was said since the last call, without warnings, which Keras writes elsewhere.
    pub(super) fn text(&mut self) -> String {
        let text = String::from_utf8(std::mem::take(&mut self.text)).unwrap();
        match text.find("\nwarning: ") {
            None => text,
            Some(at) => {
                let end = text[at + 1..].find('\n').unwrap();
                text[..at].to_owned() + &text[at + 1 + end + 1..]
            }
        }
    }
}
