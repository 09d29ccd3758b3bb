//! How far to trust a model's probabilities.
//!
//! A network that has learned its training photos is surer than it is right. [`Calibration::fit`] finds the temperature
//! that its logits have to be divided by for its probabilities to be shares of right answers; [`Model::set_temperature`]
//! makes [`Model::classify`] and all that shows probabilities divide by it. No answer changes but in how sure it is.

mod familiarity;
mod interval;
mod mcnemar;
mod mean_interval;
mod ranking;
mod reliability;
mod temperature;

pub use familiarity::Familiarity;
pub(crate) use familiarity::familiarities;
pub use interval::share_interval;
pub use mcnemar::McNemar;
pub use mean_interval::mean_interval;
pub use ranking::{Ranking, RankingPoint, Rankings};
pub use reliability::{Bin, Reliability};
#[cfg(feature = "report")]
pub(crate) use reliability::{brier_score, log_loss};

use crate::data::Dataset;
use crate::model::Model;
use crate::{Error, Result};

/// The temperature of a model, and what it does for its probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// What logits are to be divided by; 1 where no other is better.
    pub temperature: f32,
    /// How far the probabilities of the logits themselves are right.
    pub before: Reliability,
    /// How far those of the divided logits are, on the photos that the temperature was fitted to.
    pub after: Reliability,
    /// How familiar these photos look to the model.
    pub familiarity: Option<Familiarity>,
}

impl Calibration {
    /// Finds the temperature that makes the cross-entropy of `data` with these class indices least (Guo et al. 2017), which has to be data that the
    /// model hasn't learned from: validation photos. The model stays as it is, and whatever temperature it has makes no
    /// difference.
    ///
    /// The temperature is 1 where the data says nothing of it: where every answer is right, or the answers are no better than
    /// guesses, no temperature is the best.
    ///
    /// ```
    /// use ndarray::array;
    /// use petal::calibration::Calibration;
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::new([2]);
    /// let mut model = Model::new(&x, &Activation::new(Function::Linear).on(&x)?)?;
    /// // Sure of all, and right in three of four.
    /// let data = ArrayDataset::new(array![[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [9.0, 0.0]], &[0, 0, 0, 1])?;
    /// let calibration = Calibration::fit(&model, &data, &[0, 0, 0, 1])?;
    /// model.set_temperature(calibration.temperature)?;
    /// assert!((model.classify(&data)?[[0, 0]] - 0.75).abs() < 1e-4);
    /// assert!(calibration.before.expected_error() > 0.24 && calibration.after.expected_error() < 1e-4);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the model gives probabilities instead of logits, the data is empty or of another shape than it takes, there isn't a
    /// label for each sample, a label is no class of the model, an output is no number, or a sample can no longer be read.
    pub fn fit(model: &Model, data: &dyn Dataset, labels: &[usize]) -> Result<Calibration> {
        model.check_logits()?;
        if data.is_empty() {
            return Err(Error::Data("the data set is empty; expected samples to calibrate on".into()));
        }
        let outputs = model.predict(data)?;
        let before = Reliability::new(&model.probabilities_at(outputs.clone(), 1.0)?, labels)?;
        let temperature = temperature::fit(&outputs, labels);
        let familiarity = Familiarity::new(familiarities(&outputs));
        let after = Reliability::new(&model.probabilities_at(outputs, temperature)?, labels)?;
        Ok(Calibration { temperature, before, after, familiarity })
    }

    /// Sets the temperature, and how familiar photos look, in the model that they were found for.
    ///
    /// # Errors
    /// As [`Model::set_temperature`].
    pub fn apply(&self, model: &mut Model) -> Result<()> {
        model.set_temperature(self.temperature)?;
        model.set_familiarity(self.familiarity.clone())
    }
}
