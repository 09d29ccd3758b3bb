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
mod disk;
mod fetch;
mod part;
mod progress_bar;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use progress_bar::progress_bar;

use archive::{Problem, Unpacked};
use cache::Cache;
use check::Check;
use part::Part;

use crate::{Error, PathText, Result};

/// How [`get_file`] names, checks and unpacks what it downloads.
#[must_use]
pub struct GetFile<'a> {
    file_name: Option<String>,
    cache_subdir: String,
    cache_dir: Option<PathBuf>,
    hash: Option<String>,
    extract: bool,
    max_size: Option<u64>,
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
            max_size: None,
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

    /// The most bytes that are downloaded. Default: as many as the server says, and 8 GB where it says nothing; never more
    /// than the disk has room for.
    pub fn max_size(self, bytes: u64) -> Self {
        GetFile { max_size: Some(bytes), ..self }
    }

    /// Called as the download goes on.
    pub fn progress(self, progress: impl FnMut(Progress) + 'a) -> Self {
        GetFile { progress: Box::new(progress), ..self }
    }
}

/// Downloads a file unless it is in the cache, and returns where it is; with [`extract`](GetFile::extract), where the
/// folder is that it was unpacked to. As `keras.utils.get_file`.
///
/// A file gets its name when it is complete: of the length that the server said and of the hash that was asked for. Until
/// then it is `NAME.part`. A broken connection is taken up where it broke, also by the next call after the program was
/// killed, if the server says that the file is still the same; else the download starts again. Who asks for a file that
/// another process downloads waits for it.
///
/// An unpacked folder gets its name when it is complete too; one that is there is used as it is. How an archive is
/// checked, see [`extract_archive`].
///
/// # Errors
/// If the file cannot be downloaded (the text says where to put it by hand), isn't what it should be, is larger than
/// [`max_size`](GetFile::max_size) or the disk's room, or cannot be written.
pub fn get_file(url: &str, options: GetFile<'_>) -> Result<PathBuf> {
    let structure = if options.extract { check::archive } else { check::anything };
    get_checked(url, options, structure)
}

/// Unpacks a `.tar`, `.tar.gz`, `.tgz` or `.zip` archive to a new folder, which appears only when it is complete.
///
/// All checksums that the archive has are compared. One that is damaged or cut off is refused, and so is one with an
/// entry that would lie outside of the folder, or that is a link or a device; with more than 2,000 entries and 50 bytes for
/// each (folders count too); with folders 32 deep; and with contents of more than 268 MB and 100 times its size.
///
/// # Errors
/// If the archive is refused, the folder is there already, or something cannot be read or written.
pub fn extract_archive(archive: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<()> {
    let (archive, folder) = (archive.as_ref(), folder.as_ref());
    let lock = Part::lock(folder, |_| ())?;
    let result = match folder.exists() {
        true => Err(Error::file(folder, "is there already; name a folder that isn't")),
        false => {
            archive::unpack(archive, folder).map_err(|problem| problem.at(archive)).and_then(Unpacked::place)
        }
    };
    lock.discard();
    result.map(drop)
}

/// The folder of TensorFlow's 3,670 photos of five kinds of flowers (229 MB, in one folder a kind), downloaded and
/// unpacked unless it is in the cache: `datasets/flower_photos`, where the lecture's `get_file("flower_photos", …)` of
/// Keras 2 or 3 puts it. The archive must have the SHA-256 that TensorFlow Datasets lists, unless a
/// [`hash`](GetFile::hash) is given.
///
/// # Errors
/// As [`get_file`]; and if a folder is there already, but not with all photos: an interrupted Keras leaves such ones.
pub fn flower_photos(options: GetFile<'_>) -> Result<PathBuf> {
    flower_photos_from("https://storage.googleapis.com/download.tensorflow.org/example_images/", options)
}

fn flower_photos_from(server: &str, mut options: GetFile<'_>) -> Result<PathBuf> {
    // tensorflow_datasets/datasets/tf_flowers/checksums.tsv
    const SHA256: &str = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c";
    options.hash.get_or_insert_with(|| SHA256.into());
    let options = options.file_name("flower_photos").extract(true);
    let folder = own_folder(get_file(&format!("{server}flower_photos.tgz"), options)?);
    let photos = count_flower_photos(&folder).map_err(Error::io("read", &folder))?;
    match photos < FLOWER_PHOTOS {
        true => Err(Error::file(
            &folder,
            format!(
                "holds {photos} of the {FLOWER_PHOTOS} photos; delete the folder, and it is downloaded again"
            ),
        )),
        false => Ok(folder),
    }
}

const FLOWER_PHOTOS: usize = 3670;

fn count_flower_photos(folder: &Path) -> std::io::Result<usize> {
    let mut photos = 0;
    for class in folder.read_dir()? {
        let class = class?.path();
        if class.is_dir() {
            photos += class
                .read_dir()?
                .flatten()
                .filter(|file| file.path().extension() == Some("jpg".as_ref()))
                .count();
        }
    }
    Ok(photos)
}

/// The folder that [`flower_photos`] gives, if it is in Keras' cache; nothing is downloaded.
pub fn downloaded_flower_photos() -> Option<PathBuf> {
    let folder = Cache::keras().subdir("datasets").existing("flower_photos");
    folder.is_dir().then(|| own_folder(folder))
}

/// The weight file of this name in Keras' cache; nothing is downloaded.
pub(crate) fn cached_application(file: &str) -> Option<PathBuf> {
    Some(Cache::keras().subdir("models").existing(file)).filter(|path| path.is_file())
}

/// Keras 3 makes a folder for the archive, in which the archive's own folder is; Keras 2 has only the latter.
fn own_folder(folder: PathBuf) -> PathBuf {
    let inner = folder.join("flower_photos");
    if inner.is_dir() { inner } else { folder }
}

/// A weight file of `keras.applications`, in the cache's folder `models`.
///
/// Keras publishes hashes for some of these files; give it with [`GetFile::hash`] where there is one. Without it, a file
/// must at least be an HDF5 file of the length that it states itself.
///
/// ```no_run
/// use petal::download::{GetFile, keras_application};
/// let folder = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/";
/// let file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";
/// let path = keras_application(&format!("{folder}{file}"), GetFile::new())?;
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// As [`get_file`].
pub fn keras_application(url: &str, options: GetFile<'_>) -> Result<PathBuf> {
    get_checked(url, options.cache_subdir("models"), check::hdf5)
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
    let existing = cache.existing(&file);
    match folder.as_deref().map(|folder| cache.existing(folder)) {
        Some(folder) if folder.is_dir() => {
            Part::tidy(&existing);
            return Ok(folder);
        }
        None if existing.is_file() && check.problem(&existing)?.is_none() => {
            Part::tidy(&existing);
            return Ok(existing);
        }
        _ => (),
    }
    let (path, folder) =
        (cache.writable()?.join(&file), folder.map(|folder| cache.writable().map(|at| at.join(folder))));
    let wanted = Wanted { check, folder: folder.transpose()? };
    let part = Part::lock(&path, |received| (options.progress)(Progress { received, total: None }))?;
    // Another process may have been faster.
    if let Some(folder) = wanted.folder.as_deref().filter(|folder| folder.is_dir()) {
        part.discard();
        return Ok(folder.to_owned());
    }
    let mut damage = None;
    if existing.is_file() {
        match wanted.found(&existing) {
            Err(Problem::Damaged(problem)) => damage = Some(problem),
            found => {
                let found = found.map_err(|problem| problem.at(&existing));
                let result = found.and_then(|unpacked| unpacked.map_or(Ok(existing), Unpacked::place));
                part.discard();
                return result;
            }
        }
    }
    download(url, part, &path, damage, &wanted, options)
}

/// What a file must be, and the folder that is unpacked from it.
struct Wanted {
    check: Check,
    folder: Option<PathBuf>,
}

impl Wanted {
    /// The folder from this file, if one is wanted, or what is wrong with the file.
    fn found(&self, path: &Path) -> Result<Option<Unpacked>, Problem> {
        match (self.check.problem(path).map_err(Problem::System)?, &self.folder) {
            (Some(problem), _) => Err(Problem::Damaged(problem)),
            (None, Some(folder)) => archive::unpack(path, folder).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Fills `part` and gives it its name, `path`, where now either nothing lies or a file with some `damage`.
fn download(
    url: &str,
    mut part: Part,
    path: &Path,
    damage: Option<String>,
    wanted: &Wanted,
    mut options: GetFile<'_>,
) -> Result<PathBuf> {
    let failed = |reason: String| {
        let place = PathText::new(path);
        let by_hand = match &damage {
            Some(damage) => format!("Or replace by hand the file {place}, which is no good: it {damage}"),
            None => format!("Or put the file there by hand: {place}"),
        };
        Error::Download(format!("cannot download {url}: {reason}. {by_hand}"))
    };
    if let Err(reason) =
        fetch::fetch(url, &mut part, options.max_size, options.patience, &mut options.progress)
    {
        if part.resumable(url).is_none() {
            part.discard();
            return Err(failed(reason));
        }
        let (bytes, kept) = (disk::megabytes(part.received()), PathText::new(part.path()));
        return Err(failed(format!(
            "{reason}. What came, {bytes}, is kept in {kept}, and the same command goes on from there"
        )));
    }
    match wanted.found(part.path()) {
        Ok(unpacked) => {
            // In this order the part's lock holds to the end.
            let result = unpacked.map_or(Ok(path.to_owned()), Unpacked::place)?;
            part.finish()?;
            Ok(result)
        }
        Err(Problem::Damaged(problem)) => {
            part.discard();
            Err(failed(format!("what came is not the file that it should be: it {problem}")))
        }
        // It is what the server has: kept for those who want to look.
        Err(problem @ Problem::Refused(_)) => {
            part.finish()?;
            Err(problem.at(path))
        }
        Err(problem) => Err(problem.at(path)),
    }
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
