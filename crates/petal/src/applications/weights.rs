use std::path::{Path, PathBuf};

use crate::Result;
use crate::model::Model;

/// The weights that a model begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// Random ones.
    None,
    /// Those that `keras.applications` has, trained on ImageNet. They are downloaded unless they are in Keras' cache,
    /// `~/.keras/models`. This needs the cargo features `download` and `keras`; without them building a model with
    /// these weights is an error.
    #[default]
    Imagenet,
    /// Those in a file that Keras has written, see [`Model::load_weights`]. A file that has the name of ImageNet's is taken
    /// for it, which tells EfficientNet B0 to B7 how to scale colours. This needs the cargo feature `keras`.
    File(PathBuf),
}

impl From<&Path> for Weights {
    fn from(file: &Path) -> Self {
        Weights::File(file.to_owned())
    }
}

/// A file with ImageNet weights among Keras' downloads.
pub(super) struct Imagenet {
    pub url: String,
    /// Its name in Keras' cache.
    pub file: String,
    /// Its MD5 or SHA-256, where Keras publishes it.
    #[cfg_attr(
        not(all(feature = "download", feature = "keras")),
        expect(dead_code, reason = "nothing comes")
    )]
    pub hash: Option<&'static str>,
}

impl Imagenet {
    /// In the folder where most are.
    pub fn new(folder: &str, file: String, hash: Option<&'static str>) -> Self {
        let url = format!("https://storage.googleapis.com/tensorflow/keras-applications/{folder}/{file}");
        Imagenet { url, file, hash }
    }
}

impl Weights {
    /// Sets the model's weights.
    pub(super) fn load(
        &self,
        model: &mut Model,
        imagenet: impl FnOnce() -> Imagenet,
        cache_dir: Option<&Path>,
    ) -> Result<()> {
        let path = match self {
            Weights::None => return Ok(()),
            Weights::File(path) => path.clone(),
            Weights::Imagenet => imagenet().path(cache_dir)?,
        };
        read(model, &path)
    }

    /// Whether these are Keras' of ImageNet: asked for, or in a file of their name.
    pub(super) fn are(&self, imagenet: &Imagenet) -> bool {
        match self {
            Weights::None => false,
            Weights::File(path) => path.file_name() == Some(imagenet.file.as_ref()),
            Weights::Imagenet => true,
        }
    }
}

#[cfg(feature = "keras")]
fn read(model: &mut Model, path: &Path) -> Result<()> {
    model.load_weights(path, crate::saving::LoadWeights::new())?;
    Ok(())
}

#[cfg(not(feature = "keras"))]
fn read(_model: &mut Model, path: &Path) -> Result<()> {
    Err(crate::Error::file(path, crate::error::no_feature("keras")))
}

#[cfg(not(all(feature = "download", feature = "keras")))]
impl Imagenet {
    /// Says which feature is missing, before hundreds of megabytes come that nobody can read.
    fn path(&self, _cache_dir: Option<&Path>) -> Result<PathBuf> {
        let Imagenet { url, .. } = self;
        let missing = if cfg!(feature = "keras") { "download" } else { "keras" };
        let problem = crate::error::no_feature(missing);
        Err(crate::Error::Download(format!("ImageNet's weights, {url}: {problem}")))
    }
}

#[cfg(all(feature = "download", feature = "keras"))]
impl Imagenet {
    fn path(&self, cache_dir: Option<&Path>) -> Result<PathBuf> {
        use crate::download::{GetFile, keras_application, progress_bar};
        let mut options = GetFile::new().file_name(&self.file).progress(progress_bar(&self.url));
        if let Some(hash) = self.hash {
            options = options.hash(hash);
        }
        if let Some(folder) = cache_dir {
            options = options.cache_dir(folder);
        }
        keras_application(&self.url, options)
    }
}
