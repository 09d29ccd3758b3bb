//! Stands for `keras` in a build that can neither read nor write Keras' files.

use std::fs::File;
use std::path::Path;

use super::kind::Kind;
use crate::error::no_feature;
use crate::model::Model;
use crate::{Error, Result};

/// Says that there is a feature for this.
pub(super) fn load(path: &Path, _file: File, kind: Kind, _image_size: &[usize]) -> Result<Model> {
    let found = match kind {
        Kind::Zip => "is a zip archive, as Keras' .keras files are",
        Kind::Hdf5 => "is an HDF5 file, as Keras' .h5 files are",
        Kind::Json => "is JSON, as Keras' .weights.json files are",
        Kind::Safetensors => "is a safetensors file; expected a model of Keras",
    };
    Err(Error::file(path, format!("{found}, and {}", no_feature("keras"))))
}

/// Says that there is a feature for this.
pub(super) fn save(_model: &Model, path: &Path) -> Result<()> {
    Err(Error::file(path, format!("is a file of Keras by its name, and {}", no_feature("keras"))))
}

pub(super) use self::{save as save_legacy, save as save_weights};
