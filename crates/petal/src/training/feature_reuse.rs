//! What lies before the first layer that training changes is computed once for each sample.

use std::ops::ControlFlow;

use petal_kernels::Pixels;

use super::Training;
use crate::Result;
use crate::data::{Batch, Dataset, memory, prefetch};
use crate::model::plan::{Engine, Plan, Run};

/// The engine of a model, or of its layers from the first that changes on, with the features that come before them.
pub(super) struct Halves {
    frozen: Option<Frozen>,
    rest: Engine,
}

/// Layers that training doesn't change, and their outputs for the samples seen so far.
struct Frozen {
    engine: Engine,
    width: usize,
    features: Vec<f32>,
    targets: Vec<f32>,
    seen: Vec<bool>,
    /// Those that a whole pass over the data didn't give: they can no longer be read.
    lost: Vec<bool>,
}

impl Halves {
    /// # Errors
    /// If there is too little memory.
    pub(super) fn whole(plan: Plan) -> Result<Self> {
        Ok(Halves { frozen: None, rest: Engine::new(plan)? })
    }

    /// For the plans of [`Plan::split`]; none if there is no frozen part or its outputs for all of `data` would take
    /// too much memory.
    ///
    /// # Errors
    /// If there is too little memory for the engines.
    pub(super) fn new((frozen, rest): (Option<Plan>, Plan), data: &dyn Dataset) -> Result<Option<Self>> {
        let Some(frozen) = frozen else { return Ok(None) };
        let width = frozen.buffers[frozen.output].per_sample;
        let floats = data.len().saturating_mul(width);
        if floats.saturating_mul(size_of::<f32>()) > memory::total() / 8 {
            return Ok(None);
        }
        let frozen = Frozen {
            engine: Engine::new(frozen)?,
            width,
            features: vec![0.0; floats],
            targets: vec![0.0; data.len() * data.target_width()],
            seen: vec![false; data.len()],
            lost: vec![false; data.len()],
        };
        Ok(Some(Halves { frozen: Some(frozen), rest: Engine::new(rest)? }))
    }

    /// Calls `step` with the batches of `data` in this order, and with what the engine takes as its input.
    pub(super) fn each(
        &mut self,
        data: &dyn Dataset,
        order: &[usize],
        training: &mut Training<'_>,
        mut step: impl FnMut(&mut Training<'_>, &mut Engine, &Batch, Pixels<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let rest = &mut self.rest;
        let Some(frozen) = &mut self.frozen else {
            return prefetch(data, order, |batch| step(training, rest, batch, (&batch.inputs).into()));
        };
        if order.iter().all(|&sample| frozen.seen[sample] || frozen.lost[sample]) {
            let features = Features { data, frozen, shape: [frozen.width] };
            return prefetch(&features, order, |batch| step(training, rest, batch, (&batch.inputs).into()));
        }
        let mut is_whole = true;
        prefetch(data, order, |batch| {
            // No random numbers are drawn before the cut, so the epoch doesn't matter.
            let run = Run { samples: &batch.samples, epoch: 0 };
            frozen.engine.forward(run, &batch.inputs, training.model.arena_mut());
            frozen.keep(batch);
            let flow = step(training, rest, batch, frozen.engine.output(batch.len()).into())?;
            is_whole &= flow.is_continue();
            Ok(flow)
        })?;
        if is_whole {
            order.iter().for_each(|&sample| frozen.lost[sample] = !frozen.seen[sample]);
        }
        Ok(())
    }
}

impl Frozen {
    /// Keeps what the engine has just computed for this batch.
    fn keep(&mut self, batch: &Batch) {
        let target_width = batch.targets.len() / batch.len().max(1);
        let features = self.engine.output(batch.len()).chunks_exact(self.width.max(1));
        for ((&sample, features), row) in batch.samples.iter().zip(features).zip(0..) {
            self.features[sample * self.width..][..self.width].copy_from_slice(features);
            let targets = &batch.targets[row * target_width..][..target_width];
            self.targets[sample * target_width..][..target_width].copy_from_slice(targets);
            self.seen[sample] = true;
        }
    }
}

/// A data set whose samples are features.
struct Features<'a> {
    data: &'a dyn Dataset,
    frozen: &'a Frozen,
    shape: [usize; 1],
}

impl Dataset for Features<'_> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn batch_size(&self) -> usize {
        self.data.batch_size()
    }

    fn sample_shape(&self) -> &[usize] {
        &self.shape
    }

    fn target_width(&self) -> usize {
        self.data.target_width()
    }

    fn class_names(&self) -> &[String] {
        self.data.class_names()
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        self.data.order(epoch)
    }

    fn load(&self, samples: &[usize], batch: &mut Batch) -> Result<()> {
        let (width, target_width) = (self.frozen.width, self.target_width());
        batch.samples.clear();
        batch.samples.extend(samples.iter().filter(|&&sample| self.frozen.seen[sample]));
        let inputs = batch.inputs.floats_mut();
        inputs.clear();
        batch.targets.clear();
        for &sample in &batch.samples {
            inputs.extend_from_slice(&self.frozen.features[sample * width..][..width]);
            let targets = &self.frozen.targets[sample * target_width..][..target_width];
            batch.targets.extend_from_slice(targets);
        }
        Ok(())
    }
}
