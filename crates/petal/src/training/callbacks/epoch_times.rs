use std::time::Instant;

use super::{Callback, Logs, Training};
use crate::Result;

/// How long each epoch took, with its validation.
///
/// ```no_run
/// # use petal::prelude::*;
/// # let (mut model, train): (Model, ImageDataset) = todo!();
/// use petal::training::callbacks::EpochTimes;
/// let mut times = EpochTimes::new();
/// model.fit(&train, Fit::epochs(10).callback(&mut times))?;
/// println!("{:.1?} seconds", times.seconds());
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EpochTimes {
    begin: Option<Instant>,
    seconds: Vec<f64>,
}

impl EpochTimes {
    /// Of no epoch yet.
    pub fn new() -> Self {
        EpochTimes::default()
    }

    /// Goes on after epochs that took these seconds.
    pub fn resume(self, seconds: &[f64]) -> Self {
        EpochTimes { seconds: seconds.to_vec(), ..self }
    }

    /// The seconds of each epoch so far.
    pub fn seconds(&self) -> &[f64] {
        &self.seconds
    }
}

impl Callback for EpochTimes {
    fn on_epoch_begin(&mut self, _epoch: usize, _training: &mut Training<'_>) -> Result<()> {
        self.begin = Some(Instant::now());
        Ok(())
    }

    fn on_epoch_end(&mut self, _epoch: usize, _logs: &mut Logs, _training: &mut Training<'_>) -> Result<()> {
        self.seconds.extend(self.begin.take().map(|begin| begin.elapsed().as_secs_f64()));
        Ok(())
    }
}
