use std::path::Path;

use super::file_name::{FileName, Values};
use super::monitor::{Mode, Monitor, monitor_setters};
use super::{Callback, Logs, Training};
use crate::history::History;
use crate::saving::{Format, remove_unfinished};
use crate::{Error, Result};

/// Saves the model after each epoch, or after the best ones.
///
/// Defaults: monitors `val_loss`, [`Mode::Auto`], saves each epoch, says nothing.
///
/// The file's name says its kind, as for [`Model::save`](crate::model::Model::save), and may have placeholders in Python's
/// format, `{epoch}` (from 1), `{batch}` (from 1, with [`ModelCheckpoint::every_batches`]) and any value of the logs:
/// `runs/{epoch:02d}-{val_loss:.2f}.petal`. The folder is made where it is missing. As in Keras, the best value is kept from
/// one `fit` to the next, and an epoch
/// without the monitored figure is saved; an epoch that was cut short is not.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::ModelCheckpoint;
/// use petal::training::{Fit, SGD, SparseCategoricalCrossentropy, Verbose};
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().to_str().unwrap();
///
/// let x = Input::new([3]);
/// let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
/// model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits())?;
/// let data = ArrayDataset::new(ndarray::Array2::ones((4, 3)), &[0, 1, 0, 0])?;
///
/// let checkpoint = ModelCheckpoint::new(format!("{folder}/{{epoch:02d}}.petal")).monitor("loss").save_best_only(true);
/// model.fit(&data, Fit::epochs(2).callback(checkpoint).verbose(Verbose::Silent))?;
/// assert!(std::path::Path::new(folder).join("02.petal").exists());
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelCheckpoint {
    file: FileName,
    monitor: Monitor,
    save_best_only: bool,
    every_batches: Option<usize>,
    verbose: bool,
    best: Option<f64>,
    epoch: usize,
    batches: usize,
    /// What an interrupted run that is gone on with had seen.
    earlier: Option<History>,
}

impl ModelCheckpoint {
    /// Saves the model under this name after each epoch.
    pub fn new(file: impl Into<String>) -> Self {
        ModelCheckpoint {
            file: FileName::new(file),
            monitor: Monitor::new(0.0),
            save_best_only: false,
            every_batches: None,
            verbose: false,
            best: None,
            epoch: 0,
            batches: 0,
            earlier: None,
        }
    }

    monitor_setters!();

    /// Whether to save only where the figure is better than ever before.
    pub fn save_best_only(self, save_best_only: bool) -> Self {
        ModelCheckpoint { save_best_only, ..self }
    }

    /// What the first value must be better than to be saved.
    pub fn initial_value_threshold(self, threshold: f64) -> Self {
        ModelCheckpoint { best: Some(threshold), ..self }
    }

    /// Saves after this many training steps instead of after each epoch; the count goes on across epochs.
    pub fn every_batches(self, batches: usize) -> Self {
        ModelCheckpoint { every_batches: Some(batches), ..self }
    }

    /// Whether to say on stderr what is done.
    pub fn verbose(self, verbose: bool) -> Self {
        ModelCheckpoint { verbose, ..self }
    }

    /// Goes on as if this callback had seen the epochs of `history`: only what is better than the best of them is saved,
    /// and the steps until the next save are counted from the optimizer's first. An epoch whose value is NaN counts as
    /// one without the figure.
    pub fn resume(self, history: &History) -> Self {
        ModelCheckpoint { earlier: Some(history.clone()), ..self }
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    fn save(&mut self, batch: Option<usize>, logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        let epoch = self.epoch + 1;
        let path = self.file.fill(&Values { epoch, batch, logs })?;
        if self.is_due(&path, logs, training) {
            if let Some(folder) = Path::new(&path).parent() {
                std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            }
            training.model().save(&path)?;
            self.say(training, &format!("finished saving model to {path}"));
        }
        Ok(())
    }

    fn is_due(&mut self, path: &str, logs: &Logs, training: &mut Training<'_>) -> bool {
        if !self.save_best_only {
            self.say(training, &format!("saving model to {path}"));
            return true;
        }
        let name = self.monitor.name.clone();
        let Some(value) = self.monitor.value(logs, "ModelCheckpoint", training) else {
            return !training.is_cut_short();
        };
        let before = self.best.map_or("None".into(), five_digits);
        let improves = self.monitor.improves(value, self.best);
        if improves {
            self.best = Some(value);
            let value = five_digits(value);
            self.say(training, &format!("{name} improved from {before} to {value}, saving model to {path}"));
        } else {
            self.say(training, &format!("{name} did not improve from {before}"));
        }
        improves
    }

    fn say(&self, training: &mut Training<'_>, what: &str) {
        if self.verbose {
            training.say(&format!("\nEpoch {}: {what}", self.epoch + 1));
        }
    }
}

impl Callback for ModelCheckpoint {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if self.save_best_only {
            self.monitor.begin(training)?;
        }
        Format::of(Path::new(self.file.template()))?;
        if self.every_batches == Some(0) {
            return Err(Error::argument("every_batches", 0, "at least 1"));
        }
        if let Some(history) = self.earlier.take() {
            if self.save_best_only {
                for &value in history.series(&self.monitor.name) {
                    if !value.is_nan() && self.monitor.improves(value, self.best) {
                        self.best = Some(value);
                    }
                }
            }
            let steps = training.compiled().state.as_ref().map_or(0, |state| state.iterations);
            self.batches = self.every_batches.map_or(0, |every| (steps % every as u64) as usize);
        }
        // What a killed run left half written where the files go.
        if let Some(folder) = Path::new(self.file.template()).parent()
            && !folder.to_string_lossy().contains('{')
        {
            remove_unfinished(folder)?;
        }
        Ok(())
    }

    fn on_epoch_begin(&mut self, epoch: usize, _training: &mut Training<'_>) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_batch_end(&mut self, step: usize, logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        let Some(every) = self.every_batches else { return Ok(()) };
        self.batches += 1;
        if self.batches < every {
            return Ok(());
        }
        self.batches = 0;
        self.save(Some(step + 1), logs, training)
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        self.epoch = epoch;
        if self.every_batches.is_some() { Ok(()) } else { self.save(None, logs, training) }
    }
}

fn five_digits(value: f64) -> String {
    crate::python_float::fixed(value, 5)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::traces::{self, Trainee};
    use super::*;

    #[test]
    fn every_decision_is_that_of_keras() {
        for trace in traces::of("model_checkpoint") {
            let (case, config) = (trace["case"].as_str().unwrap(), &trace["config"]);
            let folder = tempfile::tempdir().unwrap();
            let root = format!("{}/", folder.path().display());
            let petal = |path: &str| path.replace(".keras", ".petal").replace(".weights.h5", ".petal");
            let file = root.clone() + &petal(config["filepath"].as_str().unwrap());
            let mut callback = ModelCheckpoint::new(file).verbose(true).mode(traces::mode(config));
            for (name, value) in config.as_object().unwrap() {
                callback = match name.as_str() {
                    "monitor" => callback.monitor(value.as_str().unwrap()),
                    "save_best_only" => callback.save_best_only(value.as_bool().unwrap()),
                    "save_freq" => callback.every_batches(value.as_u64().unwrap() as usize),
                    "initial_value_threshold" => callback.initial_value_threshold(traces::number(value)),
                    "filepath" | "save_weights_only" | "mode" => callback,
                    other => panic!("{case} sets {other}"),
                };
            }
            let mut trainee = Trainee::new(0.1);
            trainee.run(|training| callback.on_train_begin(training)).unwrap();
            let logs = trace["logs"].as_array().unwrap();
            for (epoch, (logs, expected)) in logs.iter().zip(trace["epochs"].as_array().unwrap()).enumerate()
            {
                let mut logs = traces::logs(logs);
                let loss = Logs::from([("loss".to_owned(), logs["loss"])]);
                trainee.run(|training| callback.on_epoch_begin(epoch, training)).unwrap();
                for batch in 0..trace["batches"].as_u64().unwrap() as usize {
                    trainee.run(|training| callback.on_batch_end(batch, &loss, training)).unwrap();
                }
                trainee.run(|training| callback.on_epoch_end(epoch, &mut logs, training)).unwrap();
                traces::assert_same(callback.best(), &expected["best"], case);
                let text = trainee.text().replace(&root, "");
                assert_eq!(text, petal(expected["text"].as_str().unwrap()), "{case}: epoch {epoch}");
            }
            let saves = trace["saves"].as_array().unwrap().iter();
            let expected: BTreeSet<_> = saves.map(|save| petal(save["path"].as_str().unwrap())).collect();
            for path in &expected {
                assert!(folder.path().join(path).is_file(), "{case}: {path}");
            }
            let in_one_folder =
                config["filepath"].as_str().unwrap().split_once('/').map_or("", |(runs, _)| runs);
            let saved = std::fs::read_dir(folder.path().join(in_one_folder)).unwrap().count();
            assert_eq!(saved, expected.len(), "{case}");
        }
    }

    #[test]
    fn a_name_with_another_ending_is_refused_before_training() {
        let error =
            Trainee::new(0.1).run(|training| ModelCheckpoint::new("best.tflite").on_train_begin(training));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("best.tflite") && error.contains(".petal"), "{error}");
    }

    #[test]
    fn an_epoch_that_was_cut_short_does_not_replace_the_best() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("best.petal");
        let mut callback = ModelCheckpoint::new(file.to_str().unwrap()).save_best_only(true);
        let mut trainee = Trainee::new(0.1);
        trainee.run(|training| callback.on_train_begin(training)).unwrap();
        let stopped = trainee.run(|training| {
            training.stop_now();
            callback.on_epoch_end(0, &mut Logs::from([("loss".into(), 1.0)]), training)
        });
        stopped.unwrap();
        assert!(!file.exists());
        assert_eq!(trainee.text(), "");
    }
}
