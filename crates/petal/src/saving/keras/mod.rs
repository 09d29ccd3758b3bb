//! Keras' own files, read and written: weights in HDF5 (`.weights.h5` and the legacy `.h5`) and whole models (`.keras`,
//! legacy `.h5`).

mod archive;
mod assign;
mod call;
mod compile_config;
mod config;
mod container;
pub mod description;
mod hdf5;
mod layer_config;
mod legacy;
mod object;
mod operation;
mod petal_notes;
mod shards;
mod write;

pub(super) use write::{save, save_legacy, save_weights};

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use self::archive::Archive;
use self::assign::Loader;
use self::legacy::Pairing;
use super::kind::{self, Kind};
use crate::model::Model;
use crate::{Error, Result};

/// How [`Model::load_weights`] matches a file with a model. By default everything has to fit.
///
/// ```no_run
/// # use petal::{layers::*, model::Model, saving::LoadWeights};
/// # let x = Input::new([4]);
/// # let mut model = Model::new(&x, &Dense::new(3).on(&x)?)?;
/// let skipped = model.load_weights("other.h5", LoadWeights::new().by_name(true).skip_mismatch(true))?;
/// for reason in skipped {
///     println!("{reason}");
/// }
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadWeights {
    by_name: bool,
    skip_mismatch: bool,
}

impl LoadWeights {
    /// Everything has to fit.
    pub fn new() -> Self {
        LoadWeights::default()
    }

    /// Loads the layers whose names are in the file and leaves the others as they are, instead of going by the
    /// layers' order. For legacy `.h5` files only.
    pub fn by_name(self, by_name: bool) -> Self {
        LoadWeights { by_name, ..self }
    }

    /// Leaves a layer as it is where the file's weights don't fit, instead of failing.
    pub fn skip_mismatch(self, skip_mismatch: bool) -> Self {
        LoadWeights { skip_mismatch, ..self }
    }
}

impl Model {
    /// Loads weights that Keras has written: `.weights.h5` and `.keras` of Keras 3, with `.weights.json` those that are
    /// cut into several files, and legacy `.h5` with weights alone or with a full model. The content tells the format,
    /// whatever the name says.
    ///
    /// Layers go by their order in the model, as in Keras; their names need not be the file's. A nested model in a
    /// legacy file counts as one layer. Its weights are found by their names, or, if these differ, in Keras' order for
    /// what is trainable now, which then has to be what was trainable when the file was written.
    ///
    /// Returns a line for each layer that was skipped, see [`LoadWeights::skip_mismatch`].
    ///
    /// # Errors
    /// If the file cannot be read or doesn't fit; the error names the first layer that doesn't, what it has and what
    /// it needs. The model is then as it was before.
    pub fn load_weights(&mut self, path: impl AsRef<Path>, options: LoadWeights) -> Result<Vec<String>> {
        let path = path.as_ref();
        let (file, kind) = kind::open(path, WEIGHTS)?;
        let file = match kind {
            Kind::Zip => hdf5::File::from_bytes(path, Archive::new(path, file)?.weights()?)?,
            Kind::Hdf5 => hdf5::File::from_bytes(path, read(path, file)?)?,
            Kind::Json => shards::open(path, file)?,
            Kind::Safetensors => {
                let problem =
                    "is a safetensors file; expected weights of Keras. Model::load opens models of Petal";
                return Err(Error::file(path, problem));
            }
        };
        let mut loader = Loader::new(&file, options.skip_mismatch);
        if legacy::is_legacy(&file)? {
            let pairing = if options.by_name { Pairing::Names } else { Pairing::Order };
            legacy::load(&file, self.graph(), pairing, &mut loader)?;
        } else if !container::is_container(&file)? {
            return Err(Error::file(path, "is an HDF5 file, but holds no weights of Keras"));
        } else if options.by_name {
            let problem = "by_name is for legacy .h5 and .hdf5 files; load this one without";
            return Err(Error::file(path, problem));
        } else {
            container::load(&file, self.graph(), "", &mut loader)?;
        }
        Ok(loader.apply(self.arena_mut()))
    }

    /// The model in a file of Keras: its layers, what trains, and its weights. If it was compiled with an optimizer, a
    /// loss and metrics that Petal has, it is so here, and the optimizer begins anew; else it has to be compiled before
    /// it is trained. [`Model::load`] opens these files too.
    ///
    /// The file is a `.keras` file of Keras 3 or 2, or an `.h5` file with a whole model (Teachable Machine's
    /// `keras_model.h5` is one). The operations that `preprocess_input` leaves in a graph (`TrueDivide`, `Subtract` and
    /// the like, with numbers) become [`Rescaling`](crate::layers::Rescaling) and
    /// [`ReverseChannels`](crate::layers::ReverseChannels) layers of the same names. Regularizers and constraints, which
    /// only matter in training, are left out, and `fit` says so. Everything is computed in `f32`, whatever the layers'
    /// `dtype` says.
    ///
    /// # Errors
    /// If the file cannot be read, a layer's class or one of its settings is none of Petal's, or the weights don't fit;
    /// the error names the layer.
    pub fn load_keras(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let (file, kind) = kind::open(path, kind::MODEL)?;
        load(path, file, kind, &[])
    }
}

/// The model in a file of this kind. `image_size` are height and width, for a model that takes images of any size, or
/// nothing.
pub(super) fn load(path: &Path, file: File, kind: Kind, image_size: &[usize]) -> Result<Model> {
    let error = |problem: String| Error::file(path, problem);
    let Parts { version, config, compile_config, notes, weights } = match kind {
        Kind::Zip => {
            let mut archive = Archive::new(path, file)?;
            let mut metadata = archive.metadata();
            let mut config = archive.config()?;
            Parts {
                version: metadata["keras_version"].as_str().map(str::to_owned),
                compile_config: config["compile_config"].take(),
                config,
                notes: metadata[petal_notes::KEY].take(),
                weights: hdf5::File::from_bytes(path, archive.weights()?)?,
            }
        }
        Kind::Hdf5 => {
            let file = hdf5::File::from_bytes(path, read(path, file)?)?;
            let attributes = file.attributes("")?.unwrap_or_default();
            let text = |name: &str| attributes.get(name).and_then(|value| value.as_str());
            // What is damaged beside the model is as what isn't there.
            let json =
                |name: &str| text(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            Parts {
                version: text("keras_version").map(str::to_owned),
                config: model_config(&file)?,
                compile_config: json("training_config"),
                notes: json(petal_notes::KEY),
                weights: file,
            }
        }
        Kind::Json => return Err(error(format!("lists the parts of weights; {NO_MODEL}"))),
        Kind::Safetensors => return Err(error("is a safetensors file; expected a model of Keras".into())),
    };
    if version.is_some_and(|version| version.starts_with("2.")) {
        layer_config::check_keras_2(&config).map_err(error)?;
    }
    let graph = config::graph(&config, image_size).map_err(error)?;
    let (params, most) = (graph.count_params(), weights.size() / SMALLEST_FLOAT);
    if params > most {
        return Err(error(format!("its layers have {params} parameters, but the file has at most {most}")));
    }
    let arena = vec![0.0; params];
    let mut model = Model::from_arena(graph, arena, 0);
    let mut loader = Loader::new(&weights, false);
    match kind {
        Kind::Hdf5 => legacy::load(&weights, model.graph(), Pairing::AllNames, &mut loader)?,
        _ => container::load(&weights, model.graph(), "", &mut loader)?,
    }
    loader.apply(model.arena_mut());
    if let Some((optimizer, loss, metrics)) = compile_config::read(&compile_config) {
        model.compile(optimizer, loss)?;
        model.metrics(metrics)?;
    }
    petal_notes::read(notes, &mut model).map_err(|problem| error(problem.to_string()))?;
    Ok(model)
}

/// What there is in a file with a whole model.
struct Parts {
    /// The Keras that has written it, where it says so.
    version: Option<String>,
    config: Value,
    /// Null where it isn't compiled.
    compile_config: Value,
    /// Null in files that Keras has written.
    notes: Value,
    weights: hdf5::File,
}

/// What the loading of weights expects, for errors.
const WEIGHTS: &str = "expected weights that Keras has written: .weights.h5, .h5, .keras or .weights.json";

/// The bytes of a float16: the smallest that Keras stores.
const SMALLEST_FLOAT: usize = 2;

const NO_MODEL: &str = "it holds weights alone. Save the whole model in Keras, model.save('model.keras'); or build its \
                        layers in Petal, and call load_weights on this file";

/// All of the file's bytes.
///
/// # Errors
/// If it cannot be read, or doesn't fit into half of the machine's memory.
fn read(path: &Path, mut file: File) -> Result<Vec<u8>> {
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let most = crate::memory::total() as u64 / 2;
    if size > most {
        let problem = format!("has {} MB; this machine can hold at most {} MB of it", size >> 20, most >> 20);
        return Err(Error::file(path, problem));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(size).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// The description of the model in a legacy file.
fn model_config(file: &hdf5::File) -> Result<Value> {
    let error = |problem: String| Error::file(file.path(), problem);
    let attributes = file.attributes("")?.unwrap_or_default();
    let Some(config) = attributes.get("model_config") else {
        return Err(error(match legacy::is_legacy(file)? || container::is_container(file)? {
            true => format!("is no whole model: {NO_MODEL}"),
            false => "is an HDF5 file, but none of Keras; expected a file of Keras with a whole model".into(),
        }));
    };
    let text = config.as_str().ok_or_else(|| error("its model_config is no text".into()))?;
    serde_json::from_str(text).map_err(|problem| error(format!("its model_config cannot be read: {problem}")))
}
