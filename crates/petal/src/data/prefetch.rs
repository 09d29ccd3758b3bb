use std::ops::ControlFlow;

use super::{Batch, Dataset};
use crate::Result;

/// Loads the samples of `order` batch by batch and hands each batch to `visit`, until it says to stop.
///
/// # Errors
/// If a sample cannot be read, or `visit` fails.
pub fn prefetch(
    dataset: &dyn Dataset,
    order: &[usize],
    mut visit: impl FnMut(&Batch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut batch = Batch::default();
    for samples in order.chunks(dataset.batch_size().max(1)) {
        dataset.load(samples, &mut batch)?;
        if visit(&batch)?.is_break() {
            break;
        }
    }
    Ok(())
}
