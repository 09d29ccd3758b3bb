//! What is saved while a training goes on, so that it can be gone on with after any end.

use std::path::Path;
use std::time::Instant;

use petal::model::Model;
use petal::training::callbacks::EarlyStopping;
use petal::training::{Callback, History, Logs, Training};

use crate::progress::{Ended, Progress};
use crate::run_folder::RunFolder;
use crate::terminal::warn;

/// The names of the files that a training keeps.
#[derive(Clone, Debug)]
pub struct Files {
    /// The model with the optimizer's state, after the last finished epoch.
    pub checkpoint: String,
    /// The model of the best epoch so far, where early stopping is on; only as long as the training goes on.
    pub best: String,
    pub history: String,
    pub progress: String,
}

/// Saves all that is needed to go on after each epoch, and counts the epochs without improvement.
///
/// The checkpoint comes first: if it is of the best epoch, the best model needs no other file.
pub struct Checkpoint<'a> {
    folder: &'a mut RunFolder,
    files: Files,
    early_stopping: Option<EarlyStopping>,
    progress: Progress,
    begin: Instant,
    /// The model of the best epoch, where early stopping is on.
    best: Option<Model>,
    best_is_saved: bool,
    /// The model after an epoch that could not be saved.
    unsaved: Option<Model>,
    /// What was last said of it.
    said: Option<String>,
}

impl<'a> Checkpoint<'a> {
    /// In this folder; `so_far` are the epochs that early stopping, if it is on, looks back on.
    ///
    /// # Errors
    /// If a file of the training that is gone on with cannot be read.
    pub fn new(
        folder: &'a mut RunFolder,
        files: Files,
        early_stopping: Option<EarlyStopping>,
        so_far: &History,
    ) -> Result<Self, crate::Failure> {
        let best = folder.join(&files.best);
        let best = match early_stopping.is_some() && !so_far.epochs().is_empty() && best.exists() {
            true => Some(Model::load(&best)?),
            false => None,
        };
        let progress = folder.read(&files.progress)?.unwrap_or_default();
        Ok(Checkpoint {
            folder,
            files,
            early_stopping: early_stopping.map(|stopping| stopping.resume(so_far, best.as_ref())),
            progress,
            begin: Instant::now(),
            best,
            best_is_saved: true,
            unsaved: None,
            said: None,
        })
    }

    /// How far the training is, and why it ended, if Ctrl-C did not come.
    pub fn progress(&self) -> Progress {
        let stopped = self.early_stopping.as_ref().and_then(EarlyStopping::stopped_epoch);
        let ended = if stopped.is_some() { Ended::EarlyStopping } else { Ended::AllEpochs };
        Progress { ended: Some(ended), ..self.progress.clone() }
    }

    fn save_epoch(&mut self, model: &Model) -> petal::Result<()> {
        let made_again = self.folder.make_again();
        if let Ok(true) = made_again {
            warn(format_args!("{} had vanished and was made again", self.folder.path().display()));
            self.best_is_saved = false;
        }
        let saved = model.save(self.folder.join(&self.files.checkpoint));
        self.note_best(model);
        let saved = saved.and_then(|()| self.save_best());
        self.unsaved = saved.is_err().then(|| model.clone());
        made_again?;
        saved?;
        model.history().save(self.folder.join(&self.files.history))?;
        self.progress.save(&self.folder.join(&self.files.progress))
    }

    /// Keeps the model if it is the one that early stopping would go back to.
    fn note_best(&mut self, model: &Model) {
        let best = self.early_stopping.as_ref().and_then(EarlyStopping::best_epoch);
        if best.is_some() && best.as_ref() == model.history().epochs().last() {
            let mut model = model.clone();
            // It is not gone on with, and without that it is a third as large.
            model.forget_optimizer_state();
            (self.best, self.best_is_saved) = (Some(model), false);
        }
    }

    fn save_best(&mut self) -> petal::Result<()> {
        if let Some(best) = self.best.as_ref().filter(|_| !self.best_is_saved) {
            best.save(self.folder.join(&self.files.best))?;
            self.best_is_saved = true;
        }
        Ok(())
    }

    /// Moves to another folder if what could not be saved still cannot.
    fn rescue(&mut self) -> petal::Result<()> {
        let Some(unsaved) = self.unsaved.take() else { return Ok(()) };
        let (files, progress, best) = (&self.files, &self.progress, &self.best);
        let write = |folder: &Path| -> petal::Result<()> {
            unsaved.save(folder.join(&files.checkpoint))?;
            if let Some(best) = best {
                best.save(folder.join(&files.best))?;
            }
            unsaved.history().save(folder.join(&files.history))?;
            progress.save(&folder.join(&files.progress))
        };
        if write(self.folder.path()).is_err() {
            self.folder.rescue(write)?;
        }
        Ok(())
    }
}

impl Callback for Checkpoint<'_> {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> petal::Result<()> {
        if let Some(stopping) = &mut self.early_stopping {
            stopping.on_train_begin(training)?;
        }
        // It may have been killed between the checkpoint and the best model.
        self.note_best(training.model());
        // If that fails, it is tried again after the epoch.
        let _ = self.save_best();
        Ok(())
    }

    fn on_epoch_begin(&mut self, _epoch: usize, _training: &mut Training<'_>) -> petal::Result<()> {
        self.begin = Instant::now();
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        training: &mut Training<'_>,
    ) -> petal::Result<()> {
        if let Some(stopping) = &mut self.early_stopping {
            stopping.on_epoch_end(epoch, logs, training)?;
        }
        // An epoch that Ctrl-C cut short is not one to go on after.
        if training.is_cut_short() {
            return Ok(());
        }
        self.progress.seconds.push(self.begin.elapsed().as_secs_f64());
        let said = match self.save_epoch(training.model()) {
            Ok(()) => None,
            Err(error) => Some(error.to_string()),
        };
        match (&said, &self.said) {
            (Some(problem), before) if before.as_ref() != Some(problem) => warn(format_args!(
                "no checkpoint of epoch {}: {problem}. Training goes on, and saving is tried again after each epoch",
                epoch + 1
            )),
            (None, Some(_)) => {
                warn(format_args!("the checkpoint of epoch {} could be saved again", epoch + 1))
            }
            _ => {}
        }
        self.said = said;
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> petal::Result<()> {
        if let Err(error) = self.rescue() {
            warn(format_args!("no checkpoint could be saved anywhere: {error}"));
        }
        match &mut self.early_stopping {
            Some(stopping) => stopping.on_train_end(training),
            None => Ok(()),
        }
    }
}
