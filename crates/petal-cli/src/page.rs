//! The page that a command writes beside its answers.

use std::path::{Path, PathBuf};

use petal::PathText;

use crate::terminal::{say, warn};
use crate::{Failure, output};

/// A page that is to be written.
pub struct Page {
    path: PathBuf,
    /// Whether its folder was asked for by name.
    named: bool,
}

impl Page {
    /// A page in the folder that was named, or in that of a run, or in the present one.
    ///
    /// # Errors
    /// If nothing can be written into the folder that was named.
    pub fn new(file: &str, named: Option<&Path>, run: Option<PathBuf>) -> Result<Self, String> {
        if let Some(folder) = named {
            output::check_writable(folder)?;
        }
        let folder = named.map(Path::to_owned).or(run).unwrap_or_default();
        Ok(Page { path: folder.join(file), named: named.is_some() })
    }

    /// Writes the page and says where it is. Where nobody named a folder and nothing can be written, that is said: the
    /// answers were what was asked for.
    ///
    /// # Errors
    /// If it cannot be made, or written into the folder that was named.
    pub fn write(&self, save: impl FnOnce(&Path) -> petal::Result<()>) -> Result<(), Failure> {
        if let Some(folder) = self.path.parent().filter(|_| self.named) {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        match save(&self.path) {
            Ok(()) => say!("Page: {}", PathText::new(&self.path)),
            Err(error) if self.named => return Err(error.into()),
            Err(error) => warn(format_args!("no page is written: {error}; --output names another folder")),
        }
        Ok(())
    }
}
