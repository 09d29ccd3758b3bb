//! The folder of a run.

use std::path::{Path, PathBuf};

/// The names of the files in a run's folder.
pub const MODEL: &str = "model.petal";
/// The model with the optimizer's state, after the last finished epoch; gone when the run has ended.
pub const CHECKPOINT: &str = "checkpoint.petal";
/// The model of the best epoch so far, where early stopping is on; gone when the run has ended.
pub const BEST: &str = "best.petal";
pub const HISTORY_CSV: &str = "history.csv";
pub const HISTORY_JSON: &str = "history.json";
pub const SETTINGS: &str = "settings.json";

/// Makes `output`, or `runs/PREFIXNAME-1`, `-2`… for photos in a folder of this name.
///
/// # Errors
/// If it cannot be made, or `output` holds a run already.
pub fn create(output: Option<&Path>, prefix: &str, photos: &Path) -> Result<PathBuf, String> {
    let cannot = |path: &Path, error: std::io::Error| format!("cannot create {}: {error}", path.display());
    if let Some(output) = output {
        if holds_run(output) {
            let resume = match output.join(CHECKPOINT).exists() {
                true => format!(", or go on with `petal train --resume {}`", output.display()),
                false => String::new(),
            };
            return Err(format!("{} holds a run already; choose another --output{resume}", output.display()));
        }
        std::fs::create_dir_all(output).map_err(|error| cannot(output, error))?;
        return Ok(output.to_owned());
    }
    let name = std::path::absolute(photos)
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "photos".into());
    let runs = Path::new("runs");
    std::fs::create_dir_all(runs).map_err(|error| cannot(runs, error))?;
    for number in 1.. {
        let folder = runs.join(format!("{prefix}{name}-{number}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot(&folder, error)),
        }
    }
    unreachable!("there are more numbers than folders")
}

/// Whether there are models in the folder.
fn holds_run(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|ending| ending == "petal"))
}

/// The model file that `path` means: itself, or the one in a run's folder.
pub fn model_file(path: &Path) -> PathBuf {
    let model = path.join(MODEL);
    if model.exists() { model } else { path.to_owned() }
}
