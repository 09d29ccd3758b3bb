//! Keras' cache folder.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A folder for downloaded files, and another one for the case that it cannot be written.
pub(super) struct Cache {
    folder: PathBuf,
    fallback: PathBuf,
}

impl Cache {
    /// `$KERAS_HOME`, else `~/.keras`.
    pub fn keras() -> Cache {
        Cache::at(keras_home(std::env::var_os("KERAS_HOME"), std::env::home_dir()))
    }

    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder, fallback: std::env::temp_dir().join(".keras") }
    }

    /// The folder of this name in it.
    pub fn subdir(self, name: &str) -> Cache {
        Cache { folder: self.folder.join(name), fallback: self.fallback.join(name) }
    }

    /// Where a file or folder of this name is, or would be.
    pub fn existing(&self, name: &str) -> PathBuf {
        let [usual, fallback] = [&self.folder, &self.fallback].map(|folder| folder.join(name));
        if !usual.exists() && fallback.exists() && writable(&self.folder).is_err() { fallback } else { usual }
    }

    /// The folder to write to.
    pub fn writable(&self) -> Result<&Path> {
        match writable(&self.folder) {
            Ok(()) => Ok(&self.folder),
            Err(problem) => match writable(&self.fallback) {
                Ok(()) => Ok(&self.fallback),
                Err(_) => Err(Error::io("write", &self.folder)(problem)),
            },
        }
    }
}

fn writable(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

/// Keras' rule; the folder for temporary files stands in for a missing home.
fn keras_home(variable: Option<OsString>, home: Option<PathBuf>) -> PathBuf {
    match variable {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => home.unwrap_or_else(std::env::temp_dir).join(".keras"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_keras_has_it() {
        let home = || Some(PathBuf::from("home"));
        assert_eq!(keras_home(None, home()), Path::new("home/.keras"));
        assert_eq!(keras_home(Some("elsewhere".into()), home()), Path::new("elsewhere"));
        assert_eq!(keras_home(Some("".into()), home()), Path::new("home/.keras"));
        assert_eq!(keras_home(None, None), std::env::temp_dir().join(".keras"));
    }

    #[test]
    fn what_cannot_be_written_has_a_fallback() {
        let root = tempfile::tempdir().unwrap();
        // A file where the folder should be: this fails for every user.
        let blocked = root.path().join("blocked");
        fs::write(&blocked, "").unwrap();
        let cache = Cache { folder: blocked.join("models"), fallback: root.path().join("temporary") };
        assert_eq!(cache.writable().unwrap(), root.path().join("temporary"));
        fs::write(root.path().join("temporary/weights.h5"), "").unwrap();
        assert_eq!(cache.existing("weights.h5"), root.path().join("temporary/weights.h5"));

        let cache =
            Cache { folder: root.path().join("cache/models"), fallback: root.path().join("temporary") };
        assert_eq!(cache.writable().unwrap(), root.path().join("cache/models"));
        assert_eq!(cache.existing("weights.h5"), root.path().join("cache/models/weights.h5"));
    }
}
