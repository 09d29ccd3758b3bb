//! `model.petal`: a safetensors file whose metadata holds the model's description.
//!
//! Weights are named by their path, `conv2d/kernel`, in Keras' layouts; the optimizer's arrays are
//! `/optimizer/0/conv2d/kernel`, which no weight can be called since no layer's name is empty.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, View};

use super::document::{Document, TrainingState};
use super::write_atomically;
use crate::layers::graph::ModelWeight;
use crate::model::Compiled;
use crate::model::Model;
use crate::optimizers::State;
use crate::{Error, Result};

/// The key of the description in the file's metadata.
const KEY: &str = "petal";

impl Model {
    /// Writes the model with all that training needs to go on.
    pub(super) fn save_petal(&self, path: &Path) -> Result<()> {
        let document = Document::new(
            self.seed(),
            self.graph().clone(),
            self.class_names().to_vec(),
            self.preprocessing().cloned(),
            self.compiled.as_ref().map(training_state),
            self.history(),
        );
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
        let tensors = stored(&self.saved_weights(), slots.len()).into_iter().map(|stored| {
            let values = match stored.slot {
                None => &self.arena()[stored.range],
                Some(slot) => &slots[slot][stored.range],
            };
            (stored.name, Values { shape: stored.shape, values })
        });
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        let bytes =
            safetensors::serialize(tensors, Some(metadata)).map_err(|error| Error::file(path, error))?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// Reads the model in a safetensors file.
    pub(super) fn load_petal(path: &Path, file: File) -> Result<Model> {
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
        file.check(&tensors)?;
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
        *model.history_mut() = history;
        model.compiled = training.map(|TrainingState { optimizer, loss, metrics, trainable, .. }| Compiled {
            optimizer,
            loss,
            metrics,
            state,
            trainable,
        });
        Ok(model)
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

/// Floats as safetensors stores them.
struct Values<'a> {
    shape: Vec<usize>,
    values: &'a [f32],
}

impl View for Values<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

/// An open model file, whose header has been checked against its length.
struct PetalFile<'a> {
    path: &'a Path,
    file: File,
    header: Metadata,
    /// Where the tensors begin.
    data: u64,
}

impl<'a> PetalFile<'a> {
    fn open(path: &'a Path, mut file: File) -> Result<Self> {
        let error =
            |problem: &str| Error::file(path, format!("{problem}; expected a model that Petal saved"));
        let len = file.metadata().map_err(Error::io("read", path))?.len();
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

    /// Whether the file's tensors are these.
    fn check(&self, expected: &[Stored]) -> Result<()> {
        for tensor in expected {
            let Stored { name, shape, .. } = tensor;
            let problem = match self.header.info(name) {
                None => "is missing".to_owned(),
                Some(found) if found.shape != *shape => {
                    format!("has shape {:?}; expected {shape:?}", found.shape)
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
        if found.len() == expected.len() {
            return Ok(());
        }
        found.retain(|name| expected.iter().all(|tensor| tensor.name != *name));
        Err(self.error(format!("the model has no weight '{}', which is in the file", found.join("', '"))))
    }

    fn read(&mut self, name: &str, values: &mut [f32]) -> Result<()> {
        let start = self.header.info(name).map_or(0, |info| info.data_offsets.0) as u64;
        self.file.seek(SeekFrom::Start(self.data + start)).map_err(Error::io("read", self.path))?;
        // By parts that stay in the cache: memory for a whole tensor would take longer to get than the file to read.
        let mut part = [0; 1 << 15];
        for values in values.chunks_mut(part.len() / size_of::<f32>()) {
            let bytes = &mut part[..size_of_val(values)];
            self.file.read_exact(bytes).map_err(Error::io("read", self.path))?;
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
        Ok(())
    }
}
