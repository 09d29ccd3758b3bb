//! Batches that Python makes one after the other: generators, `tf.data`, PyTorch's loaders.

use std::sync::{Arc, Mutex, PoisonError};

use numpy::{PyArrayDyn, PyUntypedArrayMethods};
use petal::Error;
use petal::data::{Batch, Dataset};
use pyo3::exceptions::{PyStopIteration, PyValueError};
use pyo3::prelude::*;

use crate::arrays::{Values, clear, rows};
use crate::data::Data;
use crate::interrupt::Raised;

/// Batches from a function that gives an iterator, anew for each pass. A sample's number is its place in the pass.
struct StreamData {
    begin: Py<PyAny>,
    /// The iterator of this pass and the place of its next sample.
    running: Mutex<Option<(Py<PyAny>, usize)>>,
    steps: usize,
    batch_size: usize,
    sample_shape: Vec<usize>,
    target_width: usize,
    endless: bool,
    raised: Raised,
}

/// Batches `(inputs, targets)` from `begin()`, an iterator of `steps` of them with at most `batch_size` samples each:
/// arrays `[batch, …]` of float32 or uint8 and `[batch, width]` of float32, in standard layout. An endless one goes on
/// where the last pass has ended.
#[pyfunction]
pub fn stream_data(
    begin: Py<PyAny>,
    steps: usize,
    batch_size: usize,
    sample_shape: Vec<usize>,
    target_width: usize,
    endless: bool,
) -> Data {
    let running = Mutex::new(None);
    let raised = Raised::default();
    let data = StreamData {
        begin,
        running,
        steps,
        batch_size,
        sample_shape,
        target_width,
        endless,
        raised: raised.clone(),
    };
    Data::new(Arc::new(data), raised)
}

impl StreamData {
    fn next(&self, py: Python<'_>, first: usize, batch: &mut Batch) -> PyResult<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = running.as_ref().is_some_and(|(_, at)| self.endless || *at == first);
        if !goes_on {
            *running = Some((self.begin.call0(py)?, first));
        }
        let Some((iterator, at)) = &mut *running else { return Ok(()) };
        let pair = match iterator.call_method0(py, "__next__") {
            Err(end) if end.is_instance_of::<PyStopIteration>(py) => {
                *running = None;
                return Ok(());
            }
            pair => pair?,
        };
        *at = first + self.batch_size;
        let (inputs, targets): (Bound<'_, PyAny>, Bound<'_, PyArrayDyn<f32>>) = pair.extract(py)?;
        let inputs = Values::new(&inputs)?;
        let shape = inputs.shape(py);
        let count = shape.first().copied().unwrap_or(0);
        if shape.get(1..) != Some(&self.sample_shape[..]) || count > self.batch_size {
            let expected = [&[self.batch_size], &self.sample_shape[..]].concat();
            return Err(PyValueError::new_err(format!(
                "a batch has the shape {shape:?}, but the first one had {expected:?}; all batches need one shape, and \
                 none may be larger than the first"
            )));
        }
        if targets.shape() != [count, self.target_width] {
            return Err(PyValueError::new_err(format!(
                "a batch of {count} samples has targets of shape {:?}; expected {:?}",
                targets.shape(),
                [count, self.target_width]
            )));
        }
        let numbers: Vec<usize> = (0..count).collect();
        inputs.rows(py, &numbers, self.sample_shape.iter().product(), batch)?;
        rows(&targets, &numbers, self.target_width, &mut batch.targets)?;
        batch.samples.extend(first..first + count);
        Ok(())
    }
}

impl Dataset for StreamData {
    fn len(&self) -> usize {
        self.steps * self.batch_size
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn sample_shape(&self) -> &[usize] {
        &self.sample_shape
    }

    fn target_width(&self) -> usize {
        self.target_width
    }

    fn class_names(&self) -> &[String] {
        &[]
    }

    fn order(&self, _epoch: usize) -> Vec<usize> {
        (0..self.len()).collect()
    }

    fn load(&self, samples: &[usize], _epoch: usize, batch: &mut Batch) -> petal::Result<()> {
        batch.samples.clear();
        clear(batch);
        let Some(&first) = samples.first() else { return Ok(()) };
        Python::attach(|py| {
            self.next(py, first, batch).map_err(|error| {
                let text = error.to_string();
                self.raised.set(error);
                Error::Data(text)
            })
        })
    }

    fn varies(&self) -> bool {
        true
    }
}
