//! Keras' callbacks: Petal's own by their settings, and those that are written in Python.

use std::sync::PoisonError;

use petal::Error;
use petal::model::Model;
use petal::tensorboard::TensorBoard;
use petal::training::callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, Mode, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN,
};
use petal::training::{Callback, Logs, Training};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use crate::compute::json as parsed;
use crate::interrupt::Raised;
use crate::model::{Held, Shared};
use crate::placeholder::placeholder;

/// A callback of Petal's own.
pub enum Native {
    Stops(EarlyStopping),
    Saves(ModelCheckpoint),
    Other(Box<dyn Callback + Send>),
}

impl Native {
    pub fn as_callback(&mut self) -> &mut dyn Callback {
        match self {
            Native::Stops(callback) => callback,
            Native::Saves(callback) => callback,
            Native::Other(callback) => &mut **callback,
        }
    }
}

/// The callback that JSON by Keras' names describes; none for an empty text.
pub fn native(text: &str) -> PyResult<Option<Native>> {
    if text.is_empty() {
        return Ok(None);
    }
    let description = parsed(text)?;
    let config = &description["config"];
    let size = |name: &str| config[name].as_u64().unwrap_or_default() as usize;
    let number = |name: &str| config[name].as_f64();
    let words = |name: &str| config[name].as_str().unwrap_or_default().to_owned();
    let set = |name: &str| config[name] == true || config[name].as_u64().is_some_and(|value| value > 0);
    let mode = match config["mode"].as_str() {
        Some("min") => Mode::Min,
        Some("max") => Mode::Max,
        _ => Mode::Auto,
    };
    Ok(Some(match description["class_name"].as_str().unwrap_or_default() {
        "EarlyStopping" => {
            let mut callback = EarlyStopping::new()
                .monitor(words("monitor"))
                .min_delta(number("min_delta").unwrap_or(0.0))
                .patience(size("patience"))
                .verbose(set("verbose"))
                .mode(mode)
                .restore_best_weights(set("restore_best_weights"))
                .start_from_epoch(size("start_from_epoch"));
            if let Some(baseline) = number("baseline") {
                callback = callback.baseline(baseline);
            }
            Native::Stops(callback)
        }
        "ModelCheckpoint" => {
            let mut callback = ModelCheckpoint::new(words("filepath"))
                .monitor(words("monitor"))
                .mode(mode)
                .save_best_only(set("save_best_only"))
                .verbose(set("verbose"));
            if let Some(batches) = config["save_freq"].as_u64() {
                callback = callback.every_batches(batches as usize);
            }
            if let Some(threshold) = number("initial_value_threshold") {
                callback = callback.initial_value_threshold(threshold);
            }
            Native::Saves(callback)
        }
        "ReduceLROnPlateau" => Native::Other(Box::new(
            ReduceLROnPlateau::new()
                .monitor(words("monitor"))
                .factor(number("factor").unwrap_or(0.1))
                .patience(size("patience"))
                .verbose(set("verbose"))
                .mode(mode)
                .min_delta(number("min_delta").unwrap_or(1e-4))
                .cooldown(size("cooldown"))
                .min_lr(number("min_lr").unwrap_or(0.0)),
        )),
        "CSVLogger" => Native::Other(Box::new(
            CSVLogger::new(words("filename"))
                .separator(words("separator").chars().next().unwrap_or(','))
                .append(set("append")),
        )),
        "BackupAndRestore" => Native::Other(Box::new(
            BackupAndRestore::new(words("backup_dir")).delete_checkpoint(set("delete_checkpoint")),
        )),
        "TerminateOnNaN" => Native::Other(Box::new(TerminateOnNaN::new())),
        "TensorBoard" => {
            let mut callback = TensorBoard::new(words("log_dir")).histogram_freq(size("histogram_freq"));
            if let Some(steps) = config["update_freq"].as_u64() {
                callback = callback.update_freq(steps as usize);
            }
            Native::Other(Box::new(callback))
        }
        class => return Err(PyValueError::new_err(format!("Petal has no callback of the class {class}"))),
    }))
}

/// What a callback has seen, as JSON.
pub fn outcome(callback: &Option<Native>) -> String {
    let seen: Value = match callback {
        Some(Native::Stops(callback)) => json!({
            "stopped_epoch": callback.stopped_epoch().unwrap_or(0),
            "best_epoch": callback.best_epoch().unwrap_or(0),
            "best": callback.best(),
        }),
        Some(Native::Saves(callback)) => json!({ "best": callback.best() }),
        _ => json!({}),
    };
    seen.to_string()
}

/// The callbacks that are written in Python: an object whose `call(hook, index, logs)` calls each of them, and answers
/// whether to stop.
pub struct Hooks {
    python: Py<PyAny>,
    shared: Shared,
    raised: Raised,
    /// Stands in the training for the model while Python has it.
    placeholder: Option<Model>,
    each_batch: bool,
    each_test_batch: bool,
    tests: bool,
}

impl Hooks {
    pub fn new(python: Py<PyAny>, shared: Shared, raised: Raised) -> petal::Result<Self> {
        let asks = |name: &str| {
            Python::attach(|py| python.call_method1(py, "asks_for", (name,))?.extract::<bool>(py))
                .map_err(|error| Error::Training(error.to_string()))
        };
        let (each_batch, each_test_batch) = (asks("batch")?, asks("test_batch")?);
        Ok(Hooks {
            python,
            shared,
            raised,
            placeholder: Some(placeholder()?),
            each_batch,
            each_test_batch,
            tests: false,
        })
    }

    /// Gives Python the model, calls its hook, and takes the model and the logs back.
    fn call(
        &mut self,
        hook: &str,
        index: usize,
        logs: Option<&mut Logs>,
        training: &mut Training<'_>,
    ) -> petal::Result<()> {
        let (python, shared, placeholder) = (&self.python, &self.shared, &mut self.placeholder);
        let called = training.lend(|model| {
            let Some(stand_in) = placeholder.take() else { return Ok(false) };
            let lent = std::mem::replace(model, stand_in);
            *shared.write().unwrap_or_else(PoisonError::into_inner) = Held::Here(lent);
            let called = Python::attach(|py| call(py, python, hook, index, logs));
            let back = std::mem::replace(
                &mut *shared.write().unwrap_or_else(PoisonError::into_inner),
                Held::Training,
            );
            if let Held::Here(back) = back {
                *placeholder = Some(std::mem::replace(model, back));
            }
            called
        })?;
        match called {
            Ok(true) => {
                training.stop();
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                let text = error.to_string();
                self.raised.set(error);
                Err(Error::Training(text))
            }
        }
    }
}

fn call(
    py: Python<'_>,
    python: &Py<PyAny>,
    hook: &str,
    index: usize,
    logs: Option<&mut Logs>,
) -> PyResult<bool> {
    let dict = PyDict::new(py);
    for (name, value) in logs.iter().flat_map(|logs| logs.iter()) {
        dict.set_item(name, value)?;
    }
    let stop = python.call_method1(py, "call", (hook, index, &dict))?.extract(py)?;
    if let Some(logs) = logs {
        for (name, value) in dict {
            // What is no number stays Python's.
            if let (Ok(name), Ok(value)) = (name.extract::<String>(), value.extract::<f64>()) {
                logs.insert(name, value);
            }
        }
    }
    Ok(stop)
}

impl Callback for Hooks {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> petal::Result<()> {
        self.call("on_train_begin", 0, None, training)
    }

    fn on_epoch_begin(&mut self, epoch: usize, training: &mut Training<'_>) -> petal::Result<()> {
        self.tests = false;
        self.call("on_epoch_begin", epoch, None, training)
    }

    fn on_batch_end(&mut self, step: usize, logs: &Logs, training: &mut Training<'_>) -> petal::Result<()> {
        if !self.each_batch {
            return Ok(());
        }
        self.call("on_train_batch_end", step, Some(&mut logs.clone()), training)
    }

    fn on_test_batch_end(&mut self, step: usize, training: &mut Training<'_>) -> petal::Result<()> {
        if !self.tests {
            self.tests = true;
            self.call("on_test_begin", 0, None, training)?;
        }
        if !self.each_test_batch {
            return Ok(());
        }
        self.call("on_test_batch_end", step, None, training)
    }

    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        training: &mut Training<'_>,
    ) -> petal::Result<()> {
        if self.tests {
            let mut tested: Logs = logs
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix("val_")?.to_owned(), *value)))
                .collect();
            self.call("on_test_end", 0, Some(&mut tested), training)?;
        }
        self.call("on_epoch_end", epoch, Some(logs), training)
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> petal::Result<()> {
        self.call("on_train_end", 0, None, training)
    }
}
