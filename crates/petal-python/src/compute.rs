//! Work without Python's lock, and its errors as Python's.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use petal::Error;
use pyo3::exceptions::{PyFileNotFoundError, PyFloatingPointError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

/// Runs `work` while other Python threads go on. A panic, which is a bug in Petal, becomes a `RuntimeError`.
pub fn compute<R: Send>(py: Python<'_>, work: impl FnOnce() -> petal::Result<R> + Send) -> PyResult<R> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(outcome) => outcome.map_err(exception),
        Err(panic) => Err(bug(&*panic)),
    }
}

/// What Python raises for an error of Petal.
pub fn exception(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            PyFileNotFoundError::new_err(text)
        }
        Error::Io { .. } | Error::Download(_) => PyOSError::new_err(text),
        Error::File { path, .. } if !path.exists() => PyFileNotFoundError::new_err(text),
        Error::Diverged(_) => PyFloatingPointError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}

fn bug(panic: &(dyn Any + Send)) -> PyErr {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    PyRuntimeError::new_err(format!(
        "a bug in Petal ended this call: {}; please report it with the lines that led here",
        said.unwrap_or("without a word")
    ))
}

/// An argument with a value outside its range.
pub fn argument(argument: &'static str, found: impl ToString, expected: impl ToString) -> Error {
    Error::Argument { argument, found: found.to_string(), expected: expected.to_string() }
}

/// A description that Python has written as JSON.
pub fn json(text: &str) -> PyResult<serde_json::Value> {
    serde_json::from_str(text).map_err(|problem| PyValueError::new_err(problem.to_string()))
}
