//! What calibration leaves in a model.

use super::Model;
use crate::calibration::Familiarity;
use crate::{Error, Result};

impl Model {
    /// What the model's logits are divided by before they become probabilities; 1 unless it was set.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// Sets what logits are divided by before they become probabilities, so that these are shares of right answers:
    /// [`Calibration::fit`](crate::calibration::Calibration::fit) finds it. A saved model keeps it, and so do exported
    /// ones that give probabilities. The outputs themselves, as [`predict`](Model::predict) gives them, and losses stay
    /// as they are, and [`fit`](Model::fit) makes it 1 again.
    ///
    /// ```
    /// use ndarray::array;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::new([2]);
    /// let mut model = Model::new(&x, &Activation::new(Function::Linear).on(&x)?)?;
    /// let probability = |model: &Model| model.predict_probabilities(array![[6.0, 0.0]].into_dyn().view());
    /// assert!(probability(&model)?[[0, 0]] > 0.99);
    /// model.set_temperature(3.0)?;
    /// assert!((probability(&model)?[[0, 0]] - 0.881).abs() < 1e-3);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it isn't a positive number, or the model gives probabilities instead of logits.
    pub fn set_temperature(&mut self, temperature: f32) -> Result<()> {
        if !temperature.is_normal() || temperature < 0.0 {
            return Err(Error::argument("temperature", temperature, "a number above 0"));
        }
        if temperature != 1.0 {
            self.check_logits()?;
        }
        self.temperature = temperature;
        Ok(())
    }

    /// How familiar the photos looked that the model was calibrated on; none unless it was set.
    pub fn familiarity(&self) -> Option<&Familiarity> {
        self.familiarity.as_ref()
    }

    /// Sets how familiar photos of the model's classes look, so that of others it can be said that it doesn't know
    /// them: [`Calibration::fit`](crate::calibration::Calibration::fit) finds it. A saved model keeps it, and
    /// [`fit`](Model::fit) forgets it.
    ///
    /// # Errors
    /// If the model gives probabilities instead of logits, or a file had numbers that cannot be.
    pub fn set_familiarity(&mut self, familiarity: Option<Familiarity>) -> Result<()> {
        if let Some(familiarity) = &familiarity {
            self.check_logits()?;
            if !familiarity.is_sound() {
                return Err(Error::argument("familiarity", "other numbers", "101 that rise"));
            }
        }
        self.familiarity = familiarity;
        Ok(())
    }

    /// Forgets what was measured of other weights.
    pub(crate) fn forget_calibration(&mut self) {
        self.temperature = 1.0;
        self.familiarity = None;
    }
}
