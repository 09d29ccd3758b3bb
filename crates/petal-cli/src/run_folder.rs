//! The folder of a run: its files, and that only one program writes into it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use petal::data::OUTPUT_MARK;
use petal::saving::{remove_unfinished, write_atomically};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::terminal::warn;

/// The names of the files in a run's folder.
pub const MODEL: &str = "model.petal";
pub const HISTORY_CSV: &str = "history.csv";
pub const HISTORY_JSON: &str = "history.json";
/// What took how long, where that was asked for.
pub const TRACE: &str = "trace.json";
/// What was asked for. A folder that has it is a run's.
pub const SETTINGS: &str = "settings.json";
/// The photos' names and sizes when the run began.
pub const PHOTOS: &str = "photos.csv";

/// A run's folder, which no other program writes into as long as this value lives.
pub struct RunFolder {
    path: PathBuf,
    /// Goes with the program, however that ends. None where the file system knows no locks.
    _lock: Option<File>,
    /// What was written of the run itself, to be written again where the folder has to be made anew.
    documents: Vec<(&'static str, Vec<u8>)>,
    /// Whether the run is no longer where it was asked to be.
    rescued: bool,
}

impl RunFolder {
    /// A folder that exists and that another run isn't at work in.
    ///
    /// # Errors
    /// If there is one, or nothing can be written there.
    pub fn lock(path: &Path) -> Result<Self, String> {
        let lock = lock(path)?;
        // Those of a program that was killed.
        remove_unfinished(path).map_err(|error| error.to_string())?;
        Ok(RunFolder { path: path.to_owned(), _lock: lock, documents: Vec::new(), rescued: false })
    }

    /// The folder of a run of `command` that is to be gone on with.
    ///
    /// # Errors
    /// If it isn't one, or another program is at work in it.
    pub fn resume(path: &Path, command: &str) -> Result<Self, String> {
        let settings = path.join(SETTINGS);
        let text = fs::read_to_string(&settings).map_err(|error| {
            format!(
                "{} is not the folder of a run, which --resume goes on with: {}: {error}",
                path.display(),
                settings.display()
            )
        })?;
        match command_of(&text).unwrap_or_else(|| command.to_owned()) {
            other if other != command => Err(format!(
                "`petal {other} --resume {}` goes on with what is in this folder",
                path.display()
            )),
            _ => RunFolder::lock(path),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Whether the run is elsewhere than it was asked to be.
    pub fn is_rescued(&self) -> bool {
        self.rescued
    }

    /// Writes one of the documents that make the folder a run's.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, file: &'static str, bytes: Vec<u8>) -> petal::Result<()> {
        self.documents.retain(|(name, _)| *name != file);
        write_atomically(self.join(file), |out| out.write_all(&bytes))?;
        self.documents.push((file, bytes));
        Ok(())
    }

    /// Writes the settings, which the folder is known by.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_settings(&mut self, settings: &impl Serialize) -> petal::Result<()> {
        let mut text = serde_json::to_vec_pretty(settings).expect("settings are plain data");
        text.push(b'\n');
        self.write(SETTINGS, text)
    }

    /// A document as it was written; none if there is no such file.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn read<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, String> {
        let path = self.join(file);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Makes the folder again if it has vanished; whether it had.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make_again(&mut self) -> petal::Result<bool> {
        if self.join(SETTINGS).exists() || self.documents.is_empty() {
            return Ok(false);
        }
        self.make()?;
        Ok(true)
    }

    fn make(&mut self) -> petal::Result<()> {
        let create = |source| petal::Error::Io { action: "create", path: self.path.clone(), source };
        fs::create_dir_all(&self.path).map_err(create)?;
        self._lock = lock(&self.path).map_err(petal::Error::Training)?;
        for (file, bytes) in &self.documents {
            write_atomically(self.join(file), |out| out.write_all(bytes))?;
        }
        Ok(())
    }

    /// Goes on in a new folder elsewhere, below the present or the system's temporary folder, into which `write` can
    /// write what would be lost, and says so.
    ///
    /// # Errors
    /// `write`'s own if it can write nowhere.
    pub fn rescue(&mut self, mut write: impl FnMut(&Path) -> petal::Result<()>) -> petal::Result<()> {
        let name = self.path.file_name().unwrap_or("run".as_ref()).to_string_lossy().into_owned();
        let mut last = None;
        for place in [PathBuf::new(), std::env::temp_dir()] {
            let free = (1..).map(|number| place.join(format!("{name}-rescued-{number}")));
            let path =
                free.into_iter().find(|path| !path.exists()).expect("there are more numbers than folders");
            let documents = self.documents.clone();
            let mut elsewhere = RunFolder { path, _lock: None, documents, rescued: true };
            match elsewhere.make().and_then(|()| write(&elsewhere.path)) {
                Ok(()) => {
                    let resume = how_to_resume(&elsewhere.path).unwrap_or_default();
                    warn(format_args!(
                        "nothing can be written into {}, so the run is saved in {} instead; it can be moved, and {resume} \
                         goes on with it",
                        self.path.display(),
                        elsewhere.path.display()
                    ));
                    *self = elsewhere;
                    return Ok(());
                }
                Err(error) => {
                    // Made by this program a moment ago.
                    let _ = fs::remove_dir_all(&elsewhere.path);
                    last = Some(error);
                }
            }
        }
        Err(last.expect("two places were tried"))
    }
}

/// Marks the folder as one of Petal's and keeps others out.
fn lock(folder: &Path) -> Result<Option<File>, String> {
    let cannot = |error| format!("cannot write into {}: {error}", folder.display());
    let file = File::options().create(true).truncate(false).write(true).open(folder.join(OUTPUT_MARK));
    let file = file.map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another petal is at work in {}; wait until it has ended, or choose another --output",
            folder.display()
        )),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The command whose run these settings are of.
fn command_of(settings: &str) -> Option<String> {
    let settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    settings.get("command")?.as_str().map(str::to_owned)
}

/// The command that goes on with the run in this folder, if it holds one.
pub fn how_to_resume(folder: &Path) -> Option<String> {
    let settings = fs::read_to_string(folder.join(SETTINGS)).ok()?;
    let command = command_of(&settings).unwrap_or_else(|| "train".into());
    Some(format!("`petal {command} --resume {}`", folder.display()))
}

/// The model file that `path` means: itself, or the one in a run's folder.
pub fn model_file(path: &Path) -> PathBuf {
    let model = path.join(MODEL);
    if model.exists() { model } else { path.to_owned() }
}

/// The folder of the run that this model is of, as far as it is one's.
pub fn of_model(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    folder.join(SETTINGS).exists().then(|| folder.to_owned())
}

/// The run's name, where it is one's model, or the file's without its ending.
pub fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let in_run = path.file_name().is_some_and(|name| name == MODEL);
    let name = match path.parent() {
        Some(folder) if in_run => folder.file_name(),
        _ if path.is_dir() => path.file_name(),
        _ => path.file_stem(),
    };
    name.map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
}
