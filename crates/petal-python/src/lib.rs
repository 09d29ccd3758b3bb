//! The native half of Petal's Python package: models, data and training; `python/petal` gives them Keras' interface.
//!
//! What describes a layer, an optimizer or a loss crosses as Keras' own JSON (`get_config`), which Petal reads from files
//! anyway, so a layer that Petal learns is one class in Python and nothing here.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod applications;
mod arrays;
mod callbacks;
mod command;
mod compute;
mod console;
mod data;
mod download;
mod fit;
mod interrupt;
mod model;
mod placeholder;
mod stream;
mod symbolic;

use pyo3::prelude::*;

/// The native half of the package `petal`.
#[pymodule]
mod _petal {
    #[pymodule_export]
    use super::applications::{application, decode_predictions, preprocess_input};
    #[pymodule_export]
    use super::arrays::array_data;
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::data::{Data, image_directory, load_image, sample_photos};
    #[pymodule_export]
    use super::download::get_file;
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::stream::stream_data;
    #[pymodule_export]
    use super::symbolic::{Tensor, apply, check, input, nest};
}
