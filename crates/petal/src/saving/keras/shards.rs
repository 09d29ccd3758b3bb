//! Weights that Keras has cut into several files: `model.weights.json` says which, `model_00000.weights.h5` and on are
//! beside it.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use serde_json::Value;

use super::{WEIGHTS, hdf5, read};
use crate::saving::kind::{self, Kind};
use crate::{Error, Result};

/// All parts that the list in `file`, at `path`, names.
pub(super) fn open(path: &Path, file: std::fs::File) -> Result<hdf5::File> {
    let error = |problem: String| Error::file(path, problem);
    let list: Value = serde_json::from_slice(&read(path, file)?)
        .map_err(|problem| error(format!("is no list of weights' parts: {problem}")))?;
    let map = list["weight_map"].as_object().ok_or_else(|| {
        error("is a JSON file without a weight_map; expected the .weights.json of Keras".into())
    })?;
    let mut names = BTreeSet::new();
    for value in map.values() {
        match value {
            Value::Array(several) => names.extend(several.iter().filter_map(Value::as_str)),
            one => names.extend(one.as_str()),
        }
    }
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let mut components = Path::new(name).components();
        if !matches!((components.next(), components.next()), (Some(Component::Normal(_)), None)) {
            return Err(error(format!("names the part '{name}'; expected files in its own folder")));
        }
        let part = path.with_file_name(name);
        match kind::open(&part, WEIGHTS)? {
            (file, Kind::Hdf5) => parts.push(hdf5::File::from_bytes(&part, read(&part, file)?)?),
            _ => return Err(error(format!("names the part '{name}', which is no HDF5 file"))),
        }
    }
    Ok(hdf5::File::of_parts(path, parts))
}
