//! HDF5 files as Keras writes them, read with distrust: what the file says about itself is checked before memory is
//! taken, and a panic of the reader is an error.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hdf5_pure::{AttrValue, Dataset, FormatError};

use crate::{Error, Result};

/// An open file.
pub(super) struct File {
    path: PathBuf,
    file: hdf5_pure::File,
}

/// A data set's shape and the way to its values.
pub(super) struct Values {
    pub path: String,
    pub shape: Vec<usize>,
    dataset: Dataset,
}

impl File {
    /// Opens `bytes`, which came from the file at `path`.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<File> {
        let file = guarded(|| hdf5_pure::File::from_bytes(bytes))
            .map_err(|problem| Error::file(path, format!("is not a readable HDF5 file: {problem}")))?;
        Ok(File { path: path.to_owned(), file })
    }

    /// Where the file is, for errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The attributes of a group; `None` where there is no such group. The root's path is empty.
    pub fn attributes(&self, group: &str) -> Result<Option<HashMap<String, AttrValue>>> {
        self.found(group, || match group {
            "" => self.file.root().attrs(),
            _ => self.file.group(group)?.attrs(),
        })
    }

    /// A data set; `None` where there is none of this path.
    pub fn values(&self, path: &str) -> Result<Option<Values>> {
        let found = self.found(path, || {
            let dataset = self.file.dataset(path)?;
            Ok((dataset.shape()?, dataset))
        })?;
        let Some((shape, dataset)) = found else { return Ok(None) };
        let shape = shape.into_iter().map(|axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect();
        Ok(Some(Values { path: path.to_owned(), shape, dataset }))
    }

    /// The values of a data set whose shape the caller has found to be one that it can hold.
    pub fn read(&self, values: &Values) -> Result<Vec<f32>> {
        let read = guarded(|| {
            let element_size = values.dataset.element_size()?;
            if element_size > 8 {
                return Ok(Err(format!("its values take {element_size} bytes each; expected floats")));
            }
            // bfloat16 is a type that HDF5 doesn't know: Keras stores the bits as integers and says so beside them.
            let attributes = values.dataset.attrs()?;
            if attributes.get("dtype").and_then(AttrValue::as_str) == Some("bfloat16") {
                let bits = values.dataset.read_u16()?;
                return Ok(Ok(bits.into_iter().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect()));
            }
            values.dataset.read_f32().map(Ok)
        });
        let problem = match read {
            Ok(Ok(read)) if read.len() == values.shape.iter().product::<usize>() => return Ok(read),
            Ok(Ok(read)) => format!("has {} values; its shape is {:?}", read.len(), values.shape),
            Ok(Err(problem)) => problem,
            Err(problem) => problem.to_string(),
        };
        Err(Error::file(&self.path, format!("data set '{}': {problem}", values.path)))
    }

    fn found<T>(&self, path: &str, read: impl FnOnce() -> Result<T, hdf5_pure::Error>) -> Result<Option<T>> {
        match guarded(read) {
            Ok(value) => Ok(Some(value)),
            Err(Problem::Reader(hdf5_pure::Error::Format(FormatError::PathNotFound(_)))) => Ok(None),
            Err(problem) => Err(Error::file(&self.path, format!("'{path}' cannot be read: {problem}"))),
        }
    }
}

/// What can go wrong in the reader.
enum Problem {
    Reader(hdf5_pure::Error),
    Panic,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Problem::Reader(error) => write!(f, "{error}"),
            Problem::Panic => f.write_str("it is damaged"),
        }
    }
}

fn guarded<T>(read: impl FnOnce() -> Result<T, hdf5_pure::Error>) -> Result<T, Problem> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(Problem::Reader),
        Err(_) => Err(Problem::Panic),
    }
}
