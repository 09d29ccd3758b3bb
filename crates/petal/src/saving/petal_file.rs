//! `model.petal`: a safetensors file whose metadata holds the model's description.
//!
//! Weights are named by their path, `conv2d/kernel`, in Keras' layouts; the optimizer's arrays are
//! `/optimizer/0/conv2d/kernel`, which no weight can be called since no layer's name is empty. The kernels of a model with
//! 8-bit numbers are bytes, `/scales/conv2d/kernel` what those of each output channel are multiplied with.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, Metadata, View};

use super::document::{Document, TrainingState};
use super::write_atomically;
use crate::layers::graph::ModelWeight;
use crate::model::Compiled;
use crate::model::Model;
use crate::optimizers::State;
use crate::program::{Gradient, Mode, Passes, kernel_scales};
use crate::{Error, Result};

/// The key of the description in the file's metadata.
const KEY: &str = "petal";
/// What errors call a model that is in no file.
const IN_MEMORY: &str = "a model in memory";

impl Model {
    /// Writes the model with all that training needs to go on.
    pub(super) fn save_petal(&self, path: &Path) -> Result<()> {
        let bytes = self.petal_file(path)?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// What [`save`](Model::save) writes into a `.petal` file, to be sent elsewhere.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::new([4]);
    /// let model = Model::new(&x, &Dense::new(3).on(&x)?)?;
    /// let same = Model::from_bytes(&model.to_bytes()?)?;
    /// assert_eq!(same.weight("dense/kernel")?, model.weight("dense/kernel")?);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a setting is not a finite number.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.petal_file(Path::new(IN_MEMORY))
    }

    /// The model that [`to_bytes`](Model::to_bytes) gave, or that a `.petal` file holds.
    ///
    /// # Errors
    /// If these are not the bytes of a model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model> {
        Model::load_petal(Path::new(IN_MEMORY), Cursor::new(bytes))
    }

    /// The content of the file at this path.
    fn petal_file(&self, path: &Path) -> Result<Vec<u8>> {
        let document = Document::new(self, self.compiled.as_ref().map(training_state));
        let text = serde_json::to_string(&document).map_err(|error| Error::file(path, error))?;
        // What is written can be read again.
        let problem = match Document::parse(&text) {
            Ok(read) if read == document => None,
            Ok(_) => Some("a setting is not a finite number".to_owned()),
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            return Err(Error::file(path, format!("model '{}' cannot be saved: {problem}", self.name())));
        }
        let state = self.compiled.as_ref().and_then(|compiled| compiled.state.as_ref());
        let slots = state.map_or(&[][..], |state| &state.slots);
        let bytes = self.rounded_weights()?;
        let tensors = stored(&self.saved_weights(), slots.len()).into_iter().flat_map(|stored| {
            let values = match stored.slot {
                None => &self.arena()[stored.range],
                Some(slot) => &slots[slot][stored.range],
            };
            let Some(&channels) = bytes.get(&stored.name).filter(|_| stored.slot.is_none()) else {
                let numbers = Numbers::Floats(values.into());
                return vec![(stored.name, Values { shape: stored.shape, numbers })];
            };
            let scales = kernel_scales(values, channels);
            let step =
                |(i, value): (usize, &f32)| ((value / scales[i % channels]).round() as i8).cast_unsigned();
            let numbers = Numbers::Bytes(values.iter().enumerate().map(step).collect());
            let kernel = (stored.name.clone(), Values { shape: stored.shape, numbers });
            let numbers = Numbers::Floats(scales.into());
            vec![kernel, (scales_of(&stored.name), Values { shape: vec![channels], numbers })]
        });
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        safetensors::serialize(tensors, Some(metadata)).map_err(|error| Error::file(path, error))
    }

    /// Reads the model in a safetensors file.
    pub(super) fn load_petal(path: &Path, file: impl Read + Seek) -> Result<Model> {
        let mut file = PetalFile::open(path, file)?;
        let mut document = file.document()?;
        let history = document.history();
        let Document { graph, training, .. } = document;
        let weights =
            with_flags(graph.all_weights(), training.as_ref().map(|training| &training.trainable[..]));
        if let Some(training) = &training {
            check_training(training, weights.len()).map_err(|problem| file.error(problem))?;
        }
        let trained = training.as_ref().and_then(|training| Some((training, training.iterations?)));
        let tensors = stored(&weights, trained.map_or(0, |(training, _)| training.optimizer.slots()));
        // Only after this is memory taken: the file has to hold all that it asks for.
        file.check(&tensors, document.ranges.is_some())?;
        let mut arena = vec![0.0; graph.count_params()];
        let mut state = trained.map(|(training, iterations)| {
            let mut state = State::new(&training.optimizer, &weights);
            state.iterations = iterations;
            state
        });
        for tensor in tensors {
            let values = match (tensor.slot, &mut state) {
                (Some(slot), Some(state)) => &mut state.slots[slot][tensor.range],
                _ => &mut arena[tensor.range],
            };
            file.read(&tensor.name, values)?;
        }
        drop(weights);
        let mut model = Model::from_arena(graph, arena, document.seed);
        model.set_class_names(document.class_names).map_err(|error| file.error(error))?;
        if let Some(preprocessing) = document.preprocessing {
            model.set_preprocessing(preprocessing).map_err(|error| file.error(error))?;
        }
        model.set_temperature(document.temperature.unwrap_or(1.0)).map_err(|error| file.error(error))?;
        model.set_familiarity(document.familiarity).map_err(|error| file.error(error))?;
        *model.history_mut() = history;
        if let Some(ranges) = document.ranges {
            let program = model.program(Mode::Infer, Gradient::None).simplify(Passes::default());
            program.by_value(&ranges).map_err(|error| file.error(error))?;
            model.ranges = Some(Arc::new(ranges));
        }
        model.compiled = training.map(|TrainingState { optimizer, loss, metrics, trainable, .. }| Compiled {
            optimizer,
            loss,
            metrics,
            state,
            trainable,
        });
        Ok(model)
    }

    /// Of weights that are saved as bytes the number of output channels.
    fn rounded_weights(&self) -> Result<HashMap<String, usize>> {
        if !self.is_quantized() {
            return Ok(HashMap::new());
        }
        let (program, _) = self.inference()?;
        Ok(Model::rounded_kernels(&program).map(|(path, channels)| (path.to_owned(), channels)).collect())
    }

    /// The weights with the flags that the optimizer's state goes with.
    fn saved_weights(&self) -> Vec<ModelWeight<'_>> {
        let flags = self.compiled.as_ref().map(|compiled| &compiled.trainable[..]);
        with_flags(self.graph().all_weights(), flags)
    }
}

fn with_flags<'a>(mut weights: Vec<ModelWeight<'a>>, flags: Option<&[bool]>) -> Vec<ModelWeight<'a>> {
    for (weight, &trainable) in weights.iter_mut().zip(flags.unwrap_or_default()) {
        weight.trainable = trainable;
    }
    weights
}

fn training_state(compiled: &Compiled) -> TrainingState {
    TrainingState {
        optimizer: compiled.optimizer.clone(),
        loss: compiled.loss.clone(),
        metrics: compiled.metrics.clone(),
        trainable: compiled.trainable.clone(),
        iterations: compiled.state.as_ref().map(|state| state.iterations),
    }
}

fn check_training(training: &TrainingState, weights: usize) -> Result<(), String> {
    training.optimizer.check().map_err(|error| error.to_string())?;
    let flags = training.trainable.len();
    if flags != weights {
        return Err(format!("it says of {flags} weights whether they train; expected {weights}"));
    }
    match training.iterations {
        Some(steps) if steps > 1 << 53 => {
            Err(format!("its optimizer has taken {steps} steps, which cannot be"))
        }
        _ => Ok(()),
    }
}

/// A tensor of the file and where it belongs.
struct Stored {
    name: String,
    shape: Vec<usize>,
    /// The optimizer's array that it is part of; none for the model's own weights.
    slot: Option<usize>,
    range: std::ops::Range<usize>,
}

/// What a file holds for a model with these weights and an optimizer with this many arrays.
fn stored(weights: &[ModelWeight<'_>], slots: usize) -> Vec<Stored> {
    let own = weights.iter().map(|weight| Stored {
        name: weight.path.clone(),
        shape: weight.weight.shape.clone(),
        slot: None,
        range: weight.weight.range(),
    });
    let mut tensors: Vec<Stored> = own.collect();
    for slot in 0..slots {
        let mut start = 0;
        for weight in weights.iter().filter(|weight| weight.trainable) {
            let range = start..start + weight.weight.elements();
            start = range.end;
            let name = format!("/optimizer/{slot}/{}", weight.path);
            tensors.push(Stored { name, shape: weight.weight.shape.clone(), slot: Some(slot), range });
        }
    }
    tensors
}

/// The name of the scales of a kernel of bytes.
fn scales_of(kernel: &str) -> String {
    format!("/scales/{kernel}")
}

/// Numbers as safetensors stores them.
struct Values<'a> {
    shape: Vec<usize>,
    numbers: Numbers<'a>,
}

enum Numbers<'a> {
    Floats(Cow<'a, [f32]>),
    Bytes(Vec<u8>),
}

impl View for Values<'_> {
    fn dtype(&self) -> Dtype {
        match self.numbers {
            Numbers::Floats(_) => Dtype::F32,
            Numbers::Bytes(_) => Dtype::I8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.numbers {
            Numbers::Floats(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Numbers::Bytes(bytes) => bytes.into(),
        }
    }

    fn data_len(&self) -> usize {
        match &self.numbers {
            Numbers::Floats(values) => size_of_val(&values[..]),
            Numbers::Bytes(bytes) => bytes.len(),
        }
    }
}

/// An open model file, whose header has been checked against its length.
struct PetalFile<'a, R> {
    path: &'a Path,
    file: R,
    header: Metadata,
    /// Where the tensors begin.
    data: u64,
}

impl<'a, R: Read + Seek> PetalFile<'a, R> {
    fn open(path: &'a Path, mut file: R) -> Result<Self> {
        let error =
            |problem: &str| Error::file(path, format!("{problem}; expected a model that Petal saved"));
        let len = file.seek(SeekFrom::End(0)).and_then(|len| file.rewind().map(|()| len));
        let len = len.map_err(Error::io("read", path))?;
        let mut prefix = [0; 8];
        file.read_exact(&mut prefix)
            .map_err(|_| error(&format!("it has {len} bytes, too few for a header")))?;
        let header_len = u64::from_le_bytes(prefix);
        if header_len > len - 8 {
            return Err(error(&format!(
                "it has {len} bytes, but its header alone {header_len}: it was cut off; copy it again"
            )));
        }
        let mut header = Vec::new();
        (&mut file).take(header_len).read_to_end(&mut header).map_err(Error::io("read", path))?;
        let header: Metadata = serde_json::from_slice(&header)
            .map_err(|problem| error(&format!("its header is damaged ({problem})")))?;
        let (data, found) = (8 + header_len, len - 8 - header_len);
        let expected = header.data_len() as u64;
        if found != expected {
            let problem = format!("it has {found} bytes of weights, but its header describes {expected}");
            return Err(error(&format!("{problem}: it was cut off or damaged")));
        }
        Ok(PetalFile { path, file, header, data })
    }

    fn error(&self, problem: impl std::fmt::Display) -> Error {
        Error::file(self.path, problem)
    }

    fn document(&self) -> Result<Document> {
        let text = self.header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| {
            self.error(
                "it is a safetensors file without a model's description; expected a model that Petal saved",
            )
        })?;
        Document::parse(text).map_err(|problem| self.error(problem))
    }

    /// Whether the file's tensors are these, of which kernels may be bytes if `rounded`.
    fn check(&self, expected: &[Stored], rounded: bool) -> Result<()> {
        let mut scales = 0;
        for tensor in expected {
            let Stored { name, shape, .. } = tensor;
            let problem = match self.header.info(name) {
                None => "is missing".to_owned(),
                Some(found) if found.shape != *shape => {
                    format!("has shape {:?}; expected {shape:?}", found.shape)
                }
                Some(found) if found.dtype == Dtype::I8 && rounded && tensor.slot.is_none() => {
                    scales += 1;
                    match self.header.info(&scales_of(name)) {
                        Some(info) if info.dtype == Dtype::F32 && is_channels(&info.shape, shape) => continue,
                        Some(info) => format!(
                            "has scales of type {} and shape {:?}; expected {} and one for each output channel",
                            info.dtype,
                            info.shape,
                            Dtype::F32
                        ),
                        None => "is bytes without scales".to_owned(),
                    }
                }
                Some(found) if found.dtype != Dtype::F32 => {
                    format!("has type {}; expected {}", found.dtype, Dtype::F32)
                }
                Some(_) => continue,
            };
            return Err(self.error(match name.rsplit_once('/') {
                Some((layer, weight)) if tensor.slot.is_none() => {
                    format!("layer '{layer}': weight '{weight}' {problem}")
                }
                _ => format!("the optimizer's tensor '{name}' {problem}"),
            }));
        }
        let mut found = self.header.offset_keys();
        if found.len() == expected.len() + scales {
            return Ok(());
        }
        found.retain(|name| {
            expected.iter().all(|tensor| tensor.name != *name && scales_of(&tensor.name) != *name)
        });
        Err(self.error(format!("the model has no weight '{}', which is in the file", found.join("', '"))))
    }

    /// Reads a tensor, of floats or of bytes that are multiplied with scales.
    fn read(&mut self, name: &str, values: &mut [f32]) -> Result<()> {
        if self.header.info(name).is_none_or(|info| info.dtype != Dtype::I8) {
            return self.read_numbers(name, values, f32::from_le_bytes);
        }
        let scales = scales_of(name);
        let mut channels = vec![0.0; self.header.info(&scales).map_or(1, |info| info.shape.iter().product())];
        self.read_numbers(&scales, &mut channels, f32::from_le_bytes)?;
        self.read_numbers(name, values, |[byte]| f32::from(byte.cast_signed()))?;
        for row in values.chunks_mut(channels.len().max(1)) {
            row.iter_mut().zip(&channels).for_each(|(value, scale)| *value *= scale);
        }
        Ok(())
    }

    /// Reads the numbers of a tensor, which are `SIZE` bytes each.
    fn read_numbers<const SIZE: usize>(
        &mut self,
        name: &str,
        values: &mut [f32],
        number: impl Fn([u8; SIZE]) -> f32,
    ) -> Result<()> {
        let start = self.header.info(name).map_or(0, |info| info.data_offsets.0) as u64;
        self.file.seek(SeekFrom::Start(self.data + start)).map_err(Error::io("read", self.path))?;
        // By parts that stay in the cache: memory for a whole tensor would take longer to get than the file to read.
        let mut part = [0; 1 << 15];
        for values in values.chunks_mut(part.len() / SIZE) {
            let bytes = &mut part[..SIZE * values.len()];
            self.file.read_exact(bytes).map_err(Error::io("read", self.path))?;
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = number(*bytes);
            }
        }
        Ok(())
    }
}

/// Whether this is the shape of one number for each output channel of a kernel.
fn is_channels(scales: &[usize], kernel: &[usize]) -> bool {
    let channels = |axes: usize| kernel.iter().rev().take(axes).product::<usize>();
    matches!(scales, [count] if *count == channels(1) || *count == channels(2))
}
