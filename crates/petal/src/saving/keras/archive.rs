//! The `.keras` file: a zip archive with the model's configuration and its weights.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use zip::ZipArchive;

use crate::{Error, Result};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
/// Far more than the configuration of any model takes.
const LARGEST_CONFIG: u64 = 16 << 20;

/// An open `.keras` file.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    pub fn open(path: &Path) -> Result<Archive> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let zip = ZipArchive::new(BufReader::new(file))
            .map_err(|problem| Error::file(path, format!("is not a readable .keras file: {problem}")))?;
        Ok(Archive { path: path.to_owned(), zip })
    }

    /// The model's configuration.
    pub fn config(&mut self) -> Result<Value> {
        let bytes = self.read(CONFIG, LARGEST_CONFIG)?;
        serde_json::from_slice(&bytes)
            .map_err(|problem| Error::file(&self.path, format!("{CONFIG} cannot be read: {problem}")))
    }

    /// The size of the weights' file in bytes, as the archive states it.
    pub fn weights_size(&mut self) -> Result<u64> {
        Ok(self.zip.by_name(WEIGHTS).map_err(|problem| broken(&self.path, WEIGHTS, problem))?.size())
    }

    /// The weights' file of a model with this number of parameters.
    pub fn weights(&mut self, params: usize) -> Result<Vec<u8>> {
        // The optimizer's state is at most a few times as large as the weights; each layer takes a few kB beside.
        self.read(WEIGHTS, (params as u64).saturating_mul(4 * 8).saturating_add(64 << 20))
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
