//! The one or two phases of a run: the whole network or a new last layer, then fine-tuning.

use std::path::Path;

use petal::applications::fine_tune_at;
use petal::model::Model;
use petal::plot::{augmentation_grid, photo_grid};
use petal::tensorboard::TensorBoard;
use petal::training::callbacks::EarlyStopping;
use petal::training::{Adam, Fit, RMSprop, SparseCategoricalCrossentropy, Verbose};

use crate::Failure;
use crate::checkpoint::{Checkpoint, Files};
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::run_folder::{HISTORY_CSV, RunFolder};
use crate::settings::Settings;
use crate::terminal::{say, warn};

/// The model with the optimizer's state, after the last finished epoch. It stays when the run has ended, so that more
/// epochs can be trained.
pub const CHECKPOINT: &str = "checkpoint.petal";
/// The model of the best epoch so far, where early stopping is on; gone when the run has ended, whose model it is.
pub const BEST: &str = "best.petal";
pub const PROGRESS: &str = "progress.json";

/// A run as far as its phases need it.
pub struct Run<'a> {
    pub settings: &'a Settings,
    pub data: &'a Data,
    pub folder: &'a mut RunFolder,
    pub interrupt: Interrupt,
    pub verbose: Verbose,
    /// The folder for what TensorBoard shows.
    pub tensorboard: Option<&'a Path>,
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
        model.compile(Adam::new(settings.learning_rate), SparseCategoricalCrossentropy::from_logits())?;
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
        let Some(fine_tuning) = &self.settings.fine_tuning else {
            return self.fit(model, 0, self.settings.epochs);
        };
        if model.history().fine_tuning_starts().is_none() {
            let progress = self.fit(model, 0, self.settings.epochs)?;
            if self.interrupt.came() {
                return Ok(progress);
            }
        }
        if model.history().fine_tuning_starts().is_none() {
            fine_tune_at(model, fine_tuning.at)?;
            let optimizer = RMSprop::new(fine_tuning.learning_rate);
            model.compile(optimizer, SparseCategoricalCrossentropy::from_logits())?;
            if let Err(error) = model.save(self.folder.join(CHECKPOINT)) {
                warn(format_args!("no checkpoint of the begin of fine-tuning: {error}"));
            }
        }
        if self.verbose != Verbose::Silent {
            say!("Fine-tuning from layer {} on", fine_tuning.at);
        }
        let before = model.history().fine_tuning_starts().unwrap_or_default();
        self.fit(model, before, before.saturating_add(fine_tuning.epochs))
    }

    /// Trains up to epoch `epochs` in a phase that began after `before` epochs.
    fn fit(&mut self, model: &mut Model, before: usize, epochs: usize) -> Result<Progress, Failure> {
        let so_far = model.history().after(before);
        let mut fit = Fit::epochs(epochs)
            .initial_epoch(model.history().next_epoch())
            .validation(&self.data.validation)
            .verbose(self.verbose);
        if self.settings.balance_classes {
            fit = fit.class_weights(self.data.train.balanced_class_weights());
        }
        let early_stopping = self.settings.early_stopping.map(|patience| {
            let stopping = EarlyStopping::new().monitor("val_accuracy").patience(patience);
            stopping.restore_best_weights(true).verbose(true)
        });
        if let Some(folder) = self.tensorboard {
            fit = fit.callback(tensorboard(self.data, model, folder)?);
        }
        let mut checkpoint = Checkpoint::new(self.folder, files(), early_stopping, &so_far)?;
        let fit = fit.callback(&mut checkpoint).callback(self.interrupt);
        if self.settings.fit_head && model.history().epochs().is_empty() {
            model.fit_head(&self.data.train, fit)?;
        } else {
            model.fit(&self.data.train, fit)?;
        }
        Ok(checkpoint.progress())
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
