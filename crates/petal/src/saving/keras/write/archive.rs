//! The `.keras` file: a zip archive, nothing in it compressed, as Keras writes it.

use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::archive::{CONFIG, METADATA, WEIGHTS};
use super::hdf5::Group;
use crate::Result;
use crate::saving::write_atomically;

/// Writes the archive whole or not at all.
pub(super) fn write(path: &Path, metadata: &Value, config: &Value, weights: Group<'_>) -> Result<()> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    write_atomically(path, |file| {
        // A stream: the weights are in memory once, whatever their size, and needn't be a second time.
        let mut zip = ZipWriter::new_stream(file);
        for (name, json) in [(METADATA, metadata), (CONFIG, config)] {
            zip.start_file(name, options).map_err(io::Error::other)?;
            zip.write_all(json.to_string().as_bytes())?;
        }
        zip.start_file(WEIGHTS, options.large_file(true)).map_err(io::Error::other)?;
        weights.write(&mut zip)?;
        zip.finish().map_err(io::Error::other)?;
        Ok(())
    })
}
