//! One step of training: forward, loss, backward, update.

use super::evaluate::Totals;
use super::fit::OnGradients;
use super::together::{GradientSum, Together};
use crate::Result;
use crate::data::Batch;
use crate::model::Model;
use crate::profile::Profile;
use crate::program::{Engine, Gradient, Mode, Passes, Program, Run, Samples};

/// A model's program on an engine, and where its loss starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub number: usize,
    /// Whether the loss gets what the output's activation was applied to.
    pub on_logits: bool,
}

impl Loaded {
    /// # Errors
    /// If the engine cannot take it.
    pub fn new(engine: &mut dyn Engine, program: Program, batch: usize) -> Result<Self> {
        let on_logits = program.logits.is_some();
        Ok(Loaded { number: engine.load(program, batch)?, on_logits })
    }
}

/// What a step works with besides the batch.
pub(crate) struct Step<'a> {
    pub engine: &'a mut dyn Engine,
    pub program: Loaded,
    pub totals: &'a mut Totals,
    pub class_weights: Option<&'a [f32]>,
    /// By the samples' numbers.
    pub sample_weights: Option<&'a [f32]>,
    pub profile: Option<&'a Profile>,
    /// Those that have the other parts of the batch.
    pub together: &'a Together,
}

impl Step<'_> {
    /// Computes loss and metrics of a batch, and adds them to the totals. Returns the mean loss. In training both are
    /// those of all parts of the batch.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn forward(&mut self, run: Run<'_>, batch: &Batch, inputs: Samples<'_>) -> Result<f64> {
        self.engine.forward(self.program.number, run, inputs)?;
        let _loss = self.profile.map(|profile| profile.measure("loss and metrics"));
        let weights = [self.class_weights, self.sample_weights];
        self.totals.add(self.engine, self.program, run, batch, weights, self.together)
    }

    /// Goes back from the loss that [`forward`](Step::forward) has left, adds up the gradients of all ranks in `sum`, shows
    /// `hook` the gradients and the number of samples, and changes the weights by `update`, which gets the weights and the
    /// gradients.
    ///
    /// # Errors
    /// If the engine or the hook fails.
    pub fn backward(
        &mut self,
        run: Run<'_>,
        sum: &mut GradientSum,
        hook: Option<&mut OnGradients<'_>>,
        mut update: impl FnMut(&mut [f32], &[f32]),
    ) -> Result<()> {
        let program = self.program.number;
        if let Some(ranks) = self.together.ranks() {
            sum.begin(self.engine.gradients(program).len());
            let mut finished = |from: usize, last: &[f32]| sum.add(&**ranks, from, last);
            self.engine.backward_in_parts(program, run, &mut finished)?;
            let _wait = self.profile.map(|profile| profile.measure("wait for other ranks' gradients"));
            sum.finish(self.engine.gradients(program))?;
        } else {
            self.engine.backward(program, run)?;
        }
        let samples = self.totals.last_batch();
        if samples == 0 {
            return Ok(());
        }
        if let Some(hook) = hook {
            hook(self.engine.gradients(program), samples)?;
        }
        let _update = self.profile.map(|profile| profile.measure("optimizer"));
        self.engine.update(program, &mut update);
        Ok(())
    }
}

impl Model {
    /// The program whose loss is the compiled one; without one, whose output is all that counts.
    pub(crate) fn loss_program(&self, mode: Mode, gradient: Gradient) -> Program {
        self.for_loss(self.program(mode, gradient).simplify(Passes::default()))
    }

    /// The program as the loss reads it: before the last activation, if the loss is computed there.
    pub(crate) fn for_loss(&self, program: Program) -> Program {
        let on_logits = self.compiled.as_ref().is_none_or(|compiled| self.loss_on_logits(&compiled.loss));
        if on_logits { program } else { program.without_logits() }
    }

    /// A call on these samples.
    pub(crate) fn run<'a>(&self, samples: &'a [usize], epoch: usize) -> Run<'a> {
        Run { samples, epoch, seed: self.seed() }
    }
}
