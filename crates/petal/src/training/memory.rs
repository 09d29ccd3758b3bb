//! The memory that a training takes, known before it is taken.

use crate::Result;
use crate::cpu::{Passes, Plan};
use crate::memory;
use crate::model::Model;
use crate::program::{Gradient, Mode};

impl Model {
    /// The memory in bytes that [`fit`](Model::fit) takes with batches of this many samples: layers' outputs and
    /// gradients in training and in validation, weights, and the optimizer's state (Adam's, before
    /// [`compile`](Model::compile)). What the data sets keep of their photos comes on top.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(64, 64, 3);
    /// let h = Flatten::new().on(&Conv2D::new(8, 3).on(&x)?)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&h)?)?;
    /// let [small, large] = [8, 32].map(|batch| model.training_memory(batch));
    /// // The images after the convolution, of 62 × 62 pixels with 8 channels, and their gradients.
    /// assert!(large - small >= 2 * (32 - 8) * 62 * 62 * 8 * 4);
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn training_memory(&self, batch: usize) -> usize {
        let plan = |(mode, gradient)| {
            let plan = Plan::new(self.loss_program(mode, gradient), batch, Passes::default());
            (plan.bytes(), plan.gradients.len)
        };
        let [(training, trainable), (validation, _)] =
            [(Mode::Train, Gradient::Weights), (Mode::Infer, Gradient::None)].map(plan);
        // Of Adam, its two moments.
        let slots = self.compiled.as_ref().map_or(2, |compiled| compiled.optimizer.slots());
        // The weights, and those of the last whole epoch.
        let floats = 2 * self.count_params() + slots * trainable;
        training.saturating_add(validation).saturating_add(floats * size_of::<f32>())
    }

    /// Refuses to train with batches of this many samples where there is too little memory for it. To be asked before
    /// hours of reading photos; [`fit`](Model::fit) asks by itself.
    ///
    /// # Errors
    /// If there is.
    pub fn check_training_memory(&self, batch: usize) -> Result<()> {
        if !self.runs_on_cpu() {
            // The engine says it when it loads the programs.
            return Ok(());
        }
        let what = || format!("training model '{}' in batches of {batch}", self.name());
        memory::check(self.training_memory(batch), what)
    }
}
