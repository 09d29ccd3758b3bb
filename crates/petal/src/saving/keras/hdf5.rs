//! HDF5 files as Keras writes them, read with distrust: what the file says about itself is checked before memory is
//! taken, and a panic of the reader is an error.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hdf5_pure::{AttrValue, Dataset, Datatype, FormatError};

use crate::{Error, Result};

/// An open file, or several that hold parts of the same.
pub(super) struct File {
    path: PathBuf,
    parts: Vec<hdf5_pure::File>,
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
        let file = guarded(|| hdf5_pure::File::from_bytes(bytes)).map_err(|problem| {
            let problem = format!("is not a readable HDF5 file, it may have been cut off: {problem}");
            Error::file(path, problem)
        })?;
        Ok(File { path: path.to_owned(), parts: vec![file] })
    }

    /// One file of several that have been cut apart; `path` is that of their list.
    pub fn of_parts(path: &Path, parts: Vec<File>) -> File {
        File { path: path.to_owned(), parts: parts.into_iter().flat_map(|file| file.parts).collect() }
    }

    /// Where the file is, for errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of all parts.
    pub fn size(&self) -> usize {
        self.parts.iter().map(|part| usize::try_from(part.file_size()).unwrap_or(usize::MAX)).sum()
    }

    /// The attributes of a group; `None` where there is no such group. The root's path is empty.
    pub fn attributes(&self, group: &str) -> Result<Option<HashMap<String, AttrValue>>> {
        self.found(group, |file| match group {
            "" => file.root().attrs(),
            _ => file.group(group)?.attrs(),
        })
    }

    /// Whether there is a group of this path.
    pub fn has_group(&self, group: &str) -> Result<bool> {
        Ok(self.attributes(group)?.is_some())
    }

    /// A data set; `None` where there is none of this path.
    pub fn values(&self, path: &str) -> Result<Option<Values>> {
        let found = self.found(path, |file| {
            let dataset = file.dataset(path)?;
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
            if element_size == 2 {
                // bfloat16 is a type that HDF5 doesn't know: Keras stores the bits, and says so beside them.
                let attributes = values.dataset.attrs()?;
                let is_bfloat16 = attributes.get("dtype").and_then(AttrValue::as_str) == Some("bfloat16");
                let is_float16 = matches!(values.dataset.datatype()?, Datatype::FloatingPoint { .. });
                let float = match (is_bfloat16, is_float16) {
                    (true, _) => |bits: u16| f32::from_bits(u32::from(bits) << 16),
                    (false, true) => float16,
                    (false, false) => return Ok(Err("its values are neither float16 nor bfloat16".into())),
                };
                let bytes = values.dataset.read_raw()?;
                return Ok(Ok(bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bits| float(u16::from_le_bytes(*bits)))
                    .collect()));
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

    /// What the first of the parts has that has it.
    fn found<T>(
        &self,
        path: &str,
        read: impl Fn(&hdf5_pure::File) -> Result<T, hdf5_pure::Error>,
    ) -> Result<Option<T>> {
        for part in &self.parts {
            match guarded(|| read(part)) {
                Ok(value) => return Ok(Some(value)),
                Err(Problem::Reader(hdf5_pure::Error::Format(FormatError::PathNotFound(_)))) => {}
                Err(problem) => {
                    return Err(Error::file(&self.path, format!("'{path}' cannot be read: {problem}")));
                }
            }
        }
        Ok(None)
    }
}

/// The number that these bits are in IEEE 754's half precision.
fn float16(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15) << 31, u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => (fraction as f32 / (1 << 24) as f32).to_bits(),
        0x1f => 0xff << 23 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
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

#[cfg(test)]
mod tests {
    use super::float16;

    #[test]
    fn half_precision_is_read_exactly() {
        for (bits, number) in [
            (0x0000, 0.0),
            (0x0001, 2.0f32.powi(-24)),
            (0x03ff, 1023.0 * 2.0f32.powi(-24)),
            (0x0400, 2.0f32.powi(-14)),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(float16(bits), number, "{bits:04x}");
        }
        assert!(float16(0x7e00).is_nan());
    }
}
