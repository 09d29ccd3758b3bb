use std::path::PathBuf;

use petal::download::{self, GetFile, progress_bar};
use pyo3::prelude::*;

use crate::compute::compute;

/// Where the file is that was downloaded, or in the cache; see `keras.utils.get_file`.
#[pyfunction]
#[pyo3(signature = (origin, name, subdir, dir, hash, extract))]
pub fn get_file(
    py: Python<'_>,
    origin: String,
    name: Option<String>,
    subdir: String,
    dir: Option<PathBuf>,
    hash: Option<String>,
    extract: bool,
) -> PyResult<PathBuf> {
    compute(py, move || {
        let mut options =
            GetFile::new().cache_subdir(subdir).extract(extract).progress(progress_bar(origin.clone()));
        if let Some(name) = name {
            options = options.file_name(name);
        }
        if let Some(dir) = dir {
            options = options.cache_dir(dir);
        }
        if let Some(hash) = hash {
            options = options.hash(hash);
        }
        download::get_file(&origin, options)
    })
}
