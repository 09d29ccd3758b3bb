use std::sync::{Arc, Mutex, PoisonError};

use petal::training::{Callback, Logs, Training};
use pyo3::prelude::*;

/// What Python raised during a training, to be raised again once that has ended.
#[derive(Clone, Default)]
pub struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    pub fn set(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Ends a training after the step in which Ctrl-C, or another signal that Python answers with an exception, has come;
/// what was learned stays.
pub struct Interrupt(pub Raised);

impl Interrupt {
    fn look(&self, training: &mut Training<'_>) {
        if let Err(error) = Python::attach(|py| py.check_signals()) {
            self.0.set(error);
            training.stop_now();
        }
    }
}

impl Callback for Interrupt {
    fn on_batch_end(&mut self, _: usize, _: &Logs, training: &mut Training<'_>) -> petal::Result<()> {
        self.look(training);
        Ok(())
    }

    fn on_test_batch_end(&mut self, _: usize, training: &mut Training<'_>) -> petal::Result<()> {
        self.look(training);
        Ok(())
    }
}
