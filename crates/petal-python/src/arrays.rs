//! NumPy arrays as samples, read where they are.

use std::sync::Arc;

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use petal::Error;
use petal::data::{Batch, Dataset};
use petal::random::Key;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::data::Data;
use crate::interrupt::Raised;

/// An array in standard layout, of one of the types that models take.
pub enum Values {
    Floats(Py<PyArrayDyn<f32>>),
    Bytes(Py<PyArrayDyn<u8>>),
}

impl Values {
    pub fn new(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(floats) = array.cast::<PyArrayDyn<f32>>() {
            Ok(Values::Floats(floats.clone().unbind()))
        } else if let Ok(bytes) = array.cast::<PyArrayDyn<u8>>() {
            Ok(Values::Bytes(bytes.clone().unbind()))
        } else {
            Err(PyTypeError::new_err("expected an array of float32 or uint8"))
        }
    }

    pub fn shape(&self, py: Python<'_>) -> Vec<usize> {
        match self {
            Values::Floats(array) => array.bind(py).shape().to_vec(),
            Values::Bytes(array) => array.bind(py).shape().to_vec(),
        }
    }

    /// Appends these rows of `width` values to the inputs of a batch.
    pub fn rows(&self, py: Python<'_>, samples: &[usize], width: usize, batch: &mut Batch) -> PyResult<()> {
        match self {
            Values::Floats(array) => rows(array.bind(py), samples, width, batch.inputs.floats_mut()),
            Values::Bytes(array) => rows(array.bind(py), samples, width, batch.inputs.bytes_mut()),
        }
    }
}

/// Appends these rows of `width` values to `to`.
pub fn rows<T: Element + Copy>(
    array: &Bound<'_, PyArrayDyn<T>>,
    samples: &[usize],
    width: usize,
    to: &mut Vec<T>,
) -> PyResult<()> {
    let array = array.try_readonly()?;
    let values = array.as_slice()?;
    for &sample in samples {
        let row = values.get(sample * width..(sample + 1) * width);
        to.extend_from_slice(
            row.ok_or_else(|| PyTypeError::new_err("an array was made smaller while it was used"))?,
        );
    }
    Ok(())
}

/// Labelled samples in NumPy arrays, which stay where they are.
struct ArrayData {
    inputs: Values,
    targets: Option<Py<PyArrayDyn<f32>>>,
    len: usize,
    sample_shape: Vec<usize>,
    target_width: usize,
    batch_size: usize,
    order: Option<Key>,
    class_names: Vec<String>,
}

/// Samples `[n, …]` of float32 or uint8 with targets `[n, width]` of float32, both in standard layout. With a seed they
/// are shuffled in each epoch. `classes` is the number of classes where the targets are their indices, else 0.
#[pyfunction]
#[pyo3(signature = (inputs, targets, batch_size, seed, classes))]
pub fn array_data(
    inputs: &Bound<'_, PyAny>,
    targets: Option<Bound<'_, PyArrayDyn<f32>>>,
    batch_size: usize,
    seed: Option<u64>,
    classes: usize,
) -> PyResult<Data> {
    let py = inputs.py();
    let inputs = Values::new(inputs)?;
    let shape = inputs.shape(py);
    let data = ArrayData {
        len: shape.first().copied().unwrap_or(0),
        sample_shape: shape.get(1..).unwrap_or_default().to_vec(),
        target_width: targets.as_ref().map_or(0, |targets| targets.shape().iter().skip(1).product()),
        inputs,
        targets: targets.map(Bound::unbind),
        batch_size: batch_size.max(1),
        order: seed.map(|seed| Key::new(seed).named("order")),
        class_names: (0..classes).map(|class| class.to_string()).collect(),
    };
    Ok(Data::new(Arc::new(data), Raised::default()))
}

impl Dataset for ArrayData {
    fn len(&self) -> usize {
        self.len
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
        &self.class_names
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len).collect();
        if let Some(key) = self.order {
            key.number(epoch as u64).generator().shuffle(&mut order);
        }
        order
    }

    fn load(&self, samples: &[usize], _epoch: usize, batch: &mut Batch) -> petal::Result<()> {
        batch.samples.clear();
        batch.samples.extend_from_slice(samples);
        clear(batch);
        let width = self.sample_shape.iter().product();
        Python::attach(|py| {
            self.inputs.rows(py, samples, width, batch)?;
            match &self.targets {
                Some(targets) => rows(targets.bind(py), samples, self.target_width, &mut batch.targets),
                None => Ok(()),
            }
        })
        .map_err(|error| Error::Data(error.to_string()))
    }
}

/// Empties a batch, whose memory stays.
pub fn clear(batch: &mut Batch) {
    batch.targets.clear();
    match &mut batch.inputs {
        petal::data::Inputs::Floats(values) => values.clear(),
        petal::data::Inputs::Bytes(values) => values.clear(),
    }
}
