use std::fmt;

use super::{Batch, Dataset};
use crate::Result;

/// The batches of an epoch, one after the other. From [`Dataset::batches`].
pub struct Batches<'a> {
    data: &'a dyn Dataset,
    epoch: usize,
    order: Vec<usize>,
    at: usize,
}

impl fmt::Debug for Batches<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Batches of epoch {}, from sample {} of {} on>", self.epoch, self.at, self.order.len())
    }
}

impl<'a> Batches<'a> {
    pub(super) fn new(data: &'a dyn Dataset, epoch: usize) -> Self {
        Batches { data, epoch, order: data.order(epoch), at: 0 }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let rest = &self.order[self.at..];
        let samples = &rest[..rest.len().min(self.data.batch_size().max(1))];
        if samples.is_empty() {
            return None;
        }
        self.at += samples.len();
        let mut batch = Batch::default();
        Some(self.data.load(samples, self.epoch, &mut batch).map(|()| batch))
    }
}
