//! Runs a plan on arenas that it allocates once.

use std::ops::Range;
use std::sync::Arc;

use petal_kernels::Pixels;
use smallvec::SmallVec;

use super::arena::Arena;
use super::joined::Joined;
use super::memory::Buffer;
use super::op::{Backward, Forward, Op};
use super::plan::Plan;
use super::timing::Timing;
use crate::Result;
use crate::memory;
use crate::profile::Profile;
use crate::program::{GradientStep, Mode, Run};

/// A plan with its memory.
#[derive(Debug)]
pub(crate) struct Runner {
    plan: Plan,
    arena: Arena,
    masks: Vec<u8>,
    scratch: Arena,
    gradients: Vec<f32>,
    /// For each step of the backward pass the place in the gradients from which on all are there after it.
    finished: Vec<usize>,
    keys: Vec<u64>,
    joined: Option<Arc<Joined>>,
    /// None where nothing is measured.
    timing: Option<Timing>,
}

impl Runner {
    /// # Errors
    /// If the plan needs more memory than there is.
    pub(crate) fn new(plan: Plan) -> Result<Self> {
        memory::check(plan.bytes(), || match plan.batch {
            1 => "a batch of 1 sample".into(),
            batch => format!("a batch of {batch} samples"),
        })?;
        Ok(Runner {
            arena: Arena::zeroed(plan.arena),
            masks: vec![0; plan.masks],
            scratch: Arena::zeroed(plan.scratch),
            gradients: vec![0.0; if plan.backward.is_empty() { 0 } else { plan.gradients.len }],
            finished: finished(&plan),
            keys: Vec::with_capacity(plan.batch),
            joined: None,
            timing: None,
            plan,
        })
    }

    /// Measures each step from now on, as one of this mode.
    pub(crate) fn measure(&mut self, profile: &Profile, mode: Mode) {
        self.timing = Some(Timing::new(profile, mode, &self.plan));
    }

    /// Goes on with another plan of the same program, unmeasured.
    pub(crate) fn replace(&mut self, plan: Plan) {
        self.arena = Arena::zeroed(plan.arena);
        self.masks = vec![0; plan.masks];
        self.scratch = Arena::zeroed(plan.scratch);
        self.timing = None;
        self.plan = plan;
    }

    /// Whether running it moves moving statistics.
    pub(crate) fn has_statistics(&self) -> bool {
        self.plan.forward.iter().any(|step| step.op.moves_statistics())
    }

    #[cfg(test)]
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes the statistics of batches over all these ranks.
    pub(crate) fn join(&mut self, joined: Arc<Joined>) {
        self.joined = Some(joined);
    }

    /// Computes the output of `inputs`, `[batch, …]`.
    pub(crate) fn forward<'a>(&mut self, run: Run<'_>, inputs: impl Into<Pixels<'a>>, weights: &[f32]) {
        let (batch, pixels) = (run.batch(), inputs.into());
        assert!(batch <= self.plan.batch, "a plan for {} samples got {batch}", self.plan.batch);
        let timing = self.timing.as_ref();
        let _all = timing.map(Timing::forward);
        let input = range(&self.plan.buffers[self.plan.input], batch);
        assert_eq!(pixels.len(), input.len(), "inputs of {batch} samples");
        let mut first = self.plan.first_alone.then_some(pixels).filter(|pixels| match pixels {
            Pixels::Floats(_) => true,
            Pixels::Bytes(_) => self.plan.forward[0].op.operation().reads_bytes(),
        });
        if first.is_none() {
            petal_kernels::copy(pixels, &mut self.arena[input]);
        }
        for (number, step) in self.plan.forward.iter().enumerate() {
            if batch == 0 && !step.op.moves_statistics() {
                continue;
            }
            let _step = timing.map(|timing| timing.forward_step(number, batch, first));
            let at = |value: usize| range(&self.plan.buffers[value], batch);
            let saved = step.saved.map_or(0..0, at);
            let inputs: SmallVec<[_; 4]> = step.inputs.iter().map(|&input| at(input)).collect();
            let (mut writes, mut inputs) = borrow(&mut self.arena, &[at(step.output), saved], &inputs);
            let mut bytes = None;
            match first.take() {
                Some(Pixels::Floats(floats)) => inputs[0] = floats,
                Some(Pixels::Bytes(pixels)) => bytes = Some(pixels),
                None => {}
            }
            let saved = writes.pop().expect("two ranges were borrowed");
            let output = writes.pop().expect("two ranges were borrowed");
            let (start, len) = step.mask.unwrap_or((0, 0));
            step.op.operation().forward(Forward {
                run: &run,
                inputs,
                bytes,
                output,
                saved,
                mask: &mut self.masks[start..start + len],
                scratch: &mut self.scratch,
                weights,
                packed: self.plan.packed.as_deref().unwrap_or_default(),
                keys: &mut self.keys,
                joined: self.joined.as_deref(),
            });
        }
    }

    /// Moves the moving statistics among the weights towards those of the batch that [`Runner::forward`] has seen.
    pub(crate) fn move_statistics(&self, weights: &mut [f32]) {
        for step in &self.plan.forward {
            if let (Op::BatchNorm(norm), Some(saved)) = (&step.op, step.saved) {
                norm.move_statistics(&self.arena[range(&self.plan.buffers[saved], 0)], weights);
            }
        }
    }

    /// The model's output after [`Runner::forward`].
    pub(crate) fn output(&self, batch: usize) -> &[f32] {
        &self.arena[range(&self.plan.buffers[self.plan.output], batch)]
    }

    /// The output of the watched layer after [`Runner::forward`], and its gradient after [`Runner::backward`], which is
    /// empty in a plan without one.
    pub(crate) fn watched(&self, batch: usize) -> [&[f32]; 2] {
        [self.plan.watched, self.plan.d_watched]
            .map(|value| value.map_or(&[][..], |value| &self.arena[range(&self.plan.buffers[value], batch)]))
    }

    /// What the loss reads and, in a plan for training, where it writes its gradient.
    pub(crate) fn loss_buffers(&mut self, batch: usize) -> (&[f32], Option<&mut [f32]>) {
        let at = |value: usize| range(&self.plan.buffers[value], batch);
        let start = at(self.plan.start);
        let d_output: SmallVec<[_; 1]> = self.plan.d_output.map(at).into_iter().collect();
        let (mut writes, mut reads) = borrow(&mut self.arena, &d_output, &[start]);
        (reads.pop().expect("one range was borrowed"), writes.pop())
    }

    /// Computes the gradients of all trainable weights from the gradient that the loss left, and tells `finished` from
    /// which place on they are there, with those.
    pub(crate) fn backward(
        &mut self,
        run: Run<'_>,
        weights: &[f32],
        finished: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let batch = run.batch();
        let at = |value: usize| range(&self.plan.buffers[value], batch);
        let timing = self.timing.as_ref();
        let _all = timing.map(Timing::backward);
        if batch == 0 {
            self.gradients.fill(0.0);
        }
        let mut told = self.gradients.len();
        for (number, step) in self.plan.backward.iter().enumerate() {
            let measured = timing.map(|timing| timing.backward_step(number, batch));
            match step {
                GradientStep::Gradient { step, .. }
                    if batch == 0 && !self.plan.forward[*step].op.moves_statistics() => {}
                GradientStep::Copy { from, to } => {
                    let (mut writes, reads) = borrow(&mut self.arena, &[at(*to)], &[at(*from)]);
                    petal_kernels::copy(reads[0], writes[0]);
                }
                GradientStep::Accumulate { into, from } => {
                    let (mut writes, reads) = borrow(&mut self.arena, &[at(*into)], &[at(*from)]);
                    petal_kernels::add_assign(writes[0], reads[0]);
                }
                GradientStep::Gradient { step, d_output, d_inputs } => {
                    let step = &self.plan.forward[*step];
                    let operation = step.op.operation();
                    let needs = operation.needs();
                    let mut reads: SmallVec<[_; 6]> = SmallVec::new();
                    reads.push(if needs.output { at(step.output) } else { 0..0 });
                    reads.push(step.saved.map_or(0..0, at));
                    reads
                        .extend(step.inputs.iter().map(|&input| if needs.inputs { at(input) } else { 0..0 }));
                    let mut writes: SmallVec<[_; 4]> = SmallVec::new();
                    writes.push(at(*d_output));
                    writes.extend(d_inputs.iter().flatten().map(|&d_input| at(d_input)));
                    let (writes, reads) = borrow(&mut self.arena, &writes, &reads);
                    let mut writes = writes.into_iter();
                    let d_output = writes.next().expect("the output's gradient was borrowed");
                    let d_inputs = d_inputs.iter().map(|d| d.and_then(|_| writes.next())).collect();
                    let (start, len) = step.mask.unwrap_or((0, 0));
                    operation.backward(Backward {
                        run: &run,
                        output: reads[0],
                        saved: reads[1],
                        inputs: SmallVec::from_slice(&reads[2..]),
                        mask: &self.masks[start..start + len],
                        d_output,
                        d_inputs,
                        scratch: &mut self.scratch,
                        weights,
                        gradients: &mut self.gradients,
                        keys: &mut self.keys,
                        joined: self.joined.as_deref(),
                    });
                }
            }
            drop(measured);
            if self.finished[number] < told {
                told = self.finished[number];
                finished(told, &self.gradients[told..])?;
            }
        }
        Ok(())
    }

    /// The gradients of the trainable weights, in the plan's layout.
    pub(crate) fn gradients_mut(&mut self) -> &mut [f32] {
        &mut self.gradients
    }
}

/// For each step of the backward pass the end of all that later ones write of the gradients.
fn finished(plan: &Plan) -> Vec<usize> {
    let mut end = 0;
    let mut ends: Vec<usize> = plan
        .backward
        .iter()
        .rev()
        .map(|step| {
            let after = end;
            if let GradientStep::Gradient { step, .. } = step {
                let params = plan.forward[*step].op.operation().params();
                end = params.iter().map(|param| param.gradient_range().end).fold(end, usize::max);
            }
            after
        })
        .collect();
    ends.reverse();
    ends
}

fn range(buffer: &Buffer, batch: usize) -> Range<usize> {
    buffer.offset..buffer.offset + buffer.len(batch)
}

type Writes<'a> = SmallVec<[&'a mut [f32]; 4]>;
type Reads<'a> = SmallVec<[&'a [f32]; 4]>;

/// Parts of the arena to write, which must be disjoint from all others, and parts to read.
fn borrow<'a>(
    arena: &'a mut [f32],
    writes: &[Range<usize>],
    reads: &[Range<usize>],
) -> (Writes<'a>, Reads<'a>) {
    // Cuts the arena at the written parts in the order of their places; what lies between is there to be read.
    let mut order: SmallVec<[usize; 8]> = (0..writes.len()).collect();
    order.sort_unstable_by_key(|&i| (writes[i].start, writes[i].end));
    let mut written: SmallVec<[Option<&mut [f32]>; 4]> = writes.iter().map(|_| None).collect();
    let mut gaps: SmallVec<[(usize, &[f32]); 8]> = SmallVec::new();
    let (mut rest, mut start) = (arena, 0);
    for i in order {
        let range = &writes[i];
        if range.is_empty() {
            written[i] = Some(&mut []);
            continue;
        }
        let (gap, tail) = rest.split_at_mut(range.start - start);
        let (part, tail) = tail.split_at_mut(range.len());
        gaps.push((start, gap));
        written[i] = Some(part);
        (rest, start) = (tail, range.end);
    }
    gaps.push((start, rest));
    let read = |range: &Range<usize>| {
        if range.is_empty() {
            return &[][..];
        }
        let (start, gap) = gaps[gaps.partition_point(|(start, _)| *start <= range.start) - 1];
        &gap[range.start - start..range.end - start]
    };
    let reads = reads.iter().map(read).collect();
    (written.into_iter().map(|part| part.expect("every range was cut out")).collect(), reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_arena_are_the_ranges_asked_for() {
        let mut arena: Vec<f32> = (0..20).map(|i| i as f32).collect();
        let (writes, reads) = borrow(&mut arena, &[12..15, 0..0, 4..6], &[0..4, 15..20, 6..8, 6..8, 0..0]);
        assert_eq!(*writes[0], [12.0, 13.0, 14.0]);
        assert!(writes[1].is_empty());
        assert_eq!(*writes[2], [4.0, 5.0]);
        assert_eq!(reads[0], [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(reads[1], [15.0, 16.0, 17.0, 18.0, 19.0]);
        assert_eq!(reads[2], [6.0, 7.0]);
        assert_eq!(reads[3], [6.0, 7.0]);
        assert!(reads[4].is_empty());
    }
}
