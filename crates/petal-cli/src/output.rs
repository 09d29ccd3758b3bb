//! Where a run is written: looked at before the photos are read, made when training can begin.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use petal::data::OUTPUT_MARK;

use crate::run_folder::{PHOTOS, RunFolder, how_to_resume};

/// The folder of all runs for which no other was named.
const RUNS: &str = "runs";

/// A place for a run that nothing else is in.
pub enum Output {
    /// The folder that was named.
    Named(PathBuf),
    /// The first free one of `runs/NAME-1`, `-2` …
    Numbered(String),
}

impl Output {
    /// `output`, or `runs/PREFIXNAME-1`, `-2`… for photos in a folder of this name. Leaves nothing behind.
    ///
    /// # Errors
    /// If nothing can be written there, or `output` holds a run or other files.
    pub fn new(output: Option<&Path>, prefix: &str, photos: &Path) -> Result<Self, String> {
        let output = match output {
            Some(folder) => {
                check_free(folder)?;
                Output::Named(folder.to_owned())
            }
            None => {
                let name = photos.file_name().unwrap_or("photos".as_ref()).to_string_lossy();
                Output::Numbered(format!("{prefix}{name}"))
            }
        };
        let folder = match &output {
            Output::Named(folder) => folder,
            Output::Numbered(_) => Path::new(RUNS),
        };
        check_writable(folder)?;
        Ok(output)
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// As [`Output::new`], or if another run was faster.
    pub fn claim(self) -> Result<RunFolder, String> {
        let stem = match self {
            Output::Named(folder) => {
                fs::create_dir_all(&folder).map_err(|error| cannot(&folder, error))?;
                let locked = RunFolder::lock(&folder)?;
                check_free(&folder)?;
                return Ok(locked);
            }
            Output::Numbered(stem) => stem,
        };
        let runs = make_runs()?;
        for number in 1.. {
            let folder = runs.join(format!("{stem}-{number}"));
            match fs::create_dir(&folder) {
                Ok(()) => return RunFolder::lock(&folder),
                // One that was killed before it began.
                Err(_) if check_free(&folder).is_ok() => {
                    if let Ok(folder) = RunFolder::lock(&folder) {
                        return Ok(folder);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot(&folder, error)),
            }
        }
        unreachable!("there are more numbers than folders")
    }
}

/// Makes the folder of all runs. Where photos are trained from their own folder it lies among the classes, and its mark
/// says that it is none.
///
/// # Errors
/// If it cannot be made.
pub fn make_runs() -> Result<PathBuf, String> {
    let runs = PathBuf::from(RUNS);
    if !runs.exists() {
        let made = fs::create_dir_all(&runs).and_then(|()| fs::write(runs.join(OUTPUT_MARK), ""));
        made.map_err(|error| cannot(&runs, error))?;
    }
    Ok(runs)
}

/// Refuses a folder with files in it; hidden ones don't count.
fn check_free(folder: &Path) -> Result<(), String> {
    if folder.exists() && !folder.is_dir() {
        return Err(format!("--output {} is a file; name a new folder", folder.display()));
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // The list of photos alone is of a run that was killed before it began.
    names.retain(|name| !name.starts_with('.') && name != PHOTOS);
    names.sort();
    let Some(first) = names.first() else { return Ok(()) };
    let folder_name = folder.display();
    if let Some(resume) = how_to_resume(folder) {
        return Err(format!(
            "{folder_name} holds a run already; choose another --output, or go on with it: {resume}"
        ));
    }
    if names.iter().any(|name| name.ends_with(".petal")) {
        return Err(format!("{folder_name} holds a run already; choose another --output"));
    }
    let more = match names.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Err(format!(
        "{folder_name} holds other files ({first}{more}); choose a new or an empty folder as --output"
    ))
}

/// Refuses a folder that nothing can be written into. Leaves nothing behind.
pub fn check_writable(folder: &Path) -> Result<(), String> {
    try_to_write(folder).map_err(|error| cannot(folder, error))
}

/// Makes the folder with a file in it, and takes away again what wasn't there.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|above| *above != Path::new("") && !above.exists()).collect();
    let mark = folder.join(OUTPUT_MARK);
    let made = fs::create_dir_all(folder).and_then(|()| match mark.exists() {
        true => fs::File::options().append(true).open(&mark).map(drop),
        false => fs::write(&mark, "").and_then(|()| fs::remove_file(&mark)),
    });
    for folder in missing {
        let _ = fs::remove_dir(folder);
    }
    made
}

fn cannot(folder: &Path, error: io::Error) -> String {
    format!("cannot write into {}: {error}; choose another --output", folder.display())
}
