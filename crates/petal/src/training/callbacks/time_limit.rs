use std::time::{Duration, Instant};

use super::{Callback, Logs, Training};
use crate::Result;

/// Ends training after the last epoch that fits a time: when a further one, as long as the longest so far, would not.
///
/// The time begins when the callback is made, so it may include what comes before training. At least one epoch is
/// trained.
///
/// ```
/// use std::time::Duration;
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::TimeLimit;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
/// let x = Input::new([2]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(0.1), MeanSquaredError::new())?;
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((64, 2)), ndarray::Array2::ones((64, 1)))?;
/// let fit = Fit::epochs(9).callback(TimeLimit::new(Duration::ZERO)).verbose(Verbose::Silent);
/// assert_eq!(model.fit(&data, fit)?.epochs(), [0]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimeLimit {
    limit: Duration,
    begin: Instant,
    epoch: Instant,
    longest: Duration,
}

impl TimeLimit {
    /// From now on.
    pub fn new(limit: Duration) -> Self {
        let now = Instant::now();
        TimeLimit { limit, begin: now, epoch: now, longest: Duration::ZERO }
    }

    /// The time that is left.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.begin.elapsed())
    }
}

impl Callback for TimeLimit {
    fn on_epoch_begin(&mut self, _epoch: usize, _training: &mut Training<'_>) -> Result<()> {
        self.epoch = Instant::now();
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, _logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        self.longest = self.longest.max(self.epoch.elapsed());
        if self.longest > self.left() {
            training
                .say(&format!("Epoch {}: a further epoch would take longer than the time left", epoch + 1));
            training.stop();
        }
        Ok(())
    }
}
