//! Places for all buffers in one arena: buffers whose lifetimes don't overlap may share memory.

use super::op::Operation;
use super::plan::ForwardStep;
use crate::program::{GradientStep, Value};

/// A buffer's place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Buffer {
    pub offset: usize,
    /// Floats of one sample.
    pub per_sample: usize,
    /// Floats that don't depend on the batch, instead of `per_sample`.
    pub fixed: usize,
}

impl Buffer {
    pub(crate) fn len(&self, batch: usize) -> usize {
        self.per_sample * batch + self.fixed
    }
}

/// The result of planning.
pub(super) struct Memory {
    pub buffers: Vec<Buffer>,
    pub arena: usize,
    pub masks: usize,
    pub scratch: usize,
}

/// When each buffer is written first and read last, in steps counted over both lists; the loss is a step in between.
pub(super) struct Lifetimes {
    buffers: Vec<Buffer>,
    spans: Vec<Option<(usize, usize)>>,
    batch: usize,
}

impl Lifetimes {
    pub(super) fn new(values: &[usize], batch: usize) -> Self {
        let buffers =
            values.iter().map(|&per_sample| Buffer { per_sample, ..Buffer::default() }).collect::<Vec<_>>();
        Lifetimes { spans: vec![None; buffers.len()], buffers, batch }
    }

    /// The value will still be there after the last step.
    pub(super) fn keep(&mut self, value: Value) {
        self.touch(value, usize::MAX);
    }

    /// Gives each forward step its saved buffer and mask, and each buffer its offset.
    pub(super) fn plan(
        &mut self,
        forward: &mut [ForwardStep],
        backward: &[GradientStep],
        input: Value,
        output: Value,
        start: Value,
        d_output: Option<Value>,
    ) -> Memory {
        let (mut masks, mut scratch) = (0, 0);
        for step in forward.iter_mut() {
            let operation = step.op.operation();
            scratch = scratch.max(most_scratch(operation, self.batch)[0]);
            let saved = operation.saved_len(self.batch);
            if saved > 0 {
                step.saved = Some(self.buffers.len());
                self.buffers.push(Buffer { fixed: saved, ..Buffer::default() });
                self.spans.push(None);
            }
            let mask = operation.mask_len(self.batch);
            if mask > 0 {
                step.mask = Some((masks, mask));
                masks += mask;
            }
        }
        self.touch(input, 0);
        for (time, step) in forward.iter().enumerate() {
            step.inputs.iter().chain(&step.saved).for_each(|&value| self.touch(value, time));
            self.touch(step.output, time);
        }
        let loss = forward.len();
        for value in [Some(output), Some(start), d_output].into_iter().flatten() {
            self.touch(value, loss);
        }
        for step in forward.iter().filter(|step| step.op.moves_statistics()) {
            step.saved.iter().for_each(|&saved| self.touch(saved, loss));
        }
        for (time, step) in (loss + 1..).zip(backward) {
            match step {
                GradientStep::Accumulate { into: a, from: b } | GradientStep::Copy { from: a, to: b } => {
                    self.touch(*a, time);
                    self.touch(*b, time);
                }
                GradientStep::Gradient { step, d_output, d_inputs } => {
                    let step = &forward[*step];
                    let operation = step.op.operation();
                    scratch = scratch.max(most_scratch(operation, self.batch)[1]);
                    let needs = operation.needs();
                    if needs.inputs {
                        step.inputs.iter().for_each(|&input| self.touch(input, time));
                    }
                    if needs.output {
                        self.touch(step.output, time);
                    }
                    step.saved.iter().for_each(|&saved| self.touch(saved, time));
                    self.touch(*d_output, time);
                    d_inputs.iter().flatten().for_each(|&d_input| self.touch(d_input, time));
                }
            }
        }
        let arena = self.place();
        Memory { buffers: std::mem::take(&mut self.buffers), arena, masks, scratch }
    }

    fn touch(&mut self, value: Value, time: usize) {
        let span = self.spans[value].get_or_insert((time, time));
        *span = (span.0.min(time), span.1.max(time));
    }

    /// Greedy by size: the largest buffers first, each at the lowest place that is free during its lifetime
    /// (Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference").
    fn place(&mut self) -> usize {
        // Whole cache lines, so that no two buffers share one.
        const ALIGNMENT: usize = 16;
        let len = |buffer: &Buffer| buffer.len(self.batch).next_multiple_of(ALIGNMENT);
        let mut order: Vec<usize> = (0..self.buffers.len()).filter(|&i| self.spans[i].is_some()).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(len(&self.buffers[i])), i));
        let mut placed: Vec<usize> = Vec::with_capacity(order.len());
        let mut arena = 0;
        for i in order {
            let span = self.spans[i].expect("only used buffers are placed");
            let needed = len(&self.buffers[i]);
            let mut offset = 0;
            // `placed` is kept in the order of offsets.
            for &other in &placed {
                let other_span = self.spans[other].expect("only used buffers are placed");
                if other_span.1 < span.0 || span.1 < other_span.0 {
                    continue;
                }
                let start = self.buffers[other].offset;
                if offset + needed <= start {
                    break;
                }
                offset = offset.max(start + len(&self.buffers[other]));
            }
            self.buffers[i].offset = offset;
            arena = arena.max(offset + needed);
            let at = placed.partition_point(|&other| self.buffers[other].offset <= offset);
            placed.insert(at, i);
        }
        arena
    }
}

/// Floats of scratch for the forward and the backward call on any number of samples up to `batch`: of fewer samples each
/// is cut into more tasks, which may need more in all.
fn most_scratch(operation: &dyn Operation, batch: usize) -> [usize; 2] {
    /// From so many samples on there is work for all threads without cutting.
    const MANY: usize = 256;
    (1..=batch.min(MANY)).chain([batch]).fold([0, 0], |[forward, backward], samples| {
        let [a, b] = operation.scratch_len(samples);
        [forward.max(a), backward.max(b)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_live_together_never_overlap_and_others_share() {
        let values: Vec<usize> = (0..40).map(|i| 1 + (i * 7919) % 97).collect();
        let mut lifetimes = Lifetimes::new(&values, 3);
        for i in 0..values.len() {
            lifetimes.touch(i, i);
            lifetimes.touch(i, i + 1 + i % 5);
        }
        let spans = lifetimes.spans.clone();
        let arena = lifetimes.place();
        let total: usize = lifetimes.buffers.iter().map(|buffer| buffer.len(3).next_multiple_of(16)).sum();
        assert!(arena < total / 2, "{arena} of {total}");
        for (i, a) in lifetimes.buffers.iter().enumerate() {
            for (j, b) in lifetimes.buffers.iter().enumerate().skip(i + 1) {
                let (s, t) = (spans[i].unwrap(), spans[j].unwrap());
                let together = s.0 <= t.1 && t.0 <= s.1;
                let apart = a.offset + a.len(3) <= b.offset || b.offset + b.len(3) <= a.offset;
                assert!(!together || apart, "{i} and {j}");
            }
        }
    }
}
