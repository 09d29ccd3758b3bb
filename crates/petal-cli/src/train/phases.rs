//! The one or two phases of a run: the whole network or a new last layer, then fine-tuning.

use std::path::Path;

use petal::applications::fine_tune_at;
use petal::model::Model;
use petal::plot::{augmentation_grid, photo_grid};
use petal::tensorboard::TensorBoard;
use petal::training::callbacks::{EarlyStopping, TimeLimit};
use petal::training::{Fit, Verbose};

use super::duration;
use crate::Failure;
use crate::checkpoint::{Checkpoint, Files};
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::optimization::Algorithm;
use crate::progress::Progress;
use crate::ranks::Ranks;
use crate::run_folder::{HISTORY_CSV, RunFolder};
use crate::settings::{FineTuning, Recipe, Settings};
use crate::terminal::{say, warn};

/// The model with the optimizer's state, after the last finished epoch. It stays when the run has ended, so that more
/// epochs can be trained.
pub const CHECKPOINT: &str = "checkpoint.petal";
/// The model of the best epoch so far, where early stopping is on; gone when the run has ended, whose model it is.
pub const BEST: &str = "best.petal";
pub const PROGRESS: &str = "progress.json";

/// A run as far as its phases need it.
pub struct Run<'a> {
    pub settings: &'a mut Settings,
    pub data: &'a Data,
    /// Where to write; none for a rank that another one leads.
    pub folder: Option<&'a mut RunFolder>,
    pub ranks: &'a Ranks,
    pub interrupt: Interrupt,
    pub verbose: Verbose,
    /// The folder for what TensorBoard shows.
    pub tensorboard: Option<&'a Path>,
    pub time_limit: Option<TimeLimit>,
    /// Whether it was asked for more epochs than its learning rates were made for.
    pub has_grown: bool,
}

impl Run<'_> {
    /// The model before the first epoch.
    ///
    /// # Errors
    /// If it cannot be built or has no weights.
    pub fn new_model(settings: &Settings) -> petal::Result<Model> {
        let mut model = settings.build()?;
        if let Some(fine_tuning) = &settings.fine_tuning {
            // Tried on a copy: a layer that isn't there should be known before hours of training.
            fine_tune_at(&mut model.clone(), fine_tuning.at)?;
        }
        let optimizer = settings.optimization.optimizer(
            Algorithm::Adam,
            settings.learning_rate,
            1,
            settings.data.batch_size,
        );
        model.compile(optimizer, settings.loss())?;
        model.set_class_names(&settings.class_names)?;
        model.set_preprocessing(settings.data.preprocessing.clone())?;
        Ok(model)
    }

    /// Trains the model from where it is to the end, or until Ctrl-C. Returns how far it is then, and why it ended if
    /// Ctrl-C did not come.
    ///
    /// # Errors
    /// If a photo can no longer be read, or a file of the run cannot be read.
    pub fn train(&mut self, model: &mut Model) -> Result<Progress, Failure> {
        if model.history().fine_tuning_starts().is_none() {
            let Settings { epochs, learning_rate, .. } = *self.settings;
            let done = model.history().next_epoch();
            if done == 0 || self.has_grown {
                self.compile(model, Algorithm::Adam, learning_rate, epochs.saturating_sub(done))?;
            }
            let progress = self.fit(model, 0, epochs)?;
            self.interrupt.share(self.ranks)?;
            if self.interrupt.came() {
                return Ok(progress);
            }
            self.leave_out_what_takes_too_long(model)?;
            let Some(FineTuning { at, epochs, optimizer, learning_rate }) = self.settings.fine_tuning else {
                return Ok(progress);
            };
            fine_tune_at(model, at)?;
            self.compile(model, optimizer, learning_rate, epochs)?;
            self.save_begin(model);
        }
        let Some(FineTuning { at, epochs, optimizer, learning_rate }) = self.settings.fine_tuning else {
            return Err("the checkpoint is one of fine-tuning, which the run's settings lack".into());
        };
        let before = model.history().fine_tuning_starts().unwrap_or_default();
        let end = before.saturating_add(epochs);
        if self.has_grown && model.history().next_epoch() > before {
            self.compile(model, optimizer, learning_rate, end.saturating_sub(model.history().next_epoch()))?;
            self.save_begin(model);
        }
        if self.verbose != Verbose::Silent {
            say!("Fine-tuning from layer {at} on");
        }
        let progress = self.fit(model, before, end)?;
        self.interrupt.share(self.ranks)?;
        Ok(progress)
    }

    /// Begins to move the weights by learning rates for this many epochs.
    fn compile(
        &self,
        model: &mut Model,
        algorithm: Algorithm,
        rate: f32,
        epochs: usize,
    ) -> petal::Result<()> {
        let steps = duration::steps(&self.data.train).saturating_mul(epochs) as u64;
        let optimizer =
            self.settings.optimization.optimizer(algorithm, rate, steps, self.settings.data.batch_size);
        model.compile(optimizer, self.settings.loss())
    }

    /// Saves the model with an optimizer that has taken no step.
    fn save_begin(&self, model: &Model) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = model.save(folder.join(CHECKPOINT)) {
            warn(format_args!("no checkpoint of the begin of fine-tuning: {error}"));
        }
    }

    /// Plans only the epochs of fine-tuning for which the time is enough, as a step of it takes now.
    fn leave_out_what_takes_too_long(&mut self, model: &Model) -> Result<(), Failure> {
        let (Some(limit), Some(asked)) = (&self.time_limit, &mut self.settings.fine_tuning) else {
            return Ok(());
        };
        let epoch = duration::of_epoch(model, asked, self.data, self.ranks)?;
        let fitting = (limit.left().as_secs_f64() / epoch) as usize;
        let fitting = self.ranks.of_first(self.ranks.leads().then_some(fitting))?;
        if fitting >= asked.epochs {
            return Ok(());
        }
        if self.verbose != Verbose::Silent {
            say!(
                "{fitting} of {} epochs of fine-tuning fit into the time, at {epoch:.1} s each; the others are left out",
                asked.epochs
            );
        }
        asked.epochs = fitting;
        if fitting == 0 {
            self.settings.fine_tuning = None;
        }
        match &mut self.folder {
            Some(folder) => Ok(folder.write_settings(self.settings)?),
            None => Ok(()),
        }
    }

    /// Trains up to epoch `epochs` in a phase that began after `before` epochs.
    fn fit(&mut self, model: &mut Model, before: usize, epochs: usize) -> Result<Progress, Failure> {
        // The recipe's end is the best of all, be it a head without fine-tuning.
        let counted = if self.settings.recipe == Recipe::Auto { 0 } else { before };
        let so_far = model.history().after(counted);
        let early_stopping = self.settings.early_stopping.map(|patience| {
            let stopping = EarlyStopping::new().monitor("val_accuracy").patience(patience);
            stopping.restore_best_weights(true).verbose(true)
        });
        let mut checkpoint = match self.folder.as_deref_mut() {
            Some(folder) => Some(Checkpoint::new(folder, files(), early_stopping, &so_far)?),
            None => None,
        };
        let mut fit = Fit::epochs(epochs)
            .initial_epoch(model.history().next_epoch())
            .validation(&self.data.validation)
            .verbose(self.verbose);
        if self.settings.balance_classes {
            fit = fit.class_weights(self.data.train.balanced_class_weights());
        }
        if let Some(folder) = self.tensorboard {
            fit = fit.callback(tensorboard(self.data, model, folder)?);
        }
        if let Some(checkpoint) = &mut checkpoint {
            fit = fit.callback(checkpoint);
        }
        let mut fit = self.ranks.fit(fit.callback(self.interrupt));
        if let Some(limit) = self.time_limit.as_mut().filter(|_| self.ranks.leads()) {
            fit = fit.callback(limit);
        }
        if self.settings.fit_head && model.history().epochs().is_empty() {
            model.fit_head(&self.data.train, fit)?;
        } else {
            model.fit(&self.data.train, fit)?;
        }
        Ok(checkpoint.map(|checkpoint| checkpoint.progress()).unwrap_or_default())
    }
}

/// Curves, histograms and the confusion matrix of each epoch; photos and augmentations of the first.
fn tensorboard<'a>(data: &'a Data, model: &Model, folder: &Path) -> petal::Result<TensorBoard<'a>> {
    let mut tensorboard = TensorBoard::new(folder).histogram_freq(1).confusion_matrix(&data.validation);
    if model.history().epochs().is_empty() {
        tensorboard = tensorboard.figure("photos", photo_grid(&data.train, model.seed())?);
        if let Some(augmentation) = model.augmentation() {
            let figure = augmentation_grid(&data.train, &augmentation, model.seed())?;
            tensorboard = tensorboard.figure("augmentations", figure);
        }
    }
    Ok(tensorboard)
}

/// The files that a run keeps while it trains.
pub fn files() -> Files {
    Files {
        checkpoint: CHECKPOINT.into(),
        best: BEST.into(),
        history: HISTORY_CSV.into(),
        progress: PROGRESS.into(),
    }
}
