use super::monitor::{Mode, Monitor, monitor_setters};
use super::{Callback, Logs, Training};
use crate::python_float::repr;
use crate::training::{History, LearningRate};
use crate::{Error, Result};

/// Lowers the learning rate when a figure no longer improves, and adds the rate to the logs as `learning_rate`.
///
/// Defaults: monitors `val_loss`, [`Mode::Auto`], factor 0.1, patience 10, minimal improvement 1e-4, no cool-down, down
/// to a learning rate of 0, says nothing.
///
/// The rate in the logs is the one that the epoch ended with, before it is lowered. A [`CSVLogger`](super::CSVLogger)
/// that is to write it must be added after this callback.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::ReduceLROnPlateau;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
///
/// let x = Input::new([3]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(1e-30), MeanSquaredError::new())?;
/// let data = ArrayDataset::new(ndarray::Array2::ones((4, 3)), &[0, 1, 0, 1])?;
///
/// let reduce = ReduceLROnPlateau::new().monitor("loss").factor(0.5).patience(2);
/// let history = model.fit(&data, Fit::epochs(5).callback(reduce).verbose(Verbose::Silent))?;
/// let rate = f64::from(1e-30_f32);
/// assert_eq!(history.series("learning_rate"), [rate, rate, rate, rate / 2.0, rate / 2.0]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    verbose: bool,
    best: Option<f64>,
    wait: usize,
    cooldown_left: usize,
    /// What an interrupted run that is gone on with had seen.
    earlier: Option<History>,
}

impl ReduceLROnPlateau {
    /// Multiplies the rate by 0.1 after 10 epochs in which `val_loss` did not fall by more than 1e-4.
    #[expect(
        clippy::new_without_default,
        reason = "settings start as in Keras; `new` is how all callbacks begin"
    )]
    pub fn new() -> Self {
        ReduceLROnPlateau {
            monitor: Monitor::new(1e-4),
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_lr: 0.0,
            verbose: false,
            best: None,
            wait: 0,
            cooldown_left: 0,
            earlier: None,
        }
    }

    monitor_setters!(min_delta);

    /// What the rate is multiplied by, less than 1.
    pub fn factor(self, factor: f64) -> Self {
        ReduceLROnPlateau { factor, ..self }
    }

    /// The number of epochs without improvement that lowers the rate.
    pub fn patience(self, patience: usize) -> Self {
        ReduceLROnPlateau { patience, ..self }
    }

    /// The number of epochs after a reduction in which epochs without improvement don't count.
    pub fn cooldown(self, cooldown: usize) -> Self {
        ReduceLROnPlateau { cooldown, ..self }
    }

    /// The lowest rate.
    pub fn min_lr(self, min_lr: f64) -> Self {
        ReduceLROnPlateau { min_lr, ..self }
    }

    /// Whether to say on stderr what is done.
    pub fn verbose(self, verbose: bool) -> Self {
        ReduceLROnPlateau { verbose, ..self }
    }

    /// Goes on as if this callback had seen the epochs of `history`: patience and cool-down are what they were then, and
    /// the learning rate becomes that of the epoch after them. An epoch whose value is NaN counts as one without the
    /// figure.
    pub fn resume(self, history: &History) -> Self {
        ReduceLROnPlateau { earlier: Some(history.clone()), ..self }
    }

    /// Counts an epoch that ended with this learning rate; the lower one that follows, if its time has come.
    fn judge(&mut self, value: f64, rate: f64) -> Option<f64> {
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.wait = 0;
        }
        if self.monitor.improves(value, self.best) {
            self.best = Some(value);
            self.wait = 0;
            return None;
        }
        if self.cooldown_left > 0 {
            return None;
        }
        self.wait += 1;
        if self.wait < self.patience || rate <= f64::from(self.min_lr as f32) {
            return None;
        }
        self.cooldown_left = self.cooldown;
        self.wait = 0;
        Some((rate * self.factor).max(self.min_lr))
    }

    fn replay(&mut self, history: &History, training: &mut Training<'_>) {
        // An epoch has no rate in its history where the model was saved before this callback had its turn.
        let present = f64::from(training.learning_rate());
        let rates = history.series("learning_rate");
        let mut next = present;
        for (i, &value) in history.series(&self.monitor.name).iter().enumerate() {
            let rate = rates.get(i).copied().filter(|rate| rate.is_finite()).unwrap_or(present);
            let lower = if value.is_nan() { None } else { self.judge(value, rate) };
            next = lower.unwrap_or(rate);
        }
        training.set_learning_rate(next as f32);
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.monitor.begin(training)?;
        if !(0.0..1.0).contains(&self.factor) {
            return Err(Error::argument("factor", self.factor, "a number of at least 0 and less than 1"));
        }
        if !self.min_lr.is_finite() || self.min_lr < 0.0 {
            return Err(Error::argument("min_lr", self.min_lr, "a finite number of at least 0"));
        }
        if !matches!(training.compiled().optimizer.learning_rate(), LearningRate::Constant(_)) {
            return Err(Error::Training(
                "ReduceLROnPlateau cannot lower a learning rate that follows a schedule; compile with a number".into(),
            ));
        }
        (self.best, self.wait, self.cooldown_left) = (None, 0, 0);
        if let Some(history) = self.earlier.take() {
            self.replay(&history, training);
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        let rate = f64::from(training.learning_rate());
        logs.insert("learning_rate".into(), rate);
        let Some(value) = self.monitor.value(logs, "ReduceLROnPlateau", training) else { return Ok(()) };
        if let Some(reduced) = self.judge(value, rate) {
            training.set_learning_rate(reduced as f32);
            if self.verbose {
                let (epoch, rate) = (epoch + 1, repr(reduced));
                training
                    .say(&format!("\nEpoch {epoch}: ReduceLROnPlateau reducing learning rate to {rate}."));
            }
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
        for trace in traces::of("reduce_lr_on_plateau") {
            let (case, config) = (trace["case"].as_str().unwrap(), &trace["config"]);
            let mut callback = ReduceLROnPlateau::new().verbose(true).mode(traces::mode(config));
            for (name, value) in config.as_object().unwrap() {
                callback = match name.as_str() {
                    "monitor" => callback.monitor(value.as_str().unwrap()),
                    "patience" => callback.patience(value.as_u64().unwrap() as usize),
                    "cooldown" => callback.cooldown(value.as_u64().unwrap() as usize),
                    "factor" => callback.factor(traces::number(value)),
                    "min_lr" => callback.min_lr(traces::number(value)),
                    "min_delta" => callback.min_delta(traces::number(value)),
                    "mode" => callback,
                    other => panic!("{case} sets {other}"),
                };
            }
            let mut trainee = Trainee::new(traces::number(&trace["learning_rate"]));
            trainee.run(|training| callback.on_train_begin(training)).unwrap();
            let epochs = trace["epochs"].as_array().unwrap();
            for (epoch, (value, expected)) in
                trace["values"].as_array().unwrap().iter().zip(epochs).enumerate()
            {
                let mut logs = traces::logs_of(config, value);
                let rate = trainee
                    .run(|training| {
                        callback.on_epoch_end(epoch, &mut logs, training)?;
                        Ok(training.learning_rate())
                    })
                    .unwrap();
                let at = format!("{case}: epoch {epoch}");
                assert_eq!(logs["learning_rate"], traces::number(&expected["logged"]), "{at}");
                assert_eq!(f64::from(rate), traces::number(&expected["learning_rate"]), "{at}");
                assert_eq!(callback.wait as u64, expected["wait"].as_u64().unwrap(), "{at}");
                assert_eq!(callback.cooldown_left as u64, expected["cooldown"].as_u64().unwrap(), "{at}");
                traces::assert_same(callback.best, &expected["best"], &at);
                assert_eq!(trainee.text(), expected["text"].as_str().unwrap(), "{at}");
            }
        }
    }

    #[test]
    fn what_cannot_work_is_refused_before_training() {
        let mut trainee = Trainee::new(0.1);
        let error = trainee.run(|training| ReduceLROnPlateau::new().factor(1.0).on_train_begin(training));
        assert!(error.unwrap_err().to_string().contains("factor is 1"));
        let mut trainee = Trainee::new(LearningRate::cosine_decay(0.1, 10));
        let error = trainee.run(|training| ReduceLROnPlateau::new().on_train_begin(training));
        assert!(error.unwrap_err().to_string().contains("schedule"));
    }
}
