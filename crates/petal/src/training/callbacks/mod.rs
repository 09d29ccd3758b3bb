//! What happens between epochs: early stopping, checkpoints, a falling learning rate, logs, and the user's own.
//!
//! Callbacks forget what they saw when a training begins. To go on with one that was interrupted, load the model that
//! was saved last and give its history to each callback's `resume`: the run then ends with the very weights, history
//! and files of one that was never interrupted. Add the [`ModelCheckpoint`] that keeps the last model after the other
//! callbacks, so that it saves what they did in its epoch.
//!
//! ```
//! use petal::data::ArrayDataset;
//! use petal::layers::*;
//! use petal::model::Model;
//! use petal::training::callbacks::{EarlyStopping, ModelCheckpoint, ReduceLROnPlateau};
//! use petal::training::{Fit, SGD, SparseCategoricalCrossentropy, Verbose};
//! # let folder = tempfile::tempdir().unwrap();
//! # let last = folder.path().join("last.petal").display().to_string();
//! # let x = Input::new([3]);
//! # let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
//! # model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits())?;
//! # let data = ArrayDataset::new(ndarray::Array2::ones((4, 3)), &[0, 1, 0, 0])?;
//! # model.fit(&data, Fit::epochs(1).callback(ModelCheckpoint::new(&last)).verbose(Verbose::Silent))?;
//!
//! let mut model = Model::load(&last)?;
//! let history = model.history().clone();
//! let fit = Fit::epochs(3)
//!     .initial_epoch(history.next_epoch())
//!     .callback(ReduceLROnPlateau::new().monitor("loss").resume(&history))
//!     .callback(EarlyStopping::new().monitor("loss").patience(5).resume(&history, None))
//!     .callback(ModelCheckpoint::new(&last));
//! model.fit(&data, fit.verbose(Verbose::Silent))?;
//! assert_eq!(model.history().epochs(), [0, 1, 2]);
//! # Ok::<(), petal::Error>(())
//! ```

mod backup_and_restore;
mod csv_logger;
mod early_stopping;
mod epoch_times;
mod file_name;
mod lambda_callback;
mod learning_rate_scheduler;
mod model_checkpoint;
mod monitor;
mod reduce_lr_on_plateau;
mod terminate_on_nan;
mod time_limit;
#[cfg(test)]
pub(crate) mod traces;

use std::fmt;
use std::io::Write;

pub use backup_and_restore::BackupAndRestore;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use epoch_times::EpochTimes;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::Mode;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use terminate_on_nan::TerminateOnNaN;
pub use time_limit::TimeLimit;

use crate::history::Logs;
use crate::metrics::Metric;
use crate::model::{Compiled, Model};
use crate::optimizers::LearningRate;
use crate::printable::printable_lines;
use crate::{Error, Result};

/// Something that takes part in training.
///
/// Callbacks run in the order in which they were added and share one [`Logs`], so what one adds the next sees, and
/// [`History`](super::History) keeps.
///
/// ```
/// use petal::training::{Callback, Logs, Training};
///
/// /// Stops as soon as the training accuracy is good enough.
/// struct StopAt(f64);
///
/// impl Callback for StopAt {
///     fn on_epoch_end(&mut self, _epoch: usize, logs: &mut Logs, training: &mut Training) -> petal::Result<()> {
///         if logs["accuracy"] >= self.0 {
///             training.stop();
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Callback {
    /// Before the first epoch.
    ///
    /// # Errors
    /// An error ends the training, here and below.
    fn on_train_begin(&mut self, _training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// Before epoch `epoch`, from 0.
    ///
    /// # Errors
    /// See [`Callback::on_train_begin`].
    fn on_epoch_begin(&mut self, _epoch: usize, _training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After training step `step` of the epoch, from 0; `logs` are the means of the epoch so far.
    ///
    /// # Errors
    /// See [`Callback::on_train_begin`].
    fn on_batch_end(&mut self, _step: usize, _logs: &Logs, _training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After step `step` of the validation, from 0. After [`Training::stop_now`] the validation gives no values.
    ///
    /// # Errors
    /// See [`Callback::on_train_begin`].
    fn on_test_batch_end(&mut self, _step: usize, _training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After epoch `epoch` (from 0) and its validation.
    ///
    /// # Errors
    /// See [`Callback::on_train_begin`].
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &mut Logs, _training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After the last epoch.
    ///
    /// # Errors
    /// See [`Callback::on_train_begin`].
    fn on_train_end(&mut self, _training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }
}

/// So that the state of a callback can be looked at after training: `.callback(&mut early_stopping)`.
impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_begin(training)
    }

    fn on_epoch_begin(&mut self, epoch: usize, training: &mut Training<'_>) -> Result<()> {
        (**self).on_epoch_begin(epoch, training)
    }

    fn on_batch_end(&mut self, step: usize, logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        (**self).on_batch_end(step, logs, training)
    }

    fn on_test_batch_end(&mut self, step: usize, training: &mut Training<'_>) -> Result<()> {
        (**self).on_test_batch_end(step, training)
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        (**self).on_epoch_end(epoch, logs, training)
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_end(training)
    }
}

/// When training ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    #[default]
    Never,
    /// After the epoch with its validation.
    AfterEpoch,
    /// After the current step.
    Now,
}

/// The running training, as callbacks see it.
pub struct Training<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) stop: Stop,
    /// Where callbacks say what they do.
    pub(crate) output: Box<dyn Write + 'a>,
    pub(crate) batch_loss: f64,
    /// The epoch to begin with.
    pub(crate) first_epoch: usize,
}

impl fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training")
            .field("model", &self.model)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl Training<'_> {
    /// The model as it is now.
    pub fn model(&self) -> &Model {
        self.model
    }

    /// Lends the model out, to look at it, to save it, to predict with it or to set its weights.
    ///
    /// # Errors
    /// If it comes back with other layers, compiled anew, or other weights of it train.
    pub fn lend<R>(&mut self, borrow: impl FnOnce(&mut Model) -> R) -> Result<R> {
        let trains = |model: &Model| match &model.compiled {
            Some(compiled) => (model.arena().len(), compiled.trainable.clone(), compiled.state.is_some()),
            None => (0, Vec::new(), false),
        };
        let before = trains(self.model);
        let outcome = borrow(self.model);
        if trains(self.model) == before {
            return Ok(outcome);
        }
        Err(Error::Training(
            "a callback has changed the model's layers or compiled it anew while it trains; do so after fit has ended"
                .into(),
        ))
    }

    /// Ends training after this epoch and its validation, as Keras' `stop_training = True`; before the first one, at
    /// once.
    pub fn stop(&mut self) {
        self.stop = self.stop.max(Stop::AfterEpoch);
    }

    /// Ends training after the current step, be it one of the training or of the validation.
    pub fn stop_now(&mut self) {
        self.stop = Stop::Now;
    }

    /// All of the model's weights, moving statistics too.
    pub fn weights(&self) -> &[f32] {
        self.model.arena()
    }

    /// Puts back what [`Training::weights`] gave.
    ///
    /// # Errors
    /// If these are not as many numbers as the model has weights.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        let own = self.model.arena_mut();
        if weights.len() != own.len() {
            return Err(Error::argument("weights", format!("{} numbers", weights.len()), own.len()));
        }
        own.copy_from_slice(weights);
        Ok(())
    }

    /// Goes on where this model was: its weights, the state of its optimizer, its history, and the epoch after its last
    /// one. Only before the first epoch.
    ///
    /// # Errors
    /// If it has other weights, another optimizer, or others of its weights train.
    pub(crate) fn restore(&mut self, backup: Model) -> Result<()> {
        let weights = |model: &Model| {
            let weights = model.graph().all_weights().into_iter();
            weights.map(|weight| (weight.path, weight.weight.shape.clone())).collect::<Vec<_>>()
        };
        let differs = |what: &str| Err(Error::Training(format!("{what} differ from those of this model")));
        if weights(self.model) != weights(&backup) {
            return differs("its weights");
        }
        let arena = backup.arena().to_vec();
        let history = backup.history().clone();
        let own = self.model.compiled.as_mut().expect("only compiled models are trained");
        match backup.compiled {
            Some(saved) if saved.optimizer.name() == own.optimizer.name() => {
                if saved.trainable != own.trainable {
                    return differs("the layers that train");
                }
                (own.optimizer, own.state) = (saved.optimizer, saved.state);
            }
            _ => return differs("the optimizer and its settings"),
        }
        self.first_epoch = history.next_epoch();
        *self.model.history_mut() = history;
        self.set_weights(&arena)
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f32 {
        self.model.learning_rate().unwrap_or(f32::NAN)
    }

    /// Replaces the learning rate, or its schedule, by this constant.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        if let Some(compiled) = &mut self.model.compiled {
            compiled.optimizer.set_learning_rate(LearningRate::Constant(learning_rate));
        }
    }

    /// The loss of the last batch alone; the logs have the mean over the epoch so far. NaN before the first batch.
    pub fn batch_loss(&self) -> f64 {
        self.batch_loss
    }

    /// The metrics that the model was compiled with.
    pub fn metrics(&self) -> &[Metric] {
        &self.compiled().metrics
    }

    /// Writes a line to [`Fit::output`](super::Fit::output), stderr by default, unless the run is [`Verbose::Silent`](super::Verbose::Silent). A line that begins with a
    /// line break leaves the epoch's progress bar as it is.
    pub fn say(&mut self, line: &str) {
        // A closed output is no reason to end the training.
        let _ = writeln!(self.output, "{}", printable_lines(line));
    }

    /// Whether the epoch ended early, in its training or in its validation.
    pub fn is_cut_short(&self) -> bool {
        self.stop == Stop::Now
    }

    pub(super) fn compiled(&self) -> &Compiled {
        self.model.compiled.as_ref().expect("only compiled models are trained")
    }
}
