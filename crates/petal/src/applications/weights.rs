use std::path::{Path, PathBuf};

use crate::Result;
use crate::download::{GetFile, keras_application, progress_bar};
use crate::model::Model;
use crate::saving::LoadWeights;

/// The weights that a model begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// Random ones.
    None,
    /// Those that `keras.applications` has, trained on ImageNet. They are downloaded unless they are in Keras' cache,
    /// `~/.keras/models`.
    #[default]
    Imagenet,
    /// Those in a file that Keras has written, see [`Model::load_weights`].
    File(PathBuf),
}

impl From<&Path> for Weights {
    fn from(file: &Path) -> Self {
        Weights::File(file.to_owned())
    }
}

/// A file with ImageNet weights among Keras' downloads.
pub(super) struct Imagenet {
    /// In `https://storage.googleapis.com/tensorflow/keras-applications/`.
    pub folder: &'static str,
    pub file: String,
    /// The file's MD5, where Keras publishes it.
    pub hash: Option<&'static str>,
}

impl Weights {
    /// Sets the model's weights.
    pub(super) fn load(&self, model: &mut Model, imagenet: Imagenet, cache_dir: Option<&Path>) -> Result<()> {
        let path = match self {
            Weights::None => return Ok(()),
            Weights::File(path) => path.clone(),
            Weights::Imagenet => imagenet.path(cache_dir)?,
        };
        model.load_weights(path, LoadWeights::new())?;
        Ok(())
    }
}

impl Imagenet {
    fn path(&self, cache_dir: Option<&Path>) -> Result<PathBuf> {
        let prefix = format!("https://storage.googleapis.com/tensorflow/keras-applications/{}/", self.folder);
        let mut options = GetFile::new().progress(progress_bar(format!("{prefix}{}", self.file)));
        if let Some(hash) = self.hash {
            options = options.hash(hash);
        }
        if let Some(folder) = cache_dir {
            options = options.cache_dir(folder);
        }
        keras_application(&self.file, &prefix, options)
    }
}
