//! What is saved while a run goes on, so that it can be gone on with.

use std::path::{Path, PathBuf};

use petal::model::Model;
use petal::training::{Callback, History, Logs, Training};

use crate::run_folder::{BEST, CHECKPOINT, HISTORY_CSV, MODEL};

/// Saves all that is needed to go on after each epoch.
pub struct Checkpoint {
    file: PathBuf,
    history: PathBuf,
    /// Where early stopping's best model goes, and its val_accuracy.
    best: Option<(PathBuf, f64)>,
}

impl Checkpoint {
    /// Into the run's folder. `so_far` are the epochs that early stopping looks back on, if it is on.
    pub fn new(folder: &Path, so_far: Option<&History>) -> Self {
        let highest =
            |history: &History| history.get("val_accuracy").iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Checkpoint {
            file: folder.join(CHECKPOINT),
            history: folder.join(HISTORY_CSV),
            best: so_far.map(|history| (folder.join(BEST), highest(history))),
        }
    }

    fn save(&mut self, logs: &Logs, model: &Model) -> petal::Result<()> {
        if let (Some((file, best)), Some(&now)) = (&mut self.best, logs.get("val_accuracy"))
            && now > *best
        {
            model.save(file)?;
            *best = now;
        }
        model.save(&self.file)?;
        model.history().save(&self.history)
    }
}

impl Callback for Checkpoint {
    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        training: &mut Training<'_>,
    ) -> petal::Result<()> {
        // An epoch that Ctrl-C cut short is not one to go on after.
        if !training.is_cut_short()
            && let Err(error) = self.save(logs, training.model())
        {
            // What is learned is still in memory; the disk may have room again when it is saved in the end.
            training.say(&format!("\nwarning: no checkpoint of epoch {}: {error}", epoch + 1));
        }
        Ok(())
    }
}

/// The model as it was after the last finished epoch, or when fine-tuning began.
///
/// # Errors
/// If there is none to go on with.
pub fn read(folder: &Path) -> Result<Model, String> {
    let checkpoint = folder.join(CHECKPOINT);
    if checkpoint.exists() {
        return Model::load(&checkpoint).map_err(|error| error.to_string());
    }
    if folder.join(MODEL).exists() {
        return Err(format!("{} has ended; there is nothing to go on with", folder.display()));
    }
    Err(format!("{} has no finished epoch to go on from; start it anew", folder.display()))
}
