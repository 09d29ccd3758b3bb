//! The `.keras` file: a zip archive with the model's configuration and its weights.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::{Error, Result};

pub(super) const CONFIG: &str = "config.json";
pub(super) const METADATA: &str = "metadata.json";
pub(super) const WEIGHTS: &str = "model.weights.h5";
/// Far more than the configuration of any model takes.
const LARGEST_CONFIG: u64 = 16 << 20;
/// Weights hardly compress at all.
const MOST_COMPRESSION: u64 = 32;

/// An open `.keras` file.
pub(super) struct Archive {
    path: PathBuf,
    size: u64,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    /// The zip archive in `file`, which is at `path`.
    pub fn new(path: &Path, file: File) -> Result<Archive> {
        let size = file.metadata().map_err(Error::io("read", path))?.len();
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|problem| {
            let problem = match problem {
                ZipError::InvalidArchive(_) => "its end is missing: it was cut off, or is damaged".to_owned(),
                problem => problem.to_string(),
            };
            Error::file(path, format!("is not a readable .keras file: {problem}; save or copy it again"))
        })?;
        if [CONFIG, WEIGHTS].iter().any(|name| zip.index_for_name(name).is_none()) {
            let pytorch = zip.file_names().flatten().any(|name| name.ends_with("/data.pkl"));
            let found = if pytorch { "a model of PyTorch" } else { "a zip archive without a model of Keras" };
            let problem = format!(
                "is {found}; expected a .keras file, which holds {CONFIG} and {WEIGHTS}, or a .petal or .h5 file"
            );
            return Err(Error::file(path, problem));
        }
        Ok(Archive { path: path.to_owned(), size, zip })
    }

    /// The model's configuration.
    pub fn config(&mut self) -> Result<Value> {
        let bytes = self.read(CONFIG, LARGEST_CONFIG)?;
        serde_json::from_slice(&bytes)
            .map_err(|problem| Error::file(&self.path, format!("{CONFIG} cannot be read: {problem}")))
    }

    /// What is said of the file beside the model; null where nothing can be read.
    pub fn metadata(&mut self) -> Value {
        let bytes = self.read(METADATA, LARGEST_CONFIG).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// The file with the weights. Keras doesn't compress it; where others did, it may be larger than the archive, but
    /// not without bounds.
    pub fn weights(&mut self) -> Result<Vec<u8>> {
        let most = self.size.saturating_mul(MOST_COMPRESSION).saturating_add(64 << 20);
        self.read(WEIGHTS, most.min(crate::memory::total() as u64 / 2))
    }

    /// An entry's bytes; a compressed entry may turn out much larger than the archive.
    fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        let entry = self.zip.by_name(name).map_err(|problem| broken(&self.path, name, problem))?;
        let mut bytes = Vec::new();
        entry.take(most + 1).read_to_end(&mut bytes).map_err(|problem| broken(&self.path, name, problem))?;
        if bytes.len() as u64 > most {
            return Err(broken(&self.path, name, format!("it has more than {most} bytes")));
        }
        Ok(bytes)
    }
}

fn broken(path: &Path, name: &str, problem: impl std::fmt::Display) -> Error {
    Error::file(path, format!("{name} cannot be read: {problem}"))
}
