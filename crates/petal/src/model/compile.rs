use super::Model;
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optimizers::{LearningRate, Optimizer, State};
use crate::{Error, Result};

/// What [`Model::compile`] sets: the optimizer with its state, the loss and the metrics.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(crate) optimizer: Optimizer,
    pub(crate) loss: Loss,
    pub(crate) metrics: Vec<Metric>,
    /// Made at the first training step, as in Keras.
    pub(crate) state: Option<State>,
    /// Which weights trained when the model was compiled.
    pub(crate) trainable: Vec<bool>,
}

impl Model {
    /// Sets how the model is trained. Weights stay as they are; the optimizer starts anew.
    ///
    /// The metric is [`Metric::Accuracy`]; set others with [`Model::metrics`]. What `trainable` says now holds until
    /// the next `compile`.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::training::{Adam, SparseCategoricalCrossentropy};
    /// let x = Input::new([4]);
    /// let mut model = Model::new(&x, &Dense::new(3).on(&x)?)?;
    /// model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a setting of the optimizer, its schedule or the loss is out of its range.
    pub fn compile(&mut self, optimizer: impl Into<Optimizer>, loss: impl Into<Loss>) -> Result<()> {
        let (optimizer, loss) = (optimizer.into(), loss.into());
        optimizer.check()?;
        loss.check_settings()?;
        self.compiled = Some(Compiled {
            optimizer,
            loss,
            metrics: vec![Metric::Accuracy],
            state: None,
            trainable: self.trainable_flags(),
        });
        Ok(())
    }

    /// Whether [`compile`](Model::compile) has set how the model is trained, before it was saved perhaps.
    pub fn is_compiled(&self) -> bool {
        self.compiled.is_some()
    }

    /// The loss of a compiled model.
    pub fn loss(&self) -> Option<&Loss> {
        self.compiled.as_ref().map(|compiled| &compiled.loss)
    }

    /// Replaces the metrics of a compiled model.
    ///
    /// # Errors
    /// If the model isn't compiled: [`compile`](Model::compile) sets the metrics, too.
    pub fn metrics(&mut self, metrics: impl Into<Vec<Metric>>) -> Result<()> {
        let Some(compiled) = &mut self.compiled else {
            let problem = format!("model '{}' isn't compiled; call compile before metrics", self.name());
            return Err(Error::Training(problem));
        };
        compiled.metrics = metrics.into();
        Ok(())
    }

    /// The learning rate of the next step; none of a model that isn't compiled.
    pub fn learning_rate(&self) -> Option<f32> {
        let compiled = self.compiled.as_ref()?;
        let iterations = compiled.state.as_ref().map_or(0, |state| state.iterations);
        Some(compiled.optimizer.learning_rate().at(iterations))
    }

    /// Replaces the learning rate of a compiled model, or its schedule, by this constant; what the optimizer has gathered
    /// stays.
    ///
    /// # Errors
    /// If the model isn't compiled, or the rate is negative or no number.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        let Some(compiled) = &mut self.compiled else {
            let problem =
                format!("model '{}' isn't compiled; call compile before set_learning_rate", self.name());
            return Err(Error::Training(problem));
        };
        let mut optimizer = compiled.optimizer.clone();
        optimizer.set_learning_rate(LearningRate::Constant(learning_rate));
        optimizer.check()?;
        compiled.optimizer = optimizer;
        Ok(())
    }

    /// The number of values that the optimizer keeps; 0 before the first training step.
    pub fn optimizer_params(&self) -> usize {
        self.compiled.as_ref().and_then(|compiled| compiled.state.as_ref()).map_or(0, State::count_params)
    }

    /// Drops what the optimizer has gathered, as if no step had been taken: a saved model is a third as large without
    /// Adam's. Training can still go on, with a fresh optimizer.
    pub fn forget_optimizer_state(&mut self) {
        if let Some(compiled) = &mut self.compiled {
            compiled.state = None;
        }
    }

    pub(crate) fn trainable_flags(&self) -> Vec<bool> {
        self.graph().all_weights().iter().map(|weight| weight.trainable).collect()
    }
}
