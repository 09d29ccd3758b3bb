//! Tensors that promise a layer's output.

use petal::layers::{self, Layer, LayerSpec};
use petal::saving::description;
use pyo3::prelude::*;

use crate::compute::{exception, json};
use crate::model::Model;

/// The promise of a layer's output.
#[pyclass(frozen, module = "petal._petal")]
pub struct Tensor(pub petal::model::Tensor);

#[pymethods]
impl Tensor {
    /// The shape of one sample.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// Whether the two are the same layer's.
    fn same_as(&self, other: &Tensor) -> bool {
        self.0.is_same(&other.0)
    }
}

/// A model's input, for samples of this shape.
#[pyfunction]
pub fn input(shape: Vec<usize>, name: String) -> Tensor {
    Tensor(layers::Input::with_name(shape, name))
}

/// What the layer gives that `description`, Keras' JSON, describes.
#[pyfunction]
pub fn apply(description: &str, inputs: Vec<PyRef<'_, Tensor>>) -> PyResult<Tensor> {
    let inputs: Vec<_> = inputs.iter().map(|input| input.0.clone()).collect();
    let spec = description::layer(&json(description)?, &inputs).map_err(exception)?;
    spec.on(&inputs[..]).map(Tensor).map_err(exception)
}

/// What `model` gives as a layer of this name; with `infers`, in inference mode even while the model around it trains.
#[pyfunction]
pub fn nest(py: Python<'_>, model: &Model, infers: bool, name: String, input: &Tensor) -> PyResult<Tensor> {
    let spec = model
        .read(py, |model| Ok(if infers { model.with_training(false) } else { LayerSpec::from(model) }))?;
    spec.name(name).on(&input.0).map(Tensor).map_err(exception)
}

/// Refuses the description of a layer that Petal lacks, or with settings that are none of its.
#[pyfunction]
pub fn check(description: &str) -> PyResult<()> {
    description::layer(&json(description)?, &[]).map(drop).map_err(exception)
}
