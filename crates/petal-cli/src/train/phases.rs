//! The one or two phases of a run: the whole network or a new last layer, then fine-tuning.

use std::path::Path;

use petal::applications::fine_tune_at;
use petal::data::{Dataset, ImageDataset};
use petal::model::Model;
use petal::training::callbacks::EarlyStopping;
use petal::training::{Adam, Fit, RMSprop, SparseCategoricalCrossentropy, Verbose};

use super::checkpoint::Checkpoint;
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::run_folder::{BEST, CHECKPOINT};
use crate::settings::Settings;

/// A run as far as its phases need it.
pub struct Run<'a> {
    pub settings: &'a Settings,
    pub data: &'a Data,
    pub folder: &'a Path,
    pub interrupt: Interrupt,
    pub verbose: Verbose,
}

impl Run<'_> {
    /// The model before the first epoch.
    ///
    /// # Errors
    /// If it cannot be built or has no weights.
    pub fn new_model(settings: &Settings, train: &ImageDataset) -> petal::Result<Model> {
        let mut model = settings.build(train.class_names().len())?;
        if let Some(fine_tuning) = &settings.fine_tuning {
            // Tried on a copy: a layer that isn't there should be known before hours of training.
            fine_tune_at(&mut model.clone(), fine_tuning.at)?;
        }
        model.compile(Adam::new(settings.learning_rate), SparseCategoricalCrossentropy::from_logits())?;
        model.set_class_names(train.class_names())?;
        model.set_preprocessing(train.preprocessing().clone())?;
        Ok(model)
    }

    /// Trains the model from where it is to the end, or until Ctrl-C.
    ///
    /// # Errors
    /// If a photo can no longer be read, or a file of the run cannot be read or written.
    pub fn train(&self, model: &mut Model) -> petal::Result<()> {
        if model.history().fine_tuning_starts().is_none() {
            self.fit(model, 0, self.settings.epochs)?;
        }
        let Some(fine_tuning) = &self.settings.fine_tuning else { return Ok(()) };
        if self.interrupt.came() {
            return Ok(());
        }
        if model.history().fine_tuning_starts().is_none() {
            fine_tune_at(model, fine_tuning.at)?;
            let optimizer = RMSprop::new(fine_tuning.learning_rate);
            model.compile(optimizer, SparseCategoricalCrossentropy::from_logits())?;
            model.save(self.folder.join(CHECKPOINT))?;
        }
        if self.verbose != Verbose::Silent {
            eprintln!("Fine-tuning from layer {} on", fine_tuning.at);
        }
        let before = model.history().fine_tuning_starts().unwrap_or_default();
        self.fit(model, before, before + fine_tuning.epochs)
    }

    /// Trains up to epoch `epochs` in a phase that began after `before` epochs.
    fn fit(&self, model: &mut Model, before: usize, epochs: usize) -> petal::Result<()> {
        let so_far = model.history().after(before);
        let mut fit = Fit::epochs(epochs)
            .initial_epoch(model.history().next_epoch())
            .validation(&self.data.validation)
            .verbose(self.verbose);
        if self.settings.balance_classes {
            fit = fit.class_weights(balanced_weights(&self.data.train));
        }
        if let Some(patience) = self.settings.early_stopping {
            let mut early_stopping = EarlyStopping::new()
                .monitor("val_accuracy")
                .patience(patience)
                .restore_best_weights(true)
                .verbose(true);
            let best = self.folder.join(BEST);
            // That of an earlier phase is none of this one's business.
            if !so_far.epochs().is_empty() && best.exists() {
                early_stopping = early_stopping.resume(&so_far, &Model::load(&best)?);
            }
            fit = fit.callback(early_stopping);
        }
        let checkpoint = Checkpoint::new(self.folder, self.settings.early_stopping.map(|_| &so_far));
        model.fit(&self.data.train, fit.callback(checkpoint).callback(self.interrupt))?;
        Ok(())
    }
}

/// Weights by which each class counts the same (scikit-learn's "balanced").
fn balanced_weights(train: &ImageDataset) -> Vec<f32> {
    let counts = train.class_counts();
    let (photos, classes) = (train.len() as f32, counts.len() as f32);
    counts.iter().map(|&count| photos / (classes * count.max(1) as f32)).collect()
}
