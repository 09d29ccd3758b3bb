//! What lies before the first layer that training changes is computed once for each sample.

use std::ops::ControlFlow;

use super::Training;
use super::step::Loaded;
use super::together::Together;
use crate::Result;
use crate::data::{Batch, Dataset, measured_prefetch};
use crate::memory;
use crate::program::{Engine, Program, Samples};

/// The engine of a model, or of its layers from the first that changes on, with the features that come before them.
pub(super) struct Halves {
    frozen: Option<Frozen>,
    rest: Loaded,
    together: Together,
}

/// Layers that training doesn't change, and their outputs for the samples seen so far.
struct Frozen {
    /// Its number on the engine.
    program: usize,
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
    pub(super) fn whole(
        engine: &mut dyn Engine,
        program: Program,
        batch: usize,
        together: &Together,
    ) -> Result<Self> {
        Ok(Halves { frozen: None, rest: Loaded::new(engine, program, batch)?, together: together.clone() })
    }

    /// For the plans of [`Plan::split`]; none if there is no frozen part or its outputs for all of `data` would take
    /// too much memory.
    ///
    /// # Errors
    /// If there is too little memory for the engines.
    pub(super) fn new(
        engine: &mut dyn Engine,
        (frozen, rest): (Option<Program>, Program),
        data: &dyn Dataset,
        batch: usize,
        together: &Together,
    ) -> Result<Option<Self>> {
        let Some(frozen) = frozen.filter(|_| !data.varies()) else { return Ok(None) };
        let width = frozen.values[frozen.output].elements();
        let floats = data.len().saturating_mul(width);
        // If one of the ranks has too little memory for them, none keeps them.
        let most = memory::total() / 8 / together.on_this_machine()?;
        let mut too_many = [f64::from(floats.saturating_mul(size_of::<f32>()) > most)];
        together.sum(&mut too_many)?;
        if too_many[0] > 0.0 {
            return Ok(None);
        }
        let frozen = Frozen {
            program: engine.load(frozen, batch)?,
            width,
            features: vec![0.0; floats],
            targets: vec![0.0; data.len() * data.target_width()],
            seen: vec![false; data.len()],
            lost: vec![false; data.len()],
        };
        let rest = Loaded::new(engine, rest, batch)?;
        Ok(Some(Halves { frozen: Some(frozen), rest, together: together.clone() }))
    }

    /// Calls `step` with this rank's parts of the batches of `data` in this order, and with what the engine takes as its input.
    pub(super) fn each(
        &mut self,
        engine: &mut dyn Engine,
        data: &dyn Dataset,
        epoch: usize,
        order: &[usize],
        training: &mut Training<'_>,
        mut step: impl FnMut(
            &mut Training<'_>,
            &mut dyn Engine,
            Loaded,
            &Batch,
            Samples<'_>,
        ) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let Halves { frozen, rest, together } = self;
        let (rest, part) = (*rest, together.part());
        let profile = training.model.profile().cloned();
        let profile = profile.as_ref();
        let Some(frozen) = frozen else {
            return measured_prefetch(data, epoch, order, part, profile, |batch| {
                step(training, engine, rest, batch, (&batch.inputs).into())
            });
        };
        if order.iter().all(|&sample| frozen.seen[sample] || frozen.lost[sample]) {
            let features = Features { data, frozen, shape: [frozen.width] };
            return measured_prefetch(&features, epoch, order, part, profile, |batch| {
                step(training, engine, rest, batch, (&batch.inputs).into())
            });
        }
        let mut is_whole = true;
        let mut outputs = Vec::new();
        let mut own = vec![false; data.len()];
        measured_prefetch(data, epoch, order, part, profile, |batch| {
            outputs.clear();
            if !batch.is_empty() {
                // No random numbers are drawn before the cut, so the epoch doesn't matter.
                let run = training.model.run(&batch.samples, 0);
                engine.set_weights(training.model.shared_weights());
                engine.forward(frozen.program, run, (&batch.inputs).into())?;
                outputs.extend_from_slice(engine.output(frozen.program, batch.len()));
                frozen.keep(batch, &outputs);
                batch.samples.iter().for_each(|&sample| own[sample] = true);
            }
            let flow = step(training, engine, rest, batch, (&outputs).into())?;
            is_whole &= flow.is_continue();
            Ok(flow)
        })?;
        frozen.take_others(together, &own, data.target_width())?;
        if is_whole {
            order.iter().for_each(|&sample| frozen.lost[sample] = !frozen.seen[sample]);
        }
        Ok(())
    }
}

impl Frozen {
    /// Takes what other ranks have computed, of which these are this rank's.
    fn take_others(&mut self, together: &Together, own: &[bool], target_width: usize) -> Result<()> {
        if together.ranks().is_none() {
            return Ok(());
        }
        let tables = &mut [(self.width, &mut self.features[..]), (target_width, &mut self.targets[..])];
        let there = together.share_rows(own, tables)?;
        self.seen.iter_mut().zip(there).for_each(|(seen, there)| *seen |= there);
        Ok(())
    }

    /// Keeps what the engine has just computed for this batch.
    fn keep(&mut self, batch: &Batch, outputs: &[f32]) {
        let target_width = batch.targets.len() / batch.len().max(1);
        let features = outputs.chunks_exact(self.width.max(1));
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

    fn load(&self, samples: &[usize], _epoch: usize, batch: &mut Batch) -> Result<()> {
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
