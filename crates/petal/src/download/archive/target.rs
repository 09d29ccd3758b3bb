//! The folder that entries go to, and how much may still come.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use super::Problem;
use crate::download::disk::Disk;
use crate::{Error, PathText};

/// The most entries: several times those of ImageNet.
const MOST_ENTRIES: u64 = 10_000_000;
/// The most folders in each other.
const MOST_LEVELS: usize = 32;

/// Takes what is unpacked, within bounds that are set by the archive's size: photos are compressed already, and texts
/// shrink to a fifth, so what grows a hundredfold was made to fill a disk.
pub(super) struct Target {
    folder: PathBuf,
    folders: HashSet<PathBuf>,
    entries: u64,
    most_entries: u64,
    files: u64,
    bytes_left: u64,
    disk: Disk,
    buffer: Vec<u8>,
}

impl Target {
    /// For the contents of an archive of this size.
    pub fn new(folder: PathBuf, archive: u64) -> Target {
        Target {
            disk: Disk::of(&folder),
            folders: HashSet::from([folder.clone()]),
            folder,
            entries: 0,
            // No photo is smaller than 50 bytes.
            most_entries: (2_000 + archive / 50).min(MOST_ENTRIES),
            files: 0,
            bytes_left: archive.saturating_mul(100).max(1 << 28),
            buffer: vec![0; 1 << 16],
        }
    }

    /// How many files came.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Notes that an entry came.
    pub fn count(&mut self) -> Result<(), Problem> {
        self.entries += 1;
        match self.entries > self.most_entries {
            true => {
                Err(Problem::Refused(format!("has more than {} entries for its size", self.most_entries)))
            }
            false => Ok(()),
        }
    }

    pub fn folder(&mut self, name: &Path) -> Result<(), Problem> {
        let place = self.place(name)?;
        self.make(&place, name)
    }

    /// Writes a file of `length` bytes.
    pub fn file(&mut self, name: &Path, length: u64, entry: &mut dyn Read) -> Result<(), Problem> {
        let place = self.place(name)?;
        if let Some(parent) = place.parent() {
            self.make(parent, name)?;
        }
        let mut file = File::create(&place).map_err(|problem| self.unwritable(name, &place, problem))?;
        let mut written = 0;
        loop {
            let n = entry.read(&mut self.buffer)?;
            if n == 0 {
                break;
            }
            self.take(n)?;
            file.write_all(&self.buffer[..n])
                .map_err(|problem| Problem::System(Error::io("write", &place)(problem)))?;
            written += n as u64;
        }
        self.files += 1;
        match written == length {
            true => Ok(()),
            false => {
                let name = PathText::new(name);
                Err(Problem::Damaged(format!(
                    "is cut off in its entry '{name}', after {written} of {length} bytes"
                )))
            }
        }
    }

    /// Reads to the end what is not to be written.
    pub fn skip(&mut self, rest: &mut dyn Read) -> Result<(), Problem> {
        loop {
            match rest.read(&mut self.buffer)? {
                0 => return Ok(()),
                n => self.take(n)?,
            }
        }
    }

    pub fn refused(&self, name: &Path, why: &str) -> Problem {
        Problem::Refused(format!("has an entry '{}' that {why}", PathText::new(name)))
    }

    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        self.bytes_left = self.bytes_left.checked_sub(bytes as u64).ok_or_else(|| {
            Problem::Refused("holds more than 100 times its own size, which would fill the disk".into())
        })?;
        self.disk.take(bytes as u64).map_err(|problem| {
            Problem::System(Error::file(&self.folder, format!("{problem}; nothing was unpacked")))
        })
    }

    /// The entry's place in the folder.
    fn place(&self, name: &Path) -> Result<PathBuf, Problem> {
        let mut place = self.folder.clone();
        for (i, part) in name.components().enumerate() {
            match part {
                _ if i == MOST_LEVELS => {
                    return Err(Problem::Refused(format!(
                        "has more than {MOST_LEVELS} folders in each other"
                    )));
                }
                Component::Normal(part) if part.as_encoded_bytes().contains(&0) => {
                    return Err(self.refused(name, "has a zero in its name"));
                }
                Component::Normal(part) => place.push(part),
                Component::CurDir => (),
                _ => return Err(self.refused(name, "would lie outside of the folder")),
            }
        }
        Ok(place)
    }

    /// Makes a folder and those above it; each counts as an entry.
    fn make(&mut self, place: &Path, name: &Path) -> Result<(), Problem> {
        if self.folders.contains(place) {
            return Ok(());
        }
        if let Some(parent) = place.parent() {
            self.make(parent, name)?;
        }
        self.count()?;
        fs::create_dir(place).map_err(|problem| self.unwritable(name, place, problem))?;
        self.folders.insert(place.to_owned());
        Ok(())
    }

    fn unwritable(&self, name: &Path, place: &Path, problem: io::Error) -> Problem {
        use io::ErrorKind::{AlreadyExists, InvalidFilename, IsADirectory, NotADirectory};
        match problem.kind() {
            AlreadyExists | IsADirectory | NotADirectory => {
                self.refused(name, "is a file in one place and a folder in another")
            }
            InvalidFilename => self.refused(name, "has a longer name than files can have here"),
            _ => Problem::System(Error::io("write", place)(problem)),
        }
    }
}
