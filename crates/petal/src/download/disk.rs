//! What a disk has room for.

use std::path::{Path, PathBuf};

/// Left free by what has no known end, so that everything else on the disk can go on.
const RESERVE: u64 = 64 << 20;
/// How much is written between two looks.
const STEP: u64 = 16 << 20;

/// The disk under a folder.
pub(super) struct Disk {
    folder: PathBuf,
    since_last_look: u64,
}

impl Disk {
    pub fn of(folder: &Path) -> Disk {
        Disk { folder: folder.to_owned(), since_last_look: 0 }
    }

    /// What is wrong with writing this many bytes, if anything.
    pub fn problem(&self, bytes: u64) -> Option<String> {
        // Where the system doesn't say, writing tells.
        let free = fs4::available_space(&self.folder).unwrap_or(u64::MAX);
        (bytes > free).then(|| {
            format!("the disk has {} free, but {} are needed; make room", megabytes(free), megabytes(bytes))
        })
    }

    /// Notes that this many bytes of an unknown number are about to be written.
    pub fn take(&mut self, bytes: u64) -> Result<(), String> {
        self.since_last_look += bytes;
        if self.since_last_look < STEP {
            return Ok(());
        }
        self.since_last_look = 0;
        match self.problem(RESERVE) {
            Some(_) => Err(format!("the disk has less than {} left; make room", megabytes(RESERVE))),
            None => Ok(()),
        }
    }
}

/// As disks are sold: 1 MB is 1,000,000 bytes.
pub(super) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{bytes} bytes"),
        100_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}
