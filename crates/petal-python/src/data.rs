//! Labelled samples, as models train on them.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use numpy::ndarray::{Array, ArrayD};
use numpy::{IntoPyArray, PyArrayDyn};
use petal::data::sample::{self, SampleOptions};
use petal::data::{
    Batch, ColorMode, Dataset, ImageFolder, Interpolation, LabelMode, Photo, Preprocessing, prefetch,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::compute::{argument, compute, json as parsed};
use crate::interrupt::Raised;

/// Labelled samples.
#[pyclass(frozen, module = "petal._petal")]
pub struct Data {
    pub samples: Arc<dyn Dataset + Send + Sync>,
    #[pyo3(get)]
    file_paths: Vec<PathBuf>,
    /// What a person should know of the folder, and which files are left out.
    #[pyo3(get)]
    doubts: Vec<String>,
    pub preprocessing: Option<Preprocessing>,
    /// What Python raised where it makes the batches.
    raised: Raised,
}

impl Data {
    pub fn new(samples: Arc<dyn Dataset + Send + Sync>, raised: Raised) -> Self {
        Data { samples, file_paths: Vec::new(), doubts: Vec::new(), preprocessing: None, raised }
    }

    /// What was computed of the data, or what Python raised meanwhile.
    pub fn or_raised<R>(&self, outcome: PyResult<R>) -> PyResult<R> {
        match self.raised.take() {
            Some(error) => Err(error),
            None => outcome,
        }
    }
}

#[pymethods]
impl Data {
    fn __len__(&self) -> usize {
        self.samples.len()
    }

    #[getter]
    fn batch_size(&self) -> usize {
        self.samples.batch_size()
    }

    #[getter]
    fn sample_shape(&self) -> Vec<usize> {
        self.samples.sample_shape().to_vec()
    }

    #[getter]
    fn target_width(&self) -> usize {
        self.samples.target_width()
    }

    #[getter]
    fn class_names(&self) -> Vec<String> {
        self.samples.class_names().to_vec()
    }

    /// The batches of an epoch: inputs `[batch, …]` and targets `[batch, width]`, both float32.
    fn batches(&self, epoch: usize) -> Batches {
        let order = self.samples.order(epoch);
        Batches { samples: self.samples.clone(), epoch, order, at: 0 }
    }
}

/// The batches of an epoch, one after the other.
#[pyclass(module = "petal._petal")]
struct Batches {
    samples: Arc<dyn Dataset + Send + Sync>,
    epoch: usize,
    order: Vec<usize>,
    at: usize,
}

type PyBatch<'py> = (Bound<'py, PyArrayDyn<f32>>, Bound<'py, PyArrayDyn<f32>>);

#[pymethods]
impl Batches {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<PyBatch<'py>>> {
        let rest = &self.order[self.at..];
        let numbers = &rest[..rest.len().min(self.samples.batch_size().max(1))];
        if numbers.is_empty() {
            return Ok(None);
        }
        self.at += numbers.len();
        let (samples, epoch) = (&self.samples, self.epoch);
        let batch = compute(py, || {
            let mut batch = Batch::default();
            samples.load(numbers, epoch, &mut batch).map(|()| batch)
        })?;
        let rows = batch.len();
        let inputs =
            shaped(&[&[rows], samples.sample_shape()].concat(), batch.inputs.to_floats().into_owned())?;
        let targets = shaped(&[rows, samples.target_width()], batch.targets)?;
        Ok(Some((inputs.into_pyarray(py), targets.into_pyarray(py))))
    }
}

fn shaped(shape: &[usize], values: Vec<f32>) -> PyResult<ArrayD<f32>> {
    Array::from_shape_vec(shape, values).map_err(|problem| PyValueError::new_err(problem.to_string()))
}

/// All batches of `data` in the samples' own order; `step` gets their inputs as floats.
pub fn each_batch(
    data: &dyn Dataset,
    mut step: impl FnMut(&[f32]) -> petal::Result<()>,
) -> petal::Result<()> {
    let order: Vec<usize> = (0..data.len()).collect();
    prefetch(data, 0, &order, |batch| {
        step(&batch.inputs.to_floats())?;
        Ok(ControlFlow::Continue(()))
    })
}

/// The photos of a folder. `settings` is JSON by the names of Keras' `image_dataset_from_directory`; with the subset
/// `both`, training and validation, else one of them.
#[pyfunction]
pub fn image_directory(py: Python<'_>, directory: PathBuf, settings: &str) -> PyResult<Vec<Data>> {
    let settings = parsed(settings)?;
    compute(py, move || {
        let folder = folder(directory, &settings)?;
        let sides = match settings["subset"].as_str() {
            Some("both") => {
                let (training, validation) = folder.split()?;
                vec![training, validation]
            }
            Some("training") => vec![folder.training()?],
            Some("validation") => vec![folder.validation()?],
            _ => vec![folder.load()?],
        };
        let left_out: Vec<String> =
            sides.iter().flat_map(|side| side.skipped()).map(|file| format!("left out: {file}")).collect();
        let doubts: Vec<String> = sides.first().map_or(Vec::new(), |side| side.doubts().lines());
        Ok(sides
            .into_iter()
            .map(|side| Data {
                file_paths: side.file_paths().to_vec(),
                doubts: left_out.iter().chain(&doubts).cloned().collect(),
                preprocessing: Some(side.preprocessing().clone()),
                samples: Arc::new(side),
                raised: Raised::default(),
            })
            .collect())
    })
}

fn folder(directory: PathBuf, settings: &Value) -> petal::Result<ImageFolder> {
    let size = |i: usize| settings["image_size"][i].as_u64().unwrap_or(256) as usize;
    let mut folder = ImageFolder::new(directory)
        .image_size(size(0), size(1))
        .batch_size(settings["batch_size"].as_u64().unwrap_or(32) as usize)
        .shuffle(settings["shuffle"].as_bool().unwrap_or(true))
        .label_mode(named::<LabelMode>("label_mode", &settings["label_mode"])?)
        .color_mode(named::<ColorMode>("color_mode", &settings["color_mode"])?)
        .interpolation(named::<Interpolation>("interpolation", &settings["interpolation"])?)
        .crop_to_aspect_ratio(settings["crop_to_aspect_ratio"] == true)
        .pad_to_aspect_ratio(settings["pad_to_aspect_ratio"] == true)
        .follow_links(settings["follow_links"] == true);
    if let Some(seed) = settings["seed"].as_u64() {
        let seed = u32::try_from(seed).map_err(|_| argument("seed", seed, "a number of 32 bits"))?;
        folder = folder.seed(seed);
    }
    if let Some(share) = settings["validation_split"].as_f64() {
        folder = folder.validation_split(share);
    }
    if let Some(names) = settings["class_names"].as_array() {
        folder = folder.class_names(names.iter().filter_map(Value::as_str));
    }
    Ok(folder)
}

/// A setting that Keras names by a word.
fn named<T: serde::de::DeserializeOwned + Default>(name: &'static str, word: &Value) -> petal::Result<T> {
    if word.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(word.clone()).map_err(|problem| argument(name, word, problem))
}

/// A photo as models get it, `[height, width, channels]`. `settings` is the JSON of a `Preprocessing`; with the
/// `image_size` null, at the photo's own size.
#[pyfunction]
pub fn load_image<'py>(
    py: Python<'py>,
    path: PathBuf,
    settings: &str,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let mut settings = parsed(settings)?;
    let (shape, values) = compute(py, move || {
        if settings["image_size"].is_null() {
            let photo = Photo::open(&path)?;
            settings["image_size"] = json!([photo.height(), photo.width()]);
        }
        let preprocessing: Preprocessing = serde_json::from_value(settings.clone())
            .map_err(|problem| argument("load_img", &settings, problem))?;
        Ok((preprocessing.shape(), preprocessing.load(&path)?))
    })?;
    Ok(shaped(&shape, values)?.into_pyarray(py))
}

/// Draws photos of flowers into a folder, as many of each of five classes.
#[pyfunction]
pub fn sample_photos(py: Python<'_>, folder: PathBuf, photos_per_class: usize) -> PyResult<()> {
    let options = SampleOptions { per_class: photos_per_class, ..SampleOptions::default() };
    compute(py, move || sample::write(folder, &options))
}
