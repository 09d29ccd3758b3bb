use super::monitor::{Mode, Monitor, monitor_setters};
use super::{Callback, Logs, Training};
use crate::history::History;
use crate::model::Model;
use crate::{Error, Result};

/// Stops training when a figure no longer improves.
///
/// Defaults: monitors `val_loss`, [`Mode::Auto`], patience 0, no minimal improvement, no baseline, from the first
/// epoch, best weights not restored, says nothing.
///
/// As in Keras, the first epoch never stops a run, a value of NaN in the first epoch can never be beaten, and the best
/// weights are restored at the end of every run, whether or not this callback stopped it.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::EarlyStopping;
/// use petal::training::{Fit, SGD, SparseCategoricalCrossentropy, Verbose};
///
/// let x = Input::new([3]);
/// let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
/// model.compile(SGD::new(0.0), SparseCategoricalCrossentropy::from_logits())?;
/// let data = ArrayDataset::new(ndarray::Array2::ones((4, 3)), &[0, 1, 0, 1])?;
///
/// let mut early_stopping = EarlyStopping::new().patience(3).restore_best_weights(true);
/// let fit = Fit::epochs(100).validation(&data).callback(&mut early_stopping).verbose(Verbose::Silent);
/// let history = model.fit(&data, fit)?;
/// // Nothing improves at a learning rate of 0.
/// assert_eq!(history.epochs(), [0, 1, 2, 3]);
/// assert_eq!(early_stopping.stopped_epoch(), Some(3));
/// assert_eq!(early_stopping.best_epoch(), Some(0));
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    start_from_epoch: usize,
    restore_best_weights: bool,
    verbose: bool,
    wait: usize,
    best: Option<f64>,
    best_epoch: Option<usize>,
    best_weights: Option<Vec<f32>>,
    stopped_epoch: Option<usize>,
    earlier: Option<Earlier>,
}

/// What an interrupted run that is gone on with had seen.
#[derive(Clone, Debug)]
struct Earlier {
    history: History,
    /// The weights after an epoch, and its number.
    best: Option<(usize, Vec<f32>)>,
}

impl EarlyStopping {
    /// Stops at the first epoch whose `val_loss` is not better than the best before.
    #[expect(
        clippy::new_without_default,
        reason = "settings start as in Keras; `new` is how all callbacks begin"
    )]
    pub fn new() -> Self {
        EarlyStopping {
            monitor: Monitor::new(0.0),
            patience: 0,
            baseline: None,
            start_from_epoch: 0,
            restore_best_weights: false,
            verbose: false,
            wait: 0,
            best: None,
            best_epoch: None,
            best_weights: None,
            stopped_epoch: None,
            earlier: None,
        }
    }

    monitor_setters!(min_delta);

    /// The number of epochs without improvement that stops the run.
    pub fn patience(self, patience: usize) -> Self {
        EarlyStopping { patience, ..self }
    }

    /// Improvements above this (below, if the figure should rise) don't renew the patience.
    pub fn baseline(self, baseline: f64) -> Self {
        EarlyStopping { baseline: Some(baseline), ..self }
    }

    /// The first epoch to look at, from 0.
    pub fn start_from_epoch(self, start_from_epoch: usize) -> Self {
        EarlyStopping { start_from_epoch, ..self }
    }

    /// Whether the model has the best epoch's weights in the end, moving statistics too.
    pub fn restore_best_weights(self, restore_best_weights: bool) -> Self {
        EarlyStopping { restore_best_weights, ..self }
    }

    /// Whether to say on stderr what is done.
    pub fn verbose(self, verbose: bool) -> Self {
        EarlyStopping { verbose, ..self }
    }

    /// Goes on as if this callback had seen the epochs of `history`: the best value and the patience are what they were
    /// then, and where the patience was used up already no epoch is trained. An epoch whose value is NaN counts as one
    /// without the figure.
    ///
    /// With [`restore_best_weights`](Self::restore_best_weights), `best` is the model after the best epoch, as
    /// [`ModelCheckpoint::save_best_only`](super::ModelCheckpoint::save_best_only) keeps it; where that epoch is the
    /// history's last it is not needed, since the model that is trained on is the same. Training begins with an error
    /// if it is another epoch's.
    pub fn resume(self, history: &History, best: Option<&Model>) -> Self {
        let best = best.and_then(|best| Some((*best.history().epochs().last()?, best.arena().to_vec())));
        EarlyStopping { earlier: Some(Earlier { history: history.clone(), best }), ..self }
    }

    /// The epoch after which this callback stopped the last run, from 0.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }

    /// The last run's best epoch, from 0.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best_epoch
    }

    /// The last run's best value.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Counts an epoch; whether it is the best so far. Otherwise the patience may be used up, which ends the run.
    fn judge(&mut self, epoch: usize, value: f64, training: &mut Training<'_>) -> bool {
        self.wait += 1;
        let improved = self.monitor.improves(value, self.best);
        if improved {
            (self.best, self.best_epoch) = (Some(value), Some(epoch));
            if self.baseline.is_none() || self.monitor.improves(value, self.baseline) {
                self.wait = 0;
            }
        } else if self.wait >= self.patience && epoch > 0 {
            self.stopped_epoch = Some(epoch);
            training.stop();
        }
        improved
    }

    /// Judges the epochs of an interrupted run, up to the one that stops it.
    fn replay(&mut self, earlier: Earlier, training: &mut Training<'_>) -> Result<()> {
        let Earlier { history, best } = earlier;
        for (&epoch, &value) in history.epochs().iter().zip(history.series(&self.monitor.name)) {
            if epoch >= self.start_from_epoch && !value.is_nan() && self.stopped_epoch.is_none() {
                self.judge(epoch, value, training);
            }
        }
        let Some(best_epoch) = self.best_epoch.filter(|_| self.restore_best_weights) else { return Ok(()) };
        self.best_weights = match best {
            _ if history.epochs().last() == Some(&best_epoch) => Some(training.weights().to_vec()),
            Some((epoch, weights)) if epoch == best_epoch => Some(weights),
            other => {
                let given =
                    other.map_or("no model".into(), |(epoch, _)| format!("that of epoch {}", epoch + 1));
                return Err(Error::Training(format!(
                    "EarlyStopping goes on with a run whose best epoch is {}, and needs the model after it to restore \
                     its weights; it was given {given}",
                    best_epoch + 1
                )));
            }
        };
        Ok(())
    }

    fn keep_weights(&mut self, training: &Training<'_>) {
        if self.restore_best_weights {
            let kept = self.best_weights.get_or_insert_default();
            kept.clear();
            kept.extend_from_slice(training.weights());
        }
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.monitor.begin(training)?;
        (self.wait, self.best, self.best_epoch) = (0, None, None);
        (self.best_weights, self.stopped_epoch) = (None, None);
        match self.earlier.take() {
            Some(earlier) => self.replay(earlier, training),
            None => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        let Some(value) = self.monitor.value(logs, "EarlyStopping", training) else { return Ok(()) };
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.judge(epoch, value, training) {
            self.keep_weights(training);
        }
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        if let (Some(epoch), true) = (self.stopped_epoch, self.verbose) {
            training.say(&format!("Epoch {}: early stopping", epoch + 1));
        }
        if let (Some(weights), Some(epoch)) = (self.best_weights.take(), self.best_epoch) {
            if self.verbose {
                training
                    .say(&format!("Restoring model weights from the end of the best epoch: {}.", epoch + 1));
            }
            training.set_weights(&weights)?;
            training.model.history_mut().restore(epoch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::traces::{self, Trainee};
    use super::*;

    #[test]
    fn every_decision_is_that_of_keras() {
        for trace in traces::of("early_stopping") {
            let (case, config) = (trace["case"].as_str().unwrap(), &trace["config"]);
            let mut callback = EarlyStopping::new().verbose(true).mode(traces::mode(config));
            for (name, value) in config.as_object().unwrap() {
                let count = || value.as_u64().unwrap() as usize;
                callback = match name.as_str() {
                    "monitor" => callback.monitor(value.as_str().unwrap()),
                    "patience" => callback.patience(count()),
                    "min_delta" => callback.min_delta(traces::number(value)),
                    "baseline" => callback.baseline(traces::number(value)),
                    "start_from_epoch" => callback.start_from_epoch(count()),
                    "restore_best_weights" => callback.restore_best_weights(value.as_bool().unwrap()),
                    "mode" => callback,
                    other => panic!("{case} sets {other}"),
                };
            }
            let mut trainee = Trainee::new(0.1);
            trainee.run(|training| callback.on_train_begin(training)).unwrap();
            let values = trace["values"].as_array().unwrap();
            let mut epochs = 0;
            for (epoch, expected) in trace["epochs"].as_array().unwrap().iter().enumerate() {
                trainee.set_weight(epoch as f32);
                let mut logs = traces::logs_of(config, &values[epoch]);
                let stop = trainee
                    .run(|training| {
                        callback.on_epoch_end(epoch, &mut logs, training)?;
                        Ok(training.stop != super::super::Stop::Never)
                    })
                    .unwrap();
                assert_eq!(stop, expected["stop"].as_bool().unwrap(), "{case}: epoch {epoch}");
                assert_eq!(callback.wait as u64, expected["wait"].as_u64().unwrap(), "{case}: epoch {epoch}");
                traces::assert_same(callback.best, &expected["best"], case);
                epochs += 1;
            }
            assert_eq!(epochs, trace["epochs_run"].as_u64().unwrap());
            trainee.run(|training| callback.on_train_end(training)).unwrap();
            let or_0 = |epoch: Option<usize>| epoch.unwrap_or(0) as u64;
            assert_eq!(or_0(callback.stopped_epoch()), trace["stopped_epoch"].as_u64().unwrap(), "{case}");
            assert_eq!(or_0(callback.best_epoch()), trace["best_epoch"].as_u64().unwrap(), "{case}");
            let weights_of = trace["weights_of_epoch"].as_u64().unwrap();
            assert_eq!(trainee.weight(), weights_of as f32, "{case}");
            assert_eq!(trainee.text(), trace["text"].as_str().unwrap(), "{case}");
        }
    }

    #[test]
    fn a_figure_of_unknown_direction_is_refused_before_training() {
        let mut trainee = Trainee::new(0.1);
        let mut callback = EarlyStopping::new().monitor("val_f1");
        let error = trainee.run(|training| callback.on_train_begin(training)).unwrap_err().to_string();
        assert!(
            error.contains("val_f1") && error.contains("Mode::Max") && error.contains("accuracy"),
            "{error}"
        );
        let mut callback = callback.mode(Mode::Max);
        trainee.run(|training| callback.on_train_begin(training)).unwrap();
    }
}
