//! Whether a file is what it should be.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// What is wrong with a file by its first bytes and its length, if anything, as it goes on after "it".
pub(super) type Structure = fn(head: &[u8], length: u64) -> Option<&'static str>;

/// What a file must be.
pub(super) struct Check {
    hash: Option<String>,
    structure: Structure,
}

impl Check {
    pub fn new(hash: Option<&str>, structure: Structure) -> Result<Check> {
        let hash = hash.map(str::to_ascii_lowercase);
        match &hash {
            Some(hash) if !matches!(hash.len(), 32 | 64) || !hash.bytes().all(|c| c.is_ascii_hexdigit()) => {
                Err(Error::argument(
                    "hash",
                    format!("'{hash}'"),
                    "64 (SHA-256) or 32 (MD5) hexadecimal digits",
                ))
            }
            _ => Ok(Check { hash, structure }),
        }
    }

    /// What is wrong with the file, if anything, as it goes on after "it".
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn problem(&self, path: &Path) -> Result<Option<String>> {
        self.find_problem(path).map_err(Error::io("read", path))
    }

    fn find_problem(&self, path: &Path) -> io::Result<Option<String>> {
        let mut head = Vec::new();
        File::open(path)?.take(512).read_to_end(&mut head)?;
        if let Some(problem) = (self.structure)(&head, path.metadata()?.len()) {
            return Ok(Some(problem.into()));
        }
        let Some(expected) = &self.hash else { return Ok(None) };
        let found = match expected.len() {
            64 => digest::<Sha256>(path)?,
            _ => digest::<Md5>(path)?,
        };
        Ok((found != *expected).then(|| format!("has the hash {found}; expected {expected}")))
    }
}

fn digest<D: Digest>(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher, mut buffer) = (File::open(path)?, D::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

pub(super) fn anything(_head: &[u8], _length: u64) -> Option<&'static str> {
    None
}

pub(super) fn archive(head: &[u8], _length: u64) -> Option<&'static str> {
    super::archive::Format::of(head).is_none().then_some("is no .tar, .tar.gz, .tgz or .zip archive")
}

/// An HDF5 file says how long it is.
pub(super) fn hdf5(head: &[u8], length: u64) -> Option<&'static str> {
    if !head.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Some("is no HDF5 file");
    }
    // The end's address in the two kinds of superblocks, if addresses have 8 bytes.
    let (address_size, end) = match head.get(8) {
        Some(0 | 1) => (head.get(13), 40 + if head[8] == 1 { 4 } else { 0 }),
        _ => (head.get(9), 28),
    };
    let end = head.get(end..end + 8).filter(|_| address_size == Some(&8));
    match end.map(|bytes| u64::from_le_bytes(bytes.try_into().expect("the slice has 8 bytes"))) {
        Some(end) if end <= length => None,
        _ => Some("is not a complete HDF5 file"),
    }
}
