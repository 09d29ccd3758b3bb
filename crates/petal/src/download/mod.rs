//! Files from the internet, kept where Keras keeps them, so that what Keras has downloaded is used and the other way
//! round.
//!
//! ```no_run
//! use petal::download::{GetFile, flower_photos, get_file, progress_bar};
//! let photos = flower_photos(GetFile::new().progress(progress_bar("flower_photos")))?;
//! let labels = get_file("https://example.org/labels.txt", GetFile::new().cache_subdir("models"))?;
//! # Ok::<(), petal::Error>(())
//! ```

mod archive;
mod cache;
mod check;
mod fetch;
mod progress_bar;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use progress_bar::progress_bar;

use cache::Cache;
use check::Check;

use crate::{Error, Result};

/// How [`get_file`] names, checks and unpacks what it downloads.
#[must_use]
pub struct GetFile<'a> {
    file_name: Option<String>,
    cache_subdir: String,
    cache_dir: Option<PathBuf>,
    hash: Option<String>,
    extract: bool,
    progress: Box<dyn FnMut(Progress) + 'a>,
    /// How long the server may say nothing.
    patience: Duration,
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The bytes that are there.
    pub received: u64,
    /// The file's size, if the server says it.
    pub total: Option<u64>,
}

impl Default for GetFile<'_> {
    fn default() -> Self {
        GetFile::new()
    }
}

impl<'a> GetFile<'a> {
    /// The file's name is the URL's last part, it is kept in `datasets/`, and it is neither checked nor unpacked.
    pub fn new() -> Self {
        GetFile {
            file_name: None,
            cache_subdir: "datasets".into(),
            cache_dir: None,
            hash: None,
            extract: false,
            progress: Box::new(|_| ()),
            patience: Duration::from_secs(60),
        }
    }

    /// The name that the file, or with [`extract`](Self::extract) the folder, gets.
    pub fn file_name(self, name: impl Into<String>) -> Self {
        GetFile { file_name: Some(name.into()), ..self }
    }

    /// The folder in the cache; Keras has `datasets`, the default, and `models`.
    pub fn cache_subdir(self, folder: impl Into<String>) -> Self {
        GetFile { cache_subdir: folder.into(), ..self }
    }

    /// The cache; by default Keras', which is `$KERAS_HOME`, else `.keras` in the home folder, or, where that cannot be
    /// written, in the system's folder for temporary files.
    pub fn cache_dir(self, folder: impl Into<PathBuf>) -> Self {
        GetFile { cache_dir: Some(folder.into()), ..self }
    }

    /// The SHA-256 (64 hexadecimal digits) or MD5 (32) that the file must have. A file that is there already and doesn't
    /// have it is downloaded again.
    pub fn hash(self, hash: impl Into<String>) -> Self {
        GetFile { hash: Some(hash.into()), ..self }
    }

    /// Unpacks a `.tar`, `.tar.gz`, `.tgz` or `.zip` archive. The names are those of Keras 3: for the file name `photos`
    /// the folder is `photos` and the archive `photos_archive`; for `photos.zip` it is `photos_extracted`.
    pub fn extract(self, extract: bool) -> Self {
        GetFile { extract, ..self }
    }

    /// Called as the download goes on.
    pub fn progress(self, progress: impl FnMut(Progress) + 'a) -> Self {
        GetFile { progress: Box::new(progress), ..self }
    }
}

/// Downloads a file unless it is in the cache, and returns where it is; with [`extract`](GetFile::extract), where the
/// folder is that it was unpacked to. As `keras.utils.get_file`.
///
/// A file gets its name when it is complete: of the length that the server said and of the hash that was asked for. A
/// broken connection is taken up where it broke, if the server can do that, else the download starts again. An unpacked
/// folder gets its name when it is complete too; one that is there is used as it is. An archive with an entry that would
/// lie outside of the folder, or is a link, is not unpacked.
///
/// # Errors
/// If the file cannot be downloaded (the text says where to put it by hand), isn't what it should be, or cannot be
/// written.
pub fn get_file(url: &str, options: GetFile<'_>) -> Result<PathBuf> {
    let structure = if options.extract { check::archive } else { check::anything };
    get_checked(url, options, structure)
}

/// The folder of TensorFlow's 3,670 photos of five kinds of flowers (218 MB, in one folder a kind), downloaded and
/// unpacked unless it is in the cache: `datasets/flower_photos`, where the lecture's `get_file("flower_photos", …)` of
/// Keras 2 or 3 puts it.
///
/// # Errors
/// As [`get_file`].
pub fn flower_photos(options: GetFile<'_>) -> Result<PathBuf> {
    const URL: &str =
        "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz";
    get_file(URL, options.file_name("flower_photos").extract(true)).map(own_folder)
}

/// The folder that [`flower_photos`] gives, if it is in Keras' cache; nothing is downloaded.
pub fn downloaded_flower_photos() -> Option<PathBuf> {
    let folder = Cache::keras().subdir("datasets").existing("flower_photos");
    folder.is_dir().then(|| own_folder(folder))
}

/// Keras 3 makes a folder for the archive, in which the archive's own folder is; Keras 2 has only the latter.
fn own_folder(folder: PathBuf) -> PathBuf {
    let inner = folder.join("flower_photos");
    if inner.is_dir() { inner } else { folder }
}

/// A weight file of `keras.applications`, in the cache's folder `models`: `url_prefix` joined with `file_name`.
///
/// Keras publishes hashes for some of these files; give it with [`GetFile::hash`] where there is one. Without it, a file
/// must at least be an HDF5 file of the length that it states itself.
///
/// ```no_run
/// use petal::download::{GetFile, keras_application};
/// let prefix = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/";
/// let file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";
/// let path = keras_application(file, prefix, GetFile::new())?;
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// As [`get_file`].
pub fn keras_application(file_name: &str, url_prefix: &str, options: GetFile<'_>) -> Result<PathBuf> {
    let options = options.file_name(file_name).cache_subdir("models");
    get_checked(&format!("{url_prefix}{file_name}"), options, check::hdf5)
}

fn get_checked(url: &str, mut options: GetFile<'_>, structure: check::Structure) -> Result<PathBuf> {
    let check = Check::new(options.hash.as_deref(), structure)?;
    let name = file_name(url, options.file_name.as_deref())?;
    let (file, folder) = match (options.extract, name.split_once('.')) {
        (false, _) => (name.clone(), None),
        (true, Some((stem, _))) if options.file_name.is_some() => {
            (name.clone(), Some(format!("{stem}_extracted")))
        }
        (true, _) => (format!("{name}_archive"), Some(name.clone())),
    };
    let cache = options.cache_dir.take().map_or_else(Cache::keras, Cache::at).subdir(&options.cache_subdir);
    if let Some(folder) = folder.as_deref().map(|folder| cache.existing(folder)).filter(|path| path.is_dir())
    {
        return Ok(folder);
    }
    let existing = cache.existing(&file);
    let path = if existing.is_file() && check.problem(&existing)?.is_none() {
        existing
    } else {
        let path = cache.writable()?.join(&file);
        fetch::fetch(url, &path, &check, options.patience, &mut options.progress)?;
        path
    };
    let Some(folder) = folder else { return Ok(path) };
    let folder = cache.writable()?.join(folder);
    archive::unpack(&path, &folder)?;
    Ok(folder)
}

/// The name for the file or folder: the given one, or the URL's last part.
fn file_name(url: &str, given: Option<&str>) -> Result<String> {
    let from_url = || {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let (_, path) = path.split_once("://").unwrap_or_default();
        path.split_once('/').map(|(_, path)| path.rsplit('/').next().unwrap_or_default()).unwrap_or_default()
    };
    let name = given.unwrap_or_else(from_url);
    let alone = Path::new(name).file_name() == Some(name.as_ref()) && !name.contains(['/', '\\', ':']);
    match alone {
        true => Ok(name.to_owned()),
        false if given.is_some() => {
            Err(Error::argument("file_name", format!("'{name}'"), "a name without folders"))
        }
        false => {
            Err(Error::argument("url", format!("'{url}'"), "one that ends in a file's name, or a file_name"))
        }
    }
}
