use std::fmt;

use super::{Callback, Logs, Training};
use crate::Result;

type OnTrain<'a> = Box<dyn FnMut(&mut Training<'_>) -> Result<()> + 'a>;
type OnEpoch<'a> = Box<dyn FnMut(usize, &mut Training<'_>) -> Result<()> + 'a>;
type OnBatch<'a> = Box<dyn FnMut(usize, &Logs, &mut Training<'_>) -> Result<()> + 'a>;
type OnEpochEnd<'a> = Box<dyn FnMut(usize, &mut Logs, &mut Training<'_>) -> Result<()> + 'a>;

/// A callback of closures, for what is needed once; each is called where [`Callback`]'s method of its name is.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::LambdaCallback;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
/// let x = Input::new([2]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(0.01), MeanSquaredError::new())?;
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((4, 2)), ndarray::Array2::ones((4, 1)))?;
/// let mut losses = Vec::new();
/// let callback = LambdaCallback::new().on_epoch_end(|_epoch, logs, _training| {
///     losses.push(logs["loss"]);
///     Ok(())
/// });
/// model.fit(&data, Fit::epochs(3).callback(callback).verbose(Verbose::Silent))?;
/// assert_eq!(losses.len(), 3);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Default)]
pub struct LambdaCallback<'a> {
    on_train_begin: Option<OnTrain<'a>>,
    on_epoch_begin: Option<OnEpoch<'a>>,
    on_batch_end: Option<OnBatch<'a>>,
    on_epoch_end: Option<OnEpochEnd<'a>>,
    on_train_end: Option<OnTrain<'a>>,
}

impl<'a> LambdaCallback<'a> {
    /// One that does nothing yet.
    pub fn new() -> Self {
        LambdaCallback::default()
    }

    /// Before the first epoch.
    pub fn on_train_begin(self, call: impl FnMut(&mut Training<'_>) -> Result<()> + 'a) -> Self {
        LambdaCallback { on_train_begin: Some(Box::new(call)), ..self }
    }

    /// Before an epoch, whose number comes first, from 0.
    pub fn on_epoch_begin(self, call: impl FnMut(usize, &mut Training<'_>) -> Result<()> + 'a) -> Self {
        LambdaCallback { on_epoch_begin: Some(Box::new(call)), ..self }
    }

    /// After a training step, whose number in its epoch comes first, from 0.
    pub fn on_batch_end(self, call: impl FnMut(usize, &Logs, &mut Training<'_>) -> Result<()> + 'a) -> Self {
        LambdaCallback { on_batch_end: Some(Box::new(call)), ..self }
    }

    /// After an epoch and its validation.
    pub fn on_epoch_end(
        self,
        call: impl FnMut(usize, &mut Logs, &mut Training<'_>) -> Result<()> + 'a,
    ) -> Self {
        LambdaCallback { on_epoch_end: Some(Box::new(call)), ..self }
    }

    /// After the last epoch.
    pub fn on_train_end(self, call: impl FnMut(&mut Training<'_>) -> Result<()> + 'a) -> Self {
        LambdaCallback { on_train_end: Some(Box::new(call)), ..self }
    }
}

impl fmt::Debug for LambdaCallback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaCallback").finish_non_exhaustive()
    }
}

impl Callback for LambdaCallback<'_> {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.on_train_begin.as_mut().map_or(Ok(()), |call| call(training))
    }

    fn on_epoch_begin(&mut self, epoch: usize, training: &mut Training<'_>) -> Result<()> {
        self.on_epoch_begin.as_mut().map_or(Ok(()), |call| call(epoch, training))
    }

    fn on_batch_end(&mut self, step: usize, logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        self.on_batch_end.as_mut().map_or(Ok(()), |call| call(step, logs, training))
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        self.on_epoch_end.as_mut().map_or(Ok(()), |call| call(epoch, logs, training))
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.on_train_end.as_mut().map_or(Ok(()), |call| call(training))
    }
}
