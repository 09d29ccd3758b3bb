use std::ffi::OsString;

use pyo3::prelude::*;

/// The command `petal` with these words; what it ends with. It prints to the process' own output and hears Ctrl-C itself,
/// so it is for a process of its own: `python -m petal`.
#[pyfunction]
pub fn command(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| petal_cli::run(std::iter::once(OsString::from("petal")).chain(words)))
}
