//! Training.

use std::sync::PoisonError;

use petal::history::History;
use petal::training::{Fit, Verbose};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use crate::callbacks::{self, Hooks, Native};
use crate::compute::compute;
use crate::console::Console;
use crate::data::Data;
use crate::interrupt::{Interrupt, Raised};
use crate::model::{Held, Shared};

/// Trains the model in `shared`. `callbacks` are JSON by Keras' names, an empty text where `hooks`, all of Python's own,
/// come in their order.
pub fn fit<'py>(
    py: Python<'py>,
    shared: &Shared,
    data: &Data,
    validation: Option<&Data>,
    settings: &Value,
    callbacks: &[String],
    hooks: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let mut native =
        callbacks.iter().map(|text| callbacks::native(text)).collect::<PyResult<Vec<Option<Native>>>>()?;
    let raised = Raised::default();
    let trained = compute(py, || {
        let mut taken = Taken::new(shared)?;
        let mut hooks = hooks.map(|hooks| Hooks::new(hooks, shared.clone(), raised.clone())).transpose()?;
        let size = |name: &str| settings[name].as_u64().map(|size| size as usize);
        let mut fit = Fit::epochs(size("epochs").unwrap_or(1))
            .initial_epoch(size("initial_epoch").unwrap_or(0))
            .validation_freq(size("validation_freq").unwrap_or(1))
            .reuse_features(settings["reuse_features"] != false)
            .verbose(match size("verbose") {
                Some(0) => Verbose::Silent,
                Some(2) => Verbose::Lines,
                _ => Verbose::Bar,
            })
            .output(Console::default());
        if let Some(validation) = validation {
            fit = fit.validation(&*validation.samples);
        }
        if let Some(steps) = size("steps_per_epoch") {
            fit = fit.steps_per_epoch(steps);
        }
        if let Some(weights) = settings["class_weight"].as_array() {
            fit = fit.class_weights(
                weights.iter().filter_map(Value::as_f64).map(|w| w as f32).collect::<Vec<_>>(),
            );
        }
        if let Some(weights) = settings["sample_weight"].as_array() {
            fit = fit.sample_weights(
                weights.iter().filter_map(Value::as_f64).map(|w| w as f32).collect::<Vec<_>>(),
            );
        }
        for callback in &mut native {
            fit = match callback {
                Some(native) => fit.callback(native.as_callback()),
                // All of Python's own at once: among themselves they keep their order.
                None => match hooks.take() {
                    Some(hooks) => fit.callback(hooks),
                    None => fit,
                },
            };
        }
        taken.model().fit(&*data.samples, fit.callback(Interrupt(raised.clone())))
    });
    if let Some(error) = raised.take() {
        return Err(error);
    }
    let trained = data.or_raised(trained);
    let trained = validation.map_or(Ok(()), |validation| validation.or_raised(Ok(()))).and(trained);
    let result = PyDict::new(py);
    result.set_item("history", history(py, &trained?)?)?;
    result.set_item("callbacks", native.iter().map(callbacks::outcome).collect::<Vec<String>>())?;
    Ok(result)
}

fn history<'py>(py: Python<'py>, history: &History) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("epoch", history.epochs().to_vec())?;
    let series = PyDict::new(py);
    for key in history.keys() {
        series.set_item(key, history.series(key).to_vec())?;
    }
    dict.set_item("history", series)?;
    Ok(dict)
}

/// The model while it trains; goes back to its place in the end, whatever that is.
struct Taken<'a> {
    shared: &'a Shared,
    model: Option<petal::model::Model>,
}

impl<'a> Taken<'a> {
    fn new(shared: &'a Shared) -> petal::Result<Self> {
        let mut place = shared.write().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *place, Held::Training) {
            Held::Here(model) => Ok(Taken { shared, model: Some(model) }),
            absent => {
                let reason = absent.reason();
                *place = absent;
                Err(reason)
            }
        }
    }

    fn model(&mut self) -> &mut petal::model::Model {
        self.model.as_mut().expect("it is taken until the end")
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let model = self.model.take().filter(|_| !std::thread::panicking());
        *self.shared.write().unwrap_or_else(PoisonError::into_inner) = model.map_or(Held::Lost, Held::Here);
    }
}
