use std::io::{self, Write};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Python's `sys.stdout`, which in a notebook isn't the process' own. Gets whole lines, and what is flushed: a notebook
/// shows each piece by itself.
#[derive(Default)]
pub struct Console(Vec<u8>);

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.0);
        let shown = Python::attach(|py| {
            let stdout = py.import("sys")?.getattr("stdout")?;
            if !stdout.is_none() && !text.is_empty() {
                stdout.call_method1("write", (PyString::new(py, &text),))?;
                stdout.call_method0("flush")?;
            }
            PyResult::Ok(())
        });
        // An output that is closed is no reason to end a training.
        drop(shown);
        self.0.clear();
        Ok(())
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
