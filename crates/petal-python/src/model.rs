//! Models with their weights.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use numpy::ndarray::{ArrayD, ArrayViewD};
use numpy::{IntoPyArray, PyArrayDyn, PyReadonlyArrayDyn};
use petal::Error;
use petal::layers::AnyLayer;
use petal::model::{Graph, Node, Sequential};
use petal::saving::onnx::{InputKind, Layout, Onnx};
use petal::saving::{LoadWeights, description};
use petal::training::{Metric, Optimizer};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::json;

use crate::compute::{compute, exception, json as parsed};
use crate::data::{Data, each_batch};
use crate::fit;
use crate::symbolic::Tensor;

/// A graph of layers with its weights.
#[pyclass(frozen, module = "petal._petal")]
pub struct Model(pub Shared);

/// The model, or why it isn't there.
pub type Shared = Arc<RwLock<Held>>;

/// A model in its place.
#[allow(clippy::large_enum_variant)]
pub enum Held {
    Here(petal::model::Model),
    /// `fit` has it.
    Training,
    /// A bug ended its training.
    Lost,
}

impl Held {
    fn model(&mut self) -> petal::Result<&mut petal::model::Model> {
        match self {
            Held::Here(model) => Ok(model),
            absent => Err(absent.reason()),
        }
    }

    pub fn reason(&self) -> Error {
        Error::Training(match self {
            Held::Lost => {
                "a bug in Petal has ended this model's training and left it without weights; load it again"
                    .into()
            }
            _ => "the model is being trained by another thread; wait until its fit has ended".into(),
        })
    }
}

impl Model {
    pub fn new(model: petal::model::Model) -> Self {
        Model(Arc::new(RwLock::new(Held::Here(model))))
    }

    /// Calls `look` with the model, without Python's lock.
    pub fn read<R: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&petal::model::Model) -> petal::Result<R> + Send,
    ) -> PyResult<R> {
        compute(py, || match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Held::Here(model) => look(model),
            absent => Err(absent.reason()),
        })
    }

    /// Calls `change` with the model, without Python's lock.
    fn write<R: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut petal::model::Model) -> petal::Result<R> + Send,
    ) -> PyResult<R> {
        compute(py, || change(self.0.write().unwrap_or_else(PoisonError::into_inner).model()?))
    }
}

#[pymethods]
impl Model {
    /// The model between two tensors.
    #[staticmethod]
    fn between(input: &Tensor, output: &Tensor, name: String, seed: u64) -> PyResult<Self> {
        petal::model::Model::named(name, seed, &input.0, &output.0).map(Model::new).map_err(exception)
    }

    /// The chain of layers between two tensors.
    #[staticmethod]
    fn sequential(input: &Tensor, output: &Tensor, name: String, seed: u64) -> PyResult<Self> {
        Sequential::between(name, seed, &input.0, &output.0).map(Model::new).map_err(exception)
    }

    /// The model in a file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        compute(py, move || petal::model::Model::load(path)).map(Model::new)
    }

    /// The model of a description, `config.json` in a `.keras` file.
    #[staticmethod]
    fn from_config(description: &str) -> PyResult<Self> {
        description::model(&parsed(description)?).map(Model::new).map_err(exception)
    }

    /// Its description, `config.json` in a `.keras` file.
    fn config(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |model| description::of_model(model).map(|config| config.to_string()))
    }

    /// Another model with the same layers and weights.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        self.read(py, |model| Ok(model.clone())).map(Model::new)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.read(py, |model| model.save(path))
    }

    fn load_weights(
        &self,
        py: Python<'_>,
        path: PathBuf,
        by_name: bool,
        skip_mismatch: bool,
    ) -> PyResult<Vec<String>> {
        let options = LoadWeights::new().by_name(by_name).skip_mismatch(skip_mismatch);
        self.write(py, |model| model.load_weights(path, options))
    }

    /// Writes the model for other programs, in ONNX.
    fn export_onnx(
        &self,
        py: Python<'_>,
        path: PathBuf,
        nchw: bool,
        bytes: bool,
        logits: bool,
    ) -> PyResult<()> {
        let layout = if nchw { Layout::Nchw } else { Layout::Nhwc };
        let input = if bytes { InputKind::Uint8 } else { InputKind::Float32 };
        let settings = Onnx::new().layout(layout).input(input).logits(logits);
        self.read(py, |model| model.export(path, &settings).map(drop))
    }

    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |model| Ok(model.name().to_owned()))
    }

    /// `Functional` or `Sequential`.
    #[getter]
    fn class_name(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, |model| Ok(model.class_name()))
    }

    #[getter]
    fn input_shape(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.read(py, |model| Ok(model.input_shape().to_vec()))
    }

    #[getter]
    fn output_shape(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.read(py, |model| Ok(model.output_shape().to_vec()))
    }

    /// Its layers as JSON, those of a nested model within it: class, name, settings, what it is called on, shapes.
    fn layers(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |model| Ok(layers(model).to_string()))
    }

    /// The layers' outputs, to call others on them.
    fn tensors(&self, py: Python<'_>) -> PyResult<Vec<Tensor>> {
        self.read(py, |model| Ok(model.tensors()?.into_iter().map(Tensor).collect()))
    }

    fn summary(
        &self,
        py: Python<'_>,
        line_length: Option<usize>,
        expand_nested: bool,
        show_trainable: bool,
    ) -> PyResult<String> {
        self.read(py, |model| {
            let summary = model.summary().expand_nested(expand_nested).show_trainable(show_trainable);
            Ok(match line_length {
                Some(length) => summary.line_length(length).to_string(),
                None => summary.to_string(),
            })
        })
    }

    /// Paths of all weights, `layer/kernel`, whether each trains, and its shape.
    fn weights(&self, py: Python<'_>) -> PyResult<Vec<(String, Vec<usize>, bool)>> {
        self.read(py, |model| {
            let describe = |(path, values): (String, ArrayViewD<'_, f32>)| {
                let trains = trains(model, &path);
                (path, values.shape().to_vec(), trains)
            };
            Ok(model.weights().into_iter().map(describe).collect())
        })
    }

    fn weight<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        Ok(self.read(py, |model| model.weight(path))?.into_pyarray(py))
    }

    fn set_weight(&self, py: Python<'_>, path: &str, values: PyReadonlyArrayDyn<'_, f32>) -> PyResult<()> {
        let values = values.as_array();
        self.write(py, |model| model.set_weight(path, values))
    }

    /// Takes the weights below `from_` in another model (empty: all of it) as those below `to` in this one.
    #[pyo3(signature = (other, from_, to))]
    fn take_weights(&self, py: Python<'_>, other: &Model, from_: &str, to: &str) -> PyResult<()> {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ok(());
        }
        let weights: Vec<(String, ArrayD<f32>)> = other.read(py, |model| {
            let own = model.weights().into_iter().filter_map(|(path, values)| {
                let rest = path.strip_prefix(from_)?;
                Some((format!("{to}{rest}"), values.to_owned()))
            });
            Ok(own.collect())
        })?;
        self.write(py, |model| {
            weights.iter().try_for_each(|(path, values)| model.set_weight(path, values.view()))
        })
    }

    /// Whether the layer at a path (`base/conv1`, empty: the model) trains.
    fn trainable(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        self.read(py, |model| match path.is_empty() {
            true => Ok(model.trainable()),
            false => Ok(node(model, path)?.trainable()),
        })
    }

    fn set_trainable(&self, py: Python<'_>, path: &str, trainable: bool) -> PyResult<()> {
        self.write(py, |model| {
            let (outer, name) = path.rsplit_once('/').unwrap_or(("", path));
            match (outer, name) {
                ("", "") => model.set_trainable(trainable),
                ("", name) => model.get_layer_mut(name)?.set_trainable(trainable),
                (outer, name) => {
                    let mut names = outer.split('/');
                    let mut graph = model.get_model_mut(names.next().unwrap_or_default())?;
                    for name in names {
                        graph = graph.get_model_mut(name)?;
                    }
                    graph.get_layer_mut(name)?.set_trainable(trainable);
                }
            }
            Ok(())
        })
    }

    /// Numbers of trainable and of other weights.
    fn params(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        self.read(py, |model| {
            let trainable = model.summary().trainable_params();
            Ok((trainable, model.count_params() - trainable))
        })
    }

    /// Sets optimizer, loss and metrics by Keras' JSON.
    fn compile(&self, py: Python<'_>, optimizer: &str, loss: &str, metrics: Vec<String>) -> PyResult<()> {
        let optimizer: Optimizer = description::optimizer(&parsed(optimizer)?).map_err(exception)?;
        let loss = description::loss(&parsed(loss)?).map_err(exception)?;
        let metrics: Vec<Metric> = metrics
            .iter()
            .map(|metric| description::metric(&parsed(metric)?).map_err(exception))
            .collect::<PyResult<_>>()?;
        self.write(py, move |model| {
            model.compile(optimizer, loss)?;
            model.metrics(metrics)
        })
    }

    #[getter]
    fn is_compiled(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |model| Ok(model.is_compiled()))
    }

    #[getter]
    fn learning_rate(&self, py: Python<'_>) -> PyResult<Option<f32>> {
        self.read(py, |model| Ok(model.learning_rate()))
    }

    #[setter]
    fn set_learning_rate(&self, py: Python<'_>, learning_rate: f32) -> PyResult<()> {
        self.write(py, |model| model.set_learning_rate(learning_rate))
    }

    #[getter]
    fn class_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.read(py, |model| Ok(model.class_names().to_vec()))
    }

    /// Keeps with the model what its file needs to classify photos: names and preprocessing of the data that it was
    /// trained on, where they go together.
    fn describe_data(&self, py: Python<'_>, data: &Data) -> PyResult<()> {
        self.write(py, |model| {
            let names = data.samples.class_names();
            // For others than classifiers of these photos they say nothing.
            if let (Some(preprocessing), false) = (&data.preprocessing, names.is_empty()) {
                let _ = model.set_class_names(names.to_vec());
                let _ = model.set_preprocessing(preprocessing.clone());
            }
            Ok(())
        })
    }

    /// Trains; see `keras.Model.fit`. Returns the epochs and their logs, and what each native callback has to say.
    #[pyo3(signature = (data, validation, settings, callbacks, hooks))]
    fn fit<'py>(
        &self,
        py: Python<'py>,
        data: &Data,
        validation: Option<&Data>,
        settings: &str,
        callbacks: Vec<String>,
        hooks: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        fit::fit(py, &self.0, data, validation, &parsed(settings)?, &callbacks, hooks)
    }

    /// Loss and metrics by name.
    fn evaluate<'py>(&self, py: Python<'py>, data: &Data) -> PyResult<Bound<'py, PyDict>> {
        let evaluation = data.or_raised(self.read(py, |model| model.evaluate(&*data.samples)))?;
        let logs = PyDict::new(py);
        logs.set_item("loss", evaluation.loss)?;
        for (name, value) in &evaluation.metrics {
            logs.set_item(name, value)?;
        }
        Ok(logs)
    }

    /// The outputs for all samples in their own order, `[samples, …]`.
    fn predict<'py>(&self, py: Python<'py>, data: &Data) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let outputs = data.or_raised(self.read(py, |model| {
            if data.samples.sample_shape() != &model.input_shape()[..] {
                // The same words as for an array.
                return model
                    .predict_array(ArrayD::zeros([&[1], data.samples.sample_shape()].concat()).view());
            }
            let mut predictor = model.predictor(data.samples.batch_size().min(data.samples.len()))?;
            let mut outputs: Vec<f32> = Vec::new();
            each_batch(&*data.samples, |inputs| {
                outputs.extend_from_slice(predictor.predict(inputs)?);
                Ok(())
            })?;
            let width = model.output_shape().elements().max(1);
            let shape = [&[outputs.len() / width], &model.output_shape()[..]].concat();
            ArrayD::from_shape_vec(shape, outputs).map_err(|problem| Error::Data(problem.to_string()))
        }))?;
        Ok(outputs.into_pyarray(py))
    }

    /// The outputs for `[samples, …]`; with `training`, with augmentation, dropout and batch statistics, another draw each
    /// time that `draw` is another.
    fn call<'py>(
        &self,
        py: Python<'py>,
        inputs: PyReadonlyArrayDyn<'py, f32>,
        training: bool,
        draw: usize,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let inputs: ArrayViewD<'_, f32> = inputs.as_array();
        let outputs = self.read(py, |model| match training {
            true => model.augment(inputs, draw),
            false => model.predict_array(inputs),
        })?;
        Ok(outputs.into_pyarray(py))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |model| Ok(format!("{model:?}")))
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }
}

fn layers(graph: &Graph) -> serde_json::Value {
    let all = graph.nodes();
    let hidden = all.len() - graph.layers().len();
    let describe = |(number, node): (usize, &Node)| {
        let inputs: Vec<&str> = node.inputs().iter().map(|&input| all[input].name()).collect();
        let nested = node.as_model().map(layers);
        json!({
            "class_name": node.layer().class_name(),
            "name": node.name(),
            // That of a model would be all of it.
            "config": if matches!(node.layer(), AnyLayer::Nested(_)) { json!({}) } else { node.layer().get_config() },
            "inputs": inputs,
            "output_shape": node.output_shape().to_vec(),
            "weights": node.weights().iter().map(|weight| weight.name).collect::<Vec<_>>(),
            "hidden": number < hidden,
            "layers": nested,
        })
    };
    all.iter().enumerate().map(describe).collect()
}

fn node<'a>(graph: &'a Graph, path: &str) -> petal::Result<&'a Node> {
    let mut names = path.split('/');
    let mut node = graph.get_layer(names.next().unwrap_or_default())?;
    for name in names {
        let inner = node.as_model().ok_or_else(|| no_model(node))?;
        node = inner.get_layer(name)?;
    }
    Ok(node)
}

fn no_model(node: &Node) -> Error {
    Error::Layer { layer: node.name().to_owned(), problem: "has no layers in it; expected a model".into() }
}

/// Whether the weight at a path trains, all models around its layer too.
fn trains(graph: &Graph, path: &str) -> bool {
    let Some((name, rest)) = path.split_once('/') else { return false };
    let Ok(node) = graph.get_layer(name) else { return false };
    graph.trainable()
        && match node.as_model() {
            Some(inner) => trains(inner, rest),
            None => {
                node.trainable()
                    && node.weights().iter().any(|weight| weight.name == rest && weight.trainable)
            }
        }
}
