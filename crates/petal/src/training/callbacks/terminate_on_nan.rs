use super::{Callback, Logs, Training};
use crate::Result;

/// Ends training after a step whose loss is NaN or infinite, without an error, as Keras' callback does.
///
/// `fit` ends such a training itself, with an error and with the weights of the last whole epoch; this callback is for
/// those who turn that off ([`Fit::terminate_on_nan`](crate::training::Fit::terminate_on_nan)). The weights stay as the
/// step has left them.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::TerminateOnNaN;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
/// let x = Input::new([2]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(1e30), MeanSquaredError::new())?;
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((64, 2)), ndarray::Array2::ones((64, 1)))?;
/// let fit = Fit::epochs(9).terminate_on_nan(false).callback(TerminateOnNaN::new()).verbose(Verbose::Silent);
/// assert_eq!(model.fit(&data, fit)?.epochs(), [0]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminateOnNaN(());

impl TerminateOnNaN {
    /// The callback; it has no settings.
    pub fn new() -> Self {
        TerminateOnNaN(())
    }
}

impl Callback for TerminateOnNaN {
    fn on_batch_end(&mut self, step: usize, _logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        if !training.batch_loss().is_finite() {
            training.say(&format!("Batch {step}: Invalid loss, terminating training"));
            training.stop_now();
        }
        Ok(())
    }
}
