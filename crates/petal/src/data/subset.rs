use super::{Batch, Dataset, Skipped};
use crate::{Error, Result};

/// Some samples of a data set, in an order of their own.
///
/// ```
/// use petal::data::{ArrayDataset, Batch, Dataset, Subset};
/// let data = ArrayDataset::new(ndarray::arr2(&[[0.0], [1.0], [2.0], [3.0]]), &[0, 1, 0, 1])?;
/// let last = Subset::new(&data, [3, 2])?;
/// let mut batch = Batch::default();
/// last.load(&[0, 1], 0, &mut batch)?;
/// assert_eq!(batch.inputs.to_floats()[..], [3.0, 2.0]);
/// assert_eq!(batch.samples, [0, 1]);
/// # Ok::<(), petal::Error>(())
/// ```
pub struct Subset<'a> {
    data: &'a dyn Dataset,
    samples: Vec<usize>,
}

impl<'a> Subset<'a> {
    /// The samples of these numbers, each of which may come several times.
    ///
    /// # Errors
    /// If `data` has no sample of such a number.
    pub fn new(data: &'a dyn Dataset, samples: impl IntoIterator<Item = usize>) -> Result<Self> {
        let samples: Vec<usize> = samples.into_iter().collect();
        match samples.iter().find(|&&sample| sample >= data.len()) {
            Some(sample) => Err(Error::argument("samples", sample, format!("numbers below {}", data.len()))),
            None => Ok(Subset { data, samples }),
        }
    }
}

impl Dataset for Subset<'_> {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn batch_size(&self) -> usize {
        self.data.batch_size()
    }

    fn sample_shape(&self) -> &[usize] {
        self.data.sample_shape()
    }

    fn target_width(&self) -> usize {
        self.data.target_width()
    }

    fn class_names(&self) -> &[String] {
        self.data.class_names()
    }

    fn order(&self, _epoch: usize) -> Vec<usize> {
        (0..self.len()).collect()
    }

    fn load(&self, samples: &[usize], epoch: usize, batch: &mut Batch) -> Result<()> {
        let of_all: Vec<usize> = samples.iter().map(|&sample| self.samples[sample]).collect();
        self.data.load(&of_all, epoch, batch)?;
        // Some may have been left out.
        let mut own = samples.iter().zip(&of_all);
        for sample in &mut batch.samples {
            if let Some((own, _)) = own.by_ref().find(|(_, of_all)| *of_all == sample) {
                *sample = *own;
            }
        }
        Ok(())
    }

    fn varies(&self) -> bool {
        self.data.varies()
    }

    fn lost(&self) -> Vec<Skipped> {
        self.data.lost()
    }
}
