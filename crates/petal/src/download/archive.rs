//! Unpacks an archive into a folder that appears only when it is complete.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{EntryType, PaxExtensions};

use crate::{Error, Result};

/// The most entries: several times those of ImageNet.
const MOST_ENTRIES: usize = 10_000_000;
/// The longest name of an entry.
const LONGEST_NAME: u64 = 1 << 16;

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
            _ if head.get(257..262) == Some(b"ustar") => Some(Format::Tar),
            _ => None,
        }
    }
}

/// Unpacks `archive` to the folder `folder`, which isn't there yet.
///
/// # Errors
/// If an entry would lie outside of the folder, is a link or a device, if all of it is far larger than the archive (so
/// that it would fill the disk), or if the archive is damaged.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new().prefix(".petal-").tempdir_in(parent);
    let temporary = temporary.map_err(Error::io("write", parent))?;
    // Photos are compressed already; texts shrink to a fifth.
    let size = archive.metadata().map_err(Error::io("read", archive))?.len();
    let unpacked = temporary.path().join("unpacked");
    fs::create_dir(&unpacked).map_err(Error::io("write", &unpacked))?;
    let mut target =
        Target { folder: unpacked.clone(), bytes_left: size.saturating_mul(100).max(1 << 28), entries: 0 };
    target.unpack(archive).map_err(|problem| {
        Error::file(
            archive,
            format!("cannot be unpacked: {problem}. Delete it if it is damaged; it is then downloaded again"),
        )
    })?;
    match fs::rename(&unpacked, folder) {
        // Another process was faster.
        Err(_) if folder.is_dir() => Ok(()),
        result => result.map_err(Error::io("write", folder)),
    }
}

/// Where entries go, and how much may still come.
struct Target {
    folder: PathBuf,
    bytes_left: u64,
    entries: usize,
}

impl Target {
    fn unpack(&mut self, archive: &Path) -> io::Result<()> {
        let mut file = BufReader::new(File::open(archive)?);
        let mut head = Vec::new();
        file.by_ref().take(512).read_to_end(&mut head)?;
        file.rewind()?;
        match Format::of(&head) {
            Some(Format::Tar) => self.tar(file),
            Some(Format::TarGz) => self.tar(MultiGzDecoder::new(file)),
            Some(Format::Zip) => self.zip(file),
            None => Err(io::Error::other("it is no .tar, .tar.gz, .tgz or .zip archive")),
        }
    }

    fn tar(&mut self, archive: impl Read) -> io::Result<()> {
        // A name that the entry's head has no room for comes as an entry of its own.
        let mut long_name: Option<PathBuf> = None;
        let mut archive = tar::Archive::new(archive);
        // Raw entries, because the crate would read names of any length into memory.
        for entry in archive.entries()?.raw(true) {
            let mut entry = entry?;
            self.count()?;
            let kind = entry.header().entry_type();
            match kind {
                EntryType::GNULongName => long_name = Some(gnu_name(&name_bytes(&mut entry)?)?),
                EntryType::XHeader => long_name = pax_name(&name_bytes(&mut entry)?)?.or(long_name),
                // Settings for all entries, none of them of use here; the rest of a link, which is refused when it comes.
                EntryType::XGlobalHeader | EntryType::GNULongLink => (),
                _ => {
                    let name = match long_name.take() {
                        Some(name) => name,
                        None => entry.path()?.into_owned(),
                    };
                    // Before there was a kind for folders, they had names that end so.
                    let old_folder = name.as_os_str().as_encoded_bytes().ends_with(b"/");
                    match kind {
                        EntryType::Directory => self.folder(&name)?,
                        EntryType::Regular if old_folder => self.folder(&name)?,
                        EntryType::Regular | EntryType::Continuous => self.file(&name, &mut entry)?,
                        EntryType::Symlink | EntryType::Link => return Err(refused(&name, "is a link")),
                        _ => return Err(refused(&name, "is neither a file nor a folder")),
                    }
                }
            }
        }
        Ok(())
    }

    fn zip(&mut self, archive: impl Read + Seek) -> io::Result<()> {
        let mut archive = zip::ZipArchive::new(archive)?;
        for i in 0..archive.len() {
            let mut entry = archive.by_index(i)?;
            self.count()?;
            let name = PathBuf::from(entry.name()?.replace('\\', "/"));
            if entry.is_symlink() {
                return Err(refused(&name, "is a link"));
            }
            if entry.is_dir() {
                self.folder(&name)?;
            } else {
                self.file(&name, &mut entry)?;
            }
        }
        Ok(())
    }

    fn count(&mut self) -> io::Result<()> {
        self.entries += 1;
        match self.entries > MOST_ENTRIES {
            true => Err(io::Error::other(format!("it has more than {MOST_ENTRIES} entries"))),
            false => Ok(()),
        }
    }

    fn folder(&self, name: &Path) -> io::Result<()> {
        fs::create_dir_all(self.place(name)?)
    }

    fn file(&mut self, name: &Path, entry: &mut dyn Read) -> io::Result<()> {
        let place = self.place(name)?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        let written = io::copy(&mut entry.take(self.bytes_left + 1), &mut File::create(place)?)?;
        self.bytes_left = self.bytes_left.checked_sub(written).ok_or_else(|| {
            io::Error::other(
                "what is in it is more than 100 times as large as it is; unpack it by hand if you trust it",
            )
        })?;
        Ok(())
    }

    /// The entry's place in the folder.
    fn place(&self, name: &Path) -> io::Result<PathBuf> {
        let mut place = self.folder.clone();
        for part in name.components() {
            match part {
                Component::Normal(part) => place.push(part),
                Component::CurDir => (),
                _ => return Err(refused(name, "would lie outside of the folder")),
            }
        }
        Ok(place)
    }
}

fn refused(name: &Path, why: &str) -> io::Error {
    io::Error::other(format!("its entry '{}' {why}", name.display()))
}

/// The contents of an entry that is another one's name.
fn name_bytes(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(LONGEST_NAME + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LONGEST_NAME {
        true => Err(io::Error::other(format!("it has a name of more than {LONGEST_NAME} bytes"))),
        false => Ok(bytes),
    }
}

fn gnu_name(bytes: &[u8]) -> io::Result<PathBuf> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    utf8(&bytes[..end]).map(PathBuf::from)
}

/// The name in an entry of extended settings, if there is one.
fn pax_name(bytes: &[u8]) -> io::Result<Option<PathBuf>> {
    let mut name = None;
    for setting in PaxExtensions::new(bytes) {
        let setting = setting?;
        match setting.key_bytes() {
            b"path" => name = Some(utf8(setting.value_bytes())?.into()),
            b"size" => return Err(io::Error::other("it has a file of more than 8 GB")),
            _ => (),
        }
    }
    Ok(name)
}

fn utf8(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| io::Error::other("it has a name that is not UTF-8"))
}
