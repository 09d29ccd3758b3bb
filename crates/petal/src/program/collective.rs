use std::fmt;

use crate::Result;

/// Ranks that train one model together, each on its part of every batch: programs on several machines, or threads.
///
/// All ranks make the same calls in the same order; a call ends when all have made it, and gives all of them the same
/// bits. An implementation needs [`gather`](Collective::gather) alone; the others are made of it, in the order of the
/// ranks, and a library of message passing has faster ones.
///
/// [`Threads`](crate::training::Threads) is one within a process; the crate `petal-mpi` has one for clusters.
pub trait Collective: fmt::Debug + Send + Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks.
    fn size(&self) -> usize;

    /// The machine that this rank is on.
    fn host(&self) -> String;

    /// The bytes that each rank gives, in the order of the ranks.
    ///
    /// # Errors
    /// If a rank has ended, here and below.
    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// The bytes that rank 0 gives; the others' don't matter.
    ///
    /// # Errors
    /// See [`Collective::gather`].
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let own = if self.rank() == 0 { bytes } else { Vec::new() };
        Ok(self.gather(own)?.swap_remove(0))
    }

    /// Adds up the ranks' values, number by number: for a few.
    ///
    /// # Errors
    /// See [`Collective::gather`].
    fn sum(&self, values: &mut [f64]) -> Result<()> {
        let all = self.gather(values.iter().flat_map(|value| value.to_ne_bytes()).collect())?;
        values.fill(0.0);
        for one in all {
            let one = one.chunks_exact(8).map(|bytes| f64::from_ne_bytes(bytes.try_into().expect("8 bytes")));
            values.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
        }
        Ok(())
    }

    /// Begins to add up the ranks' values, number by number: for many, while something else is computed. Sums that were
    /// begun may end in any order.
    ///
    /// # Errors
    /// See [`Collective::gather`].
    fn begin_sum(&self, mut values: Vec<f32>) -> Result<PendingSum> {
        let all = self.gather(values.iter().flat_map(|value| value.to_ne_bytes()).collect())?;
        values.fill(0.0);
        for one in all {
            let one = one.chunks_exact(4).map(|bytes| f32::from_ne_bytes(bytes.try_into().expect("4 bytes")));
            values.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
        }
        Ok(PendingSum::new(move || Ok(values)))
    }
}

/// A sum that others may still add to.
pub struct PendingSum(Box<dyn FnOnce() -> Result<Vec<f32>>>);

impl PendingSum {
    /// The sum that `wait` waits for.
    pub fn new(wait: impl FnOnce() -> Result<Vec<f32>> + 'static) -> Self {
        PendingSum(Box::new(wait))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// If a rank has ended.
    pub fn wait(self) -> Result<Vec<f32>> {
        (self.0)()
    }
}

impl fmt::Debug for PendingSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingSum")
    }
}
