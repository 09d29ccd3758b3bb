use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// Writes a file whole or not at all: into a temporary file in the same folder, which is flushed to the disk and then
/// takes the name. After a failure an older file is as it was, and no temporary file is left; where the program was
/// killed, [`remove_unfinished`] finds it.
///
/// What is no plain file, such as `/dev/stdout` or a pipe, is written directly; through a symbolic link, the file that
/// it leads to is replaced.
///
/// ```
/// use petal::saving::write_atomically;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("classes.txt");
/// write_atomically(&path, |file| writeln!(file, "daisy\ntulips"))?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "daisy\ntulips\n");
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If the file cannot be written, or `write` fails.
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let target = fs::canonicalize(path);
    let target = target.as_deref().unwrap_or(path);
    let result = match fs::metadata(target) {
        Ok(existing) if existing.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(existing) if !existing.is_file() => write_directly(target, write),
        existing => replace(target, existing.ok().map(|file| file.permissions()), write),
    };
    result.map_err(Error::io("write", path))
}

/// Removes the temporary files of [`write_atomically`] that a killed program left in `folder`; those that a running one
/// writes stay.
///
/// # Errors
/// If a file cannot be removed. A folder that isn't there, or that cannot be read, has none.
pub fn remove_unfinished(folder: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref();
    let Ok(entries) = fs::read_dir(if folder == Path::new("") { Path::new(".") } else { folder }) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if !(name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())) {
            continue;
        }
        let path = entry.path();
        // Whoever writes it holds its lock, which ends with the program however that ends.
        if fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// How temporary files are called.
const PREFIX: &str = ".petal-";
const SUFFIX: &str = ".tmp";

fn write_directly(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(fs::OpenOptions::new().write(true).open(path)?);
    write(&mut file)?;
    file.flush()
}

fn replace(
    path: &Path,
    permissions: Option<fs::Permissions>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let (temporary, file) = Temporary::create(folder)?;
    // Some file systems know no locks; then a file that is left over stays.
    let _ = file.try_lock();
    let mut buffer = BufWriter::new(&file);
    write(&mut buffer)?;
    buffer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    temporary.rename(path)?;
    // The new name, too, has to reach the disk. Not all file systems can do that, and the file is in its place.
    #[cfg(unix)]
    let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// A file that is removed unless it gets its name.
struct Temporary(PathBuf);

impl Temporary {
    fn create(folder: &Path) -> io::Result<(Self, fs::File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(format!("{PREFIX}{process}-{count}{SUFFIX}"));
            match fs::File::create_new(&path) {
                Ok(file) => return Ok((Temporary(path), file)),
                // A killed program with this number has left it, or one on another machine writes it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        self.0.clear();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.0 != Path::new("") {
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [".petal-killed.tmp", ".petal-other", "notes.tmp"] {
            fs::write(path(name), "half").unwrap();
        }
        write_atomically(path("model.petal"), |file| {
            remove_unfinished(folder.path()).unwrap();
            file.write_all(b"whole")
        })
        .unwrap();
        assert_eq!(fs::read(path("model.petal")).unwrap(), b"whole");
        assert!(!path(".petal-killed.tmp").exists());
        assert!(path(".petal-other").exists() && path("notes.tmp").exists(), "files of others");
        remove_unfinished(path("nowhere")).unwrap();
    }
}
