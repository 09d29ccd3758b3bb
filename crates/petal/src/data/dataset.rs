use super::{Batches, Inputs, Skipped};
use crate::{Error, Result};

/// Labelled samples that can be loaded in any order.
///
/// A data set knows its samples by number, `0..len`. Which samples form a batch is decided by [`Dataset::order`], so
/// that a batch depends on (seed, epoch, sample) alone and a broken photo cannot shift the others.
pub trait Dataset: Sync {
    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of samples in a batch; the last batch of an epoch may be shorter.
    fn batch_size(&self) -> usize;

    /// The shape of one sample, `[height, width, channels]` for images.
    fn sample_shape(&self) -> &[usize];

    /// The number of target values of a sample: 1 for a class index or a binary label, the number of classes for
    /// one-hot labels, 0 where there are no labels.
    fn target_width(&self) -> usize;

    /// The classes' names in the order of their indices; empty where there are none.
    fn class_names(&self) -> &[String];

    /// The samples in the order in which epoch `epoch` (from 0) visits them.
    fn order(&self, epoch: usize) -> Vec<usize>;

    /// Replaces what is in `batch` by these samples, in this order, as they are in this epoch: most data sets give the
    /// same in all. Reuses the batch's memory.
    ///
    /// Samples that can no longer be read may be left out, if [`Dataset::lost`] names them and they stay out.
    ///
    /// # Errors
    /// If a sample can no longer be read.
    fn load(&self, samples: &[usize], epoch: usize, batch: &mut Batch) -> Result<()>;

    /// The batches of epoch `epoch` in its order, to look at them; the lecture's `for images, labels in
    /// train_ds.take(1)`.
    ///
    /// ```
    /// use petal::data::{ArrayDataset, Dataset};
    /// let data = ArrayDataset::new(ndarray::Array2::zeros((5, 3)), &[0, 1, 0, 1, 0])?.batch_size(2);
    /// for batch in data.batches(0).take(1) {
    ///     let batch = batch?;
    ///     assert_eq!(batch.inputs.to_floats().len(), 2 * 3);
    ///     assert_eq!(batch.targets.len(), 2);
    /// }
    /// assert_eq!(data.batches(0).count(), 3);
    /// # Ok::<(), petal::Error>(())
    /// ```
    fn batches(&self, epoch: usize) -> Batches<'_>
    where
        Self: Sized,
    {
        Batches::new(self, epoch)
    }

    /// Whether samples are other ones in each epoch, as where two are mixed: then nothing that was computed of them is
    /// kept for the next.
    fn varies(&self) -> bool {
        false
    }

    /// The samples that [`Dataset::load`] has left out so far, in the order in which that was found.
    fn lost(&self) -> Vec<Skipped> {
        Vec::new()
    }
}

/// Refuses what was computed of fewer than all samples of `data`, where each has its row.
pub(crate) fn check_complete(data: &dyn Dataset, rows: usize) -> Result<()> {
    if rows == data.len() {
        return Ok(());
    }
    let first = data.lost().first().map_or(String::new(), |file| format!(", first of all {file}"));
    Err(Error::Data(format!(
        "{} of {} samples can no longer be read{first}; put the files back, or load the folder again without them",
        data.len().saturating_sub(rows),
        data.len()
    )))
}

/// Samples side by side, ready for a training step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The samples' numbers in their data set, one for each row of the batch.
    pub samples: Vec<usize>,
    /// The inputs, `[batch, height, width, channels]`, colours in 0..=255 (Keras' range before `Rescaling`).
    pub inputs: Inputs,
    /// The targets, `[batch, target_width]`; a class index is stored as a whole number.
    pub targets: Vec<f32>,
}

impl Batch {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
