//! What ranks that train one model do as one. Alone it is nothing.

use std::sync::Arc;

use super::callbacks::Stop;
use crate::Result;
use crate::data::Part;
use crate::model::Model;
use crate::program::{Collective, PendingSum};

/// The ranks that train together, if there are several.
#[derive(Clone, Debug, Default)]
pub(super) struct Together(Option<Arc<dyn Collective>>);

impl Together {
    pub fn new(ranks: Arc<dyn Collective>) -> Self {
        Together(Some(ranks).filter(|ranks| ranks.size() > 1))
    }

    pub fn ranks(&self) -> Option<&Arc<dyn Collective>> {
        self.0.as_ref()
    }

    /// This rank's part of each batch.
    pub fn part(&self) -> Part {
        self.0.as_ref().map_or(Part::WHOLE, |ranks| Part { rank: ranks.rank(), ranks: ranks.size() })
    }

    /// How many of the ranks are on this machine.
    pub fn on_this_machine(&self) -> Result<usize> {
        let Some(ranks) = &self.0 else { return Ok(1) };
        let host = ranks.host().into_bytes();
        Ok(ranks.gather(host.clone())?.iter().filter(|other| **other == host).count())
    }

    /// Adds up the ranks' values.
    pub fn sum(&self, values: &mut [f64]) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |ranks| ranks.sum(values))
    }

    /// When training ends, if one rank wants it.
    pub fn agree(&self, stop: Stop) -> Result<Stop> {
        let mut wanted = [Stop::Now, Stop::AfterEpoch].map(|level| f64::from(stop == level));
        self.sum(&mut wanted)?;
        Ok(match wanted {
            [now, _] if now > 0.0 => Stop::Now,
            [_, after] if after > 0.0 => Stop::AfterEpoch,
            _ => Stop::Never,
        })
    }

    /// Gives the model of each rank the weights of rank 0's, in which callbacks, or another processor's rounding, may have
    /// made a difference.
    pub fn take_weights(&self, model: &mut Model) -> Result<()> {
        let Some(ranks) = &self.0 else { return Ok(()) };
        let own = match ranks.rank() {
            0 => model.arena().iter().flat_map(|weight| weight.to_le_bytes()).collect(),
            _ => Vec::new(),
        };
        let bytes = ranks.broadcast(own)?;
        if ranks.rank() > 0 {
            let weights =
                bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("4 bytes")));
            model.arena_mut().iter_mut().zip(weights).for_each(|(own, weight)| *own = weight);
        }
        Ok(())
    }

    /// Lines of all ranks, which each says of itself.
    pub fn gather_lines(&self, lines: Vec<String>) -> Result<Vec<String>> {
        let Some(ranks) = &self.0 else { return Ok(lines) };
        let all = ranks.gather(lines.join("\n").into_bytes())?;
        let all: Vec<String> = all.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
        Ok(all.iter().flat_map(|text| text.lines()).map(str::to_owned).collect())
    }

    /// Fills in the rows of tables that other ranks have computed: `own` are those that this one has, of which no other
    /// has any. `tables` are numbers with their width. Returns the rows that some rank has.
    pub fn share_rows(&self, own: &[bool], tables: &mut [(usize, &mut [f32])]) -> Result<Vec<bool>> {
        /// Numbers at a time: enough for the network, few enough for the memory.
        const AT_ONCE: usize = 1 << 20;
        let Some(ranks) = &self.0 else { return Ok(own.to_vec()) };
        // One number more says whether the row is there.
        let width = 1 + tables.iter().map(|(width, _)| width).sum::<usize>();
        let at_once = (AT_ONCE / width).max(1);
        let mut there = vec![false; own.len()];
        for first in (0..own.len()).step_by(at_once) {
            let rows = first..(first + at_once).min(own.len());
            let mut values = vec![0.0; rows.len() * width];
            for (row, values) in rows.clone().zip(values.chunks_exact_mut(width)).filter(|(row, _)| own[*row])
            {
                let mut rest = values;
                for (width, table) in tables.iter() {
                    let (values, after) = rest.split_at_mut(*width);
                    values.copy_from_slice(&table[row * width..][..*width]);
                    rest = after;
                }
                rest[0] = 1.0;
            }
            let values = ranks.begin_sum(values)?.wait()?;
            for (row, values) in rows.zip(values.chunks_exact(width)) {
                there[row] = values[width - 1] > 0.0;
                if own[row] || !there[row] {
                    continue;
                }
                let mut rest = values;
                for (width, table) in tables.iter_mut() {
                    let (values, after) = rest.split_at(*width);
                    table[row * *width..][..*width].copy_from_slice(values);
                    rest = after;
                }
            }
        }
        Ok(there)
    }
}

/// The sum of the ranks' gradients, which begins while those of earlier layers are still computed.
#[derive(Default)]
pub(super) struct GradientSum {
    pending: Vec<(usize, PendingSum)>,
    /// From here on all were given away.
    begun: usize,
    /// Memory to be used again.
    spare: Vec<Vec<f32>>,
}

/// Gradients that are added up together: with fewer, networks spend their time on beginning.
const BUCKET: usize = 1 << 20;

impl GradientSum {
    /// Before a backward pass that gives so many gradients.
    pub fn begin(&mut self, gradients: usize) {
        self.pending.clear();
        self.begun = gradients;
    }

    /// From `from` on the gradients are `last`. What is begun depends on their number alone, so that it is the same on all
    /// ranks.
    pub fn add(&mut self, ranks: &dyn Collective, from: usize, last: &[f32]) -> Result<()> {
        while self.begun > 0 {
            let start = self.begun.saturating_sub(BUCKET);
            if start < from {
                break;
            }
            let mut bucket = self.spare.pop().unwrap_or_default();
            bucket.clear();
            bucket.extend_from_slice(&last[start - from..self.begun - from]);
            self.pending.push((start, ranks.begin_sum(bucket)?));
            self.begun = start;
        }
        Ok(())
    }

    /// Waits for all, and makes `gradients` the sums.
    pub fn finish(&mut self, gradients: &mut [f32]) -> Result<()> {
        for (start, sum) in self.pending.drain(..) {
            let bucket = sum.wait()?;
            gradients[start..start + bucket.len()].copy_from_slice(&bucket);
            self.spare.push(bucket);
        }
        Ok(())
    }
}
