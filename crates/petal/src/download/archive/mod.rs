//! Unpacks an archive into a folder that appears only when it is complete.

mod gzip;
mod tar;
mod target;
mod zip;

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use crate::{Error, Result};
use gzip::Gzip;
use target::Target;

/// The kinds of archives.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Tar,
    TarGz,
    Zip,
}

impl Format {
    /// The kind of archive that begins with these bytes.
    pub fn of(head: &[u8]) -> Option<Format> {
        match head {
            [0x1f, 0x8b, ..] => Some(Format::TarGz),
            [b'P', b'K', 3, 4, ..] => Some(Format::Zip),
            _ if tar::begins_with(head) => Some(Format::Tar),
            _ => None,
        }
    }
}

/// Why an archive is not unpacked.
#[derive(Debug)]
pub(super) enum Problem {
    /// It is not what was packed.
    Damaged(String),
    /// It is whole, as far as one can see, but holds what would do harm or isn't understood.
    Refused(String),
    /// It cannot be read, or the folder cannot be written.
    System(Error),
}

impl Problem {
    /// The error for the archive at `path`.
    pub fn at(self, path: &Path) -> Error {
        match self {
            Problem::System(error) => error,
            Problem::Damaged(problem) => Error::file(
                path,
                format!("the archive {problem}; download it again, or ask for another copy"),
            ),
            Problem::Refused(problem) => {
                Error::file(path, format!("the archive {problem}; unpack it by hand if you trust it"))
            }
        }
    }
}

/// What a decoder says of its input.
impl From<io::Error> for Problem {
    fn from(problem: io::Error) -> Problem {
        Problem::Damaged(match problem.kind() {
            io::ErrorKind::UnexpectedEof => "is cut off".into(),
            _ => format!("is damaged ({problem})"),
        })
    }
}

/// A complete folder that doesn't have its name yet; without [`place`](Self::place) it goes away again.
#[derive(Debug)]
pub(super) struct Unpacked {
    temporary: Temporary,
    folder: PathBuf,
}

impl Unpacked {
    /// Gives the folder its name.
    pub fn place(self) -> Result<PathBuf> {
        fs::rename(&self.temporary.0, &self.folder).map_err(Error::io("write", &self.folder))?;
        Ok(self.folder.clone())
    }
}

#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Unpacks `archive`, to be placed at `folder`, which isn't there yet. Until then it is `folder` with `.unpacking` behind
/// its name; what an interrupted call has left there is removed first, so only one process may do this at a time.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Unpacked, Problem> {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".unpacking");
    let temporary = folder.with_file_name(name);
    match fs::remove_dir_all(&temporary) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
            return Err(Problem::System(Error::io("remove", &temporary)(problem)));
        }
        _ => (),
    }
    let mut file =
        File::open(archive).map_err(|problem| Problem::System(Error::io("read", archive)(problem)))?;
    fs::create_dir(&temporary).map_err(|problem| Problem::System(Error::io("write", &temporary)(problem)))?;
    let unpacked = Unpacked { temporary: Temporary(temporary.clone()), folder: folder.to_owned() };

    let (mut head, size) = (Vec::new(), file.metadata()?.len());
    file.by_ref().take(512).read_to_end(&mut head)?;
    file.rewind()?;
    let (file, mut target) = (BufReader::new(file), Target::new(temporary, size));
    match Format::of(&head) {
        Some(Format::Tar) => tar::unpack(file, &mut target)?,
        Some(Format::TarGz) => tar::unpack(Gzip::new(file), &mut target)?,
        Some(Format::Zip) => zip::unpack(file, &mut target)?,
        None => return Err(Problem::Damaged("is no .tar, .tar.gz, .tgz or .zip file".into())),
    }
    match target.files() {
        0 => Err(Problem::Refused("holds no files".into())),
        _ => Ok(unpacked),
    }
}
