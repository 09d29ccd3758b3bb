//! `petal train --resume`: what a run goes on with.

use std::path::Path;

use petal::model::Model;

use super::phases::{BEST, CHECKPOINT, PROGRESS, Run};
use crate::args::Train;
use crate::optimization::Schedule;
use crate::photo_folder::absolute;
use crate::photo_list::PhotoList;
use crate::progress::{Ended, Progress};
use crate::run_folder::{MODEL, PHOTOS, RunFolder, SETTINGS};
use crate::sets::{Folder, Validation};
use crate::settings::{self, Recipe, Settings};
use crate::terminal::{say, warn};
use crate::{Failure, photo_folder};

/// An earlier run.
pub struct Resumed {
    pub folder: RunFolder,
    pub settings: Settings,
    /// As it was after the last finished epoch; new if there is none.
    pub model: Model,
    /// Whether it was asked for more epochs than its learning rates, which change, were made for.
    pub has_grown: bool,
    pub photos: PhotoList,
}

impl Resumed {
    /// The run in this folder, with the numbers of epochs that these arguments ask for. Writes nothing.
    ///
    /// # Errors
    /// If the folder isn't one of a run, there is nothing to train, or the photos are others.
    pub fn open(folder: &Path, args: &Train) -> Result<Self, Failure> {
        let folder = RunFolder::resume(folder, &settings::command())?;
        let settings: Option<Settings> = folder.read(SETTINGS)?;
        let mut settings = settings.ok_or_else(|| format!("{SETTINGS} has vanished"))?;
        if settings.fine_tuning.is_none() && args.fine_tune_epochs.is_some() {
            return Err(format!(
                "--fine-tune-epochs has no effect: {} was begun without --fine-tune-at",
                folder.path().display()
            )
            .into());
        }
        let planned = epochs(&settings);
        let progress: Progress = folder.read(PROGRESS)?.unwrap_or_default();
        let model = read_checkpoint(&folder)?;
        if let Some(model) = &model {
            take_epochs(&mut settings, args, model, &progress, folder.path())?;
        } else {
            settings.epochs = args.epochs.unwrap_or(settings.epochs);
            if let (Some(fine_tuning), Some(epochs)) = (&mut settings.fine_tuning, args.fine_tune_epochs) {
                fine_tuning.epochs = epochs;
            }
        }
        let data = &mut settings.data;
        data.memory_budget_mib = args.photos.memory_budget.or(data.memory_budget_mib);
        if let Some(moved) = &args.directory {
            data.sets.move_to(absolute(&photo_folder::find(Some(moved))?)?);
        }
        if let Some(moved) = &args.sets.validation {
            let Validation::Folder(validation) = &mut data.sets.validation else {
                let folder = folder.path().display();
                return Err(format!(
                    "--validation has no effect: {folder} validates on a share of its photos"
                )
                .into());
            };
            *validation = absolute(&photo_folder::find(Some(moved))?)?;
        }
        if let Some(moved) = &args.sets.test {
            let Some(Folder(test)) = &mut data.sets.test else {
                return Err(format!(
                    "--test has no effect: {} was begun without a test set",
                    folder.path().display()
                )
                .into());
            };
            *test = absolute(&photo_folder::find(Some(moved))?)?;
        }
        let done = model.as_ref().map_or(0, |model| model.history().epochs().len());
        let (photos, difference) = PhotoList::of_run(&settings.data, &settings.class_names, &folder)?;
        match difference {
            Some(problem) if !args.accept_changed_data => {
                return Err(format!("{problem}. Put them back, or go on with --accept-changed-data").into());
            }
            Some(problem) => {
                warn(problem);
                settings.photos_changed_after.push(done);
            }
            None => {}
        }
        let model = match model {
            Some(model) => model,
            None => {
                if !args.quiet {
                    say!("{} has no finished epoch; it begins anew", folder.path().display());
                }
                Run::new_model(&settings)?
            }
        };
        let has_grown = settings.optimization.schedule != Schedule::Constant && epochs(&settings) != planned;
        Ok(Resumed { folder, settings, model, has_grown, photos })
    }

    /// Says in the run's folder that it goes on.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&mut self) -> petal::Result<()> {
        let progress = self.folder.join(PROGRESS);
        if let Ok(Some(mut so_far)) = self.folder.read::<Progress>(PROGRESS) {
            so_far.ended = None;
            so_far.save(&progress)?;
        }
        self.folder.write(PHOTOS, self.photos.to_csv())?;
        self.folder.write_settings(&self.settings)
    }
}

/// The epochs before fine-tuning, and those of it.
fn epochs(settings: &Settings) -> (usize, Option<usize>) {
    (settings.epochs, settings.fine_tuning.as_ref().map(|fine_tuning| fine_tuning.epochs))
}

/// The model after the last finished epoch, or when fine-tuning began; none if no epoch was finished.
fn read_checkpoint(folder: &RunFolder) -> Result<Option<Model>, Failure> {
    let checkpoint = folder.join(CHECKPOINT);
    if checkpoint.exists() {
        return Ok(Some(Model::load(&checkpoint)?));
    }
    let model = folder.join(MODEL);
    // Ctrl-C in the first epoch leaves a model, too; only a finished epoch is validated.
    let validated =
        |model: Model| model.history().series("val_accuracy").iter().any(|value| value.is_finite());
    let finished = |path: &Path| path.exists() && Model::load(path).is_ok_and(validated);
    if finished(&model) || finished(&folder.join(BEST)) {
        return Err(format!(
            "{}, which keeps the optimizer's state, is gone: the run cannot be gone on with; train anew",
            checkpoint.display()
        )
        .into());
    }
    Ok(None)
}

/// Takes over the numbers of epochs.
///
/// # Errors
/// If they change nothing, or there is nothing left to train.
fn take_epochs(
    settings: &mut Settings,
    args: &Train,
    model: &Model,
    progress: &Progress,
    folder: &Path,
) -> Result<(), String> {
    let folder = folder.display();
    let history = model.history();
    let done = history.epochs().len();
    let head = history.fine_tuning_starts();
    let recipe = settings.recipe == Recipe::Auto;
    if let (true, Some(fine_tuning), Some(all)) = (recipe, &mut settings.fine_tuning, args.epochs) {
        if all < done {
            return Err(format!(
                "--epochs is {all}, but {folder} has done {done} epochs already; give a larger number"
            ));
        }
        fine_tuning.epochs = all.saturating_sub(settings.epochs);
    } else if let Some(epochs) = args.epochs.filter(|&epochs| epochs != settings.epochs) {
        if let Some(head) = head {
            return Err(format!(
                "--epochs has no effect: {folder} is in fine-tuning, which began after {head} epochs; what can be \
                 changed is --fine-tune-epochs"
            ));
        }
        if epochs < done {
            return Err(format!(
                "--epochs is {epochs}, but {folder} has done {done} epochs already; give a larger number"
            ));
        }
        settings.epochs = epochs;
    }
    let tuned = head.map_or(0, |head| done - head);
    if let (Some(fine_tuning), Some(epochs)) = (&mut settings.fine_tuning, args.fine_tune_epochs) {
        if epochs < tuned {
            return Err(format!(
                "--fine-tune-epochs is {epochs}, but {folder} has done {tuned} epochs of fine-tuning already; give a \
                 larger number"
            ));
        }
        fine_tuning.epochs = epochs;
    }
    let (option, done, asked) = match &settings.fine_tuning {
        Some(fine_tuning) => ("--fine-tune-epochs", tuned, fine_tuning.epochs),
        None => ("--epochs", done, settings.epochs),
    };
    match progress.ended {
        Some(Ended::EarlyStopping) => Err(format!(
            "early stopping has ended {folder} after epoch {}; there is nothing to go on with",
            history.next_epoch()
        )),
        Some(Ended::AllEpochs) if asked <= done => Err(format!(
            "{folder} has ended after epoch {}; it goes on with {option} larger than {done}",
            history.next_epoch()
        )),
        _ => Ok(()),
    }
}
