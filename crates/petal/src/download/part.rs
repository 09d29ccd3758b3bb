//! A download that is not whole yet: beside the file's place, the bytes that came, in `NAME.part`, and what they are of,
//! in `NAME.part.json`. So the next run goes on where one was killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the bytes of a part are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub url: String,
    /// What tells this version of the file from another one (a strong ETag, or Last-Modified). Without one nobody knows
    /// whether the rest is of the same file.
    pub version: Option<String>,
    /// The whole file's length, if the server has said it.
    pub total: Option<u64>,
}

/// The right to write a file, and what is there of it. One process has it at a time; a lock that ends with the process
/// sees to that.
pub(super) struct Part {
    target: PathBuf,
    path: PathBuf,
    file: File,
    origin: Option<Origin>,
    received: u64,
}

impl Part {
    /// The part of the file `target`. While another process has it, this waits, and tells `progress` how many bytes that
    /// one has.
    pub fn lock(target: &Path, mut progress: impl FnMut(u64)) -> Result<Part> {
        let path = beside(target, ".part");
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(Error::io("write", &path))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    progress(file.metadata().map_or(0, |metadata| metadata.len()));
                    std::thread::sleep(Duration::from_millis(200));
                }
                // It got its name, or went away, after it was opened here.
                Ok(()) if !path.exists() => (),
                // Some network file systems have no locks.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    let origin = fs::read(beside(target, ".part.json")).ok();
                    let origin: Option<Origin> = origin.and_then(|json| serde_json::from_slice(&json).ok());
                    let received = file.metadata().map_err(Error::io("read", &path))?.len();
                    return Ok(Part { target: target.to_owned(), path, file, origin, received });
                }
            }
        }
    }

    /// Removes what an interrupted download of `target` has left, which is no longer needed.
    pub fn tidy(target: &Path) {
        if [".part", ".part.json"].iter().any(|ending| beside(target, ending).exists())
            && let Ok(file) =
                OpenOptions::new().write(true).create(true).truncate(false).open(beside(target, ".part"))
            && file.try_lock().is_ok()
        {
            remove(target);
        }
    }

    /// Where the bytes are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are there.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The whole file's length, if it is known.
    pub fn total(&self) -> Option<u64> {
        self.origin.as_ref().and_then(|origin| origin.total)
    }

    /// The version of which there are bytes that a download of `url` can go on with.
    pub fn resumable(&self, url: &str) -> Option<&str> {
        let origin = self.origin.as_ref().filter(|origin| origin.url == url && self.received > 0)?;
        origin.version.as_deref().filter(|_| origin.total.is_none_or(|total| self.received <= total))
    }

    /// Whether all of it came.
    pub fn is_whole(&self) -> bool {
        self.total() == Some(self.received)
    }

    /// Begins anew, with bytes of this origin, or of none yet.
    pub fn restart(&mut self, origin: Option<Origin>) -> io::Result<()> {
        self.file.set_len(0)?;
        self.received = 0;
        self.origin = origin;
        let note = beside(&self.target, ".part.json");
        match self.origin.as_ref().filter(|origin| origin.version.is_some()) {
            Some(origin) => fs::write(note, serde_json::to_vec(origin)?),
            None => match fs::remove_file(note) {
                Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
                _ => Ok(()),
            },
        }
    }

    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.received))?;
        self.file.write_all(bytes)?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.path, &self.target).map_err(Error::io("write", &self.target))?;
        let _ = fs::remove_file(beside(&self.target, ".part.json"));
        Ok(())
    }

    /// Removes it.
    pub fn discard(self) {
        remove(&self.target);
    }
}

fn remove(target: &Path) {
    let _ = fs::remove_file(beside(target, ".part.json"));
    let _ = fs::remove_file(beside(target, ".part"));
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    target.with_file_name(name)
}
