use std::fmt;

use super::{Callback, Logs, Training};
use crate::python_float::repr;
use crate::{Error, Result};

/// Sets the learning rate of each epoch by a function, and adds it to the logs as `learning_rate`.
///
/// The function gets the epoch's number, from 0, and the present rate. It replaces a schedule that the optimizer was
/// given. A [`CSVLogger`](super::CSVLogger) that is to write the rate must be added after this callback.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::LearningRateScheduler;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
/// let x = Input::new([2]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(0.5), MeanSquaredError::new())?;
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((4, 2)), ndarray::Array2::ones((4, 1)))?;
/// let scheduler = LearningRateScheduler::new(|epoch, rate| if epoch < 2 { rate } else { rate / 2.0 });
/// let history = model.fit(&data, Fit::epochs(4).callback(scheduler).verbose(Verbose::Silent))?;
/// assert_eq!(history.get("learning_rate")?, [0.5, 0.5, 0.25, 0.125]);
/// # Ok::<(), petal::Error>(())
/// ```
pub struct LearningRateScheduler<'a> {
    schedule: Box<dyn FnMut(usize, f32) -> f32 + 'a>,
    verbose: bool,
}

impl<'a> LearningRateScheduler<'a> {
    /// By this function.
    pub fn new(schedule: impl FnMut(usize, f32) -> f32 + 'a) -> Self {
        LearningRateScheduler { schedule: Box::new(schedule), verbose: false }
    }

    /// Whether to say each rate.
    pub fn verbose(self, verbose: bool) -> Self {
        LearningRateScheduler { verbose, ..self }
    }
}

impl fmt::Debug for LearningRateScheduler<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearningRateScheduler").field("verbose", &self.verbose).finish_non_exhaustive()
    }
}

impl Callback for LearningRateScheduler<'_> {
    fn on_epoch_begin(&mut self, epoch: usize, training: &mut Training<'_>) -> Result<()> {
        let rate = (self.schedule)(epoch, training.learning_rate());
        if !rate.is_finite() || rate < 0.0 {
            let found = format!("{rate} for epoch {epoch}");
            return Err(Error::argument("schedule", found, "a finite learning rate of at least 0"));
        }
        training.set_learning_rate(rate);
        if self.verbose {
            training.say(&format!(
                "\nEpoch {}: LearningRateScheduler setting learning rate to {}.",
                epoch + 1,
                repr(f64::from(rate))
            ));
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, _epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        logs.insert("learning_rate".into(), f64::from(training.learning_rate()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::traces::Trainee;
    use super::*;

    #[test]
    fn a_rate_that_is_none_ends_the_training() {
        let mut trainee = Trainee::new(0.1);
        let mut callback = LearningRateScheduler::new(|_, _| f32::NAN);
        let error = trainee.run(|training| callback.on_epoch_begin(3, training)).unwrap_err().to_string();
        assert!(error.contains("NaN for epoch 3"), "{error}");
    }

    #[test]
    fn each_rate_is_said_in_keras_words() {
        let mut trainee = Trainee::new(0.1);
        let mut callback = LearningRateScheduler::new(|_, rate| rate / 2.0).verbose(true);
        trainee.run(|training| callback.on_epoch_begin(4, training)).unwrap();
        assert_eq!(
            trainee.text(),
            "\nEpoch 5: LearningRateScheduler setting learning rate to 0.05000000074505806.\n"
        );
    }
}
