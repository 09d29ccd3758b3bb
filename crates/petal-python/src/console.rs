use std::io::{self, Write};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Python's `sys.stdout`, which in a notebook isn't the process' own.
pub struct Console;

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let shown = Python::attach(|py| {
            let stdout = py.import("sys")?.getattr("stdout")?;
            if !stdout.is_none() {
                stdout.call_method1("write", (PyString::new(py, &text),))?;
                stdout.call_method0("flush")?;
            }
            PyResult::Ok(())
        });
        // An output that is closed is no reason to end a training.
        drop(shown);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
