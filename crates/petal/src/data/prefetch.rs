use std::ops::ControlFlow;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use super::part::Part;
use super::{Batch, Dataset};
use crate::profile::Profile;
use crate::{Error, Result};

/// Batches that are loaded ahead of the one in use.
const AHEAD: usize = 2;

/// Calls `step` with `dataset`'s batches of epoch `epoch` in the order of `order`, while a thread loads those that come next.
///
/// Batches have the data set's batch size; the last may be shorter, and so is one whose samples can no longer be read. `step` ends the run early by
/// `Ok(ControlFlow::Break(()))`. The thread has ended when this returns, and batches' memory is used again, so that a
/// run allocates a handful of batches only.
///
/// ```
/// use std::ops::ControlFlow;
/// use petal::data::{ArrayDataset, Dataset, prefetch};
///
/// let dataset = ArrayDataset::new(ndarray::Array2::zeros((5, 3)), &[0, 1, 0, 1, 0])?.batch_size(2);
/// let mut sizes = Vec::new();
/// prefetch(&dataset, 0, &dataset.order(0), |batch| {
///     sizes.push(batch.len());
///     Ok(ControlFlow::Continue(()))
/// })?;
/// assert_eq!(sizes, [2, 2, 1]);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// The first one that a load or `step` gives, or that the thread cannot be started.
pub fn prefetch(
    dataset: &dyn Dataset,
    epoch: usize,
    order: &[usize],
    step: impl FnMut(&Batch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    measured_prefetch(dataset, epoch, order, Part::WHOLE, None, step)
}

/// [`prefetch`] of a part of each batch, which measures how long it waits for them. Parts of several may be empty, so that
/// all ranks make as many steps.
pub(crate) fn measured_prefetch(
    dataset: &dyn Dataset,
    epoch: usize,
    order: &[usize],
    part: Part,
    profile: Option<&Profile>,
    mut step: impl FnMut(&Batch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    thread::scope(|scope| {
        let wait = || profile.map(|profile| profile.measure("wait for the next batch"));
        // From now on: the thread may get this one's core first.
        let mut waiting = wait();
        // Both ends below are dropped when `step` ends the run, fails or panics; that ends the thread.
        let (loaded, batches) = sync_channel::<Result<Batch>>(AHEAD);
        let (done, used) = channel::<Batch>();
        let load = move || {
            for samples in order.chunks(dataset.batch_size().max(1)) {
                let samples = part.of(samples);
                let mut batch = used.try_recv().unwrap_or_default();
                let outcome = dataset.load(samples, epoch, &mut batch).map(|()| batch);
                let failed = outcome.is_err();
                if loaded.send(outcome).is_err() || failed {
                    return;
                }
            }
        };
        thread::Builder::new().spawn_scoped(scope, load).map_err(|error| {
            Error::Data(format!(
                "cannot start a thread to load photos: {error}; end other programs and try again"
            ))
        })?;
        for batch in batches {
            drop(waiting.take());
            let batch = batch?;
            // All its samples can no longer be read.
            if batch.is_empty() && part == Part::WHOLE {
                continue;
            }
            if step(&batch)?.is_break() {
                break;
            }
            // Fails once everything is loaded and the thread has ended.
            let _ = done.send(batch);
            waiting = wait();
        }
        Ok(())
    })
}
