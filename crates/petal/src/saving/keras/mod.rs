//! Keras' own files: weights in HDF5 (`.weights.h5` and the legacy `.h5`) and whole models (`.keras`).

mod archive;
mod assign;
mod config;
mod container;
mod hdf5;
mod layer_config;
mod legacy;

use std::path::Path;

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
    /// Loads weights that Keras has written. The name's ending tells the format: `.weights.h5` and `.keras` of Keras 3,
    /// or the legacy `.h5` or `.hdf5`, with weights alone or with a full model.
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
        let format = Format::of(path)?;
        if options.by_name && format != Format::Legacy {
            return Err(Error::file(
                path,
                "by_name is for legacy .h5 and .hdf5 files; load this one without",
            ));
        }
        let bytes = match format {
            Format::Keras => archive::Archive::open(path)?.weights(self.count_params())?,
            Format::Weights | Format::Legacy => std::fs::read(path).map_err(Error::io("read", path))?,
        };
        let file = hdf5::File::from_bytes(path, bytes)?;
        let mut loader = assign::Loader::new(&file, options.skip_mismatch);
        match format {
            Format::Legacy => legacy::load(&file, self.graph(), options.by_name, &mut loader)?,
            Format::Keras | Format::Weights => container::load(&file, self.graph(), "", &mut loader)?,
        }
        Ok(loader.apply(self.arena_mut()))
    }

    /// The model in a `.keras` file that Keras 3 has written: its layers, what trains, and its weights. It has to be
    /// compiled before it is trained.
    ///
    /// The operations that `preprocess_input` leaves in a graph (`TrueDivide`, `Subtract` and the like, with a number)
    /// become [`Rescaling`](crate::layers::Rescaling) layers of the same names. Regularizers and constraints, which
    /// only matter in training, are left out.
    ///
    /// # Errors
    /// If the file cannot be read, a layer's class or one of its settings is none of Petal's, or the weights don't fit;
    /// the error names the layer.
    pub fn load_keras(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        if Format::of(path)? != Format::Keras {
            return Err(Error::file(path, "holds weights alone; expected a .keras file with a whole model"));
        }
        let mut archive = archive::Archive::open(path)?;
        let config = archive.config()?;
        let mut model =
            config::model(&config, archive.weights_size()?).map_err(|problem| Error::file(path, problem))?;
        let file = hdf5::File::from_bytes(path, archive.weights(model.count_params())?)?;
        let mut loader = assign::Loader::new(&file, false);
        container::load(&file, model.graph(), "", &mut loader)?;
        loader.apply(model.arena_mut());
        Ok(model)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Keras,
    Weights,
    Legacy,
}

impl Format {
    fn of(path: &Path) -> Result<Format> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        match () {
            _ if name.ends_with(".keras") => Ok(Format::Keras),
            _ if name.ends_with(".weights.h5") => Ok(Format::Weights),
            _ if name.ends_with(".h5") || name.ends_with(".hdf5") => Ok(Format::Legacy),
            _ => Err(Error::file(
                path,
                "has none of the endings .weights.h5, .keras, .h5 and .hdf5 of Keras' weight files",
            )),
        }
    }
}
