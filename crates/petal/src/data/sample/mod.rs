//! Flower pictures drawn by the program itself, for a first training run without a download.

mod background;
mod canvas;
mod daisy;
mod dandelion;
mod flower;
mod rose;
mod scene;
mod shapes;
mod sunflower;
mod tulip;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;

use crate::random::Key;
use crate::{Error, Result};
use flower::Species;

/// What [`write()`] draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    /// The same seed gives the same pictures, byte for byte. Default: 42.
    pub seed: u64,
    /// Pictures for each of the five classes. Default: 40.
    pub per_class: usize,
}

impl Default for SampleOptions {
    fn default() -> Self {
        SampleOptions { seed: 42, per_class: 40 }
    }
}

/// Writes `daisy/daisy_001.jpg` … `tulips/tulips_040.jpg` into `folder`: JPEG files of about 240×200 pixels.
///
/// The flowers vary in number, place, size, colour, background and light, and the classes share colours, so that a
/// network has to learn their shapes. A folder that already holds exactly these files' names is left untouched. The
/// pictures are drawn in a hidden folder and moved when all are there; one that a killed program left is removed.
///
/// # Errors
/// If `folder` holds anything else, if there are no pictures to draw, or if a file cannot be written.
///
/// ```
/// use petal::data::sample::{self, SampleOptions};
///
/// let folder = tempfile::tempdir()?;
/// sample::write(folder.path(), &SampleOptions { per_class: 2, ..Default::default() })?;
/// assert!(folder.path().join("sunflowers/sunflowers_002.jpg").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(folder: impl AsRef<Path>, options: &SampleOptions) -> Result<()> {
    let folder = folder.as_ref();
    if options.per_class == 0 {
        return Err(Error::argument("per_class", 0, "at least 1 picture for each class"));
    }
    let wanted: BTreeSet<String> =
        pictures(options).map(|(species, number)| file_name(species, number)).collect();
    remove_unfinished(folder)?;
    let found = files_below(folder)?;
    if found == wanted {
        return Ok(());
    }
    if let Some(other) = found.first() {
        return Err(Error::Data(format!(
            "{} is not empty: it holds {} ({} in all), which is not this set of sample pictures; \
             name a new or an empty folder",
            folder.display(),
            other,
            if found.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", found.len()) },
        )));
    }
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder);
    let unfinished = unfinished.map_err(Error::io("create", folder))?;
    let lock = lock(unfinished.path())?;
    for species in Species::ALL {
        let class = unfinished.path().join(species.class_name());
        fs::create_dir(&class).map_err(Error::io("create", &class))?;
    }
    pictures(options).collect::<Vec<_>>().into_par_iter().try_for_each(|(species, number)| {
        let path = unfinished.path().join(file_name(species, number));
        fs::write(&path, jpeg(options.seed, species, number)?).map_err(Error::io("write", &path))
    })?;
    let whole = unfinished.path().join(WHOLE);
    fs::write(&whole, "").map_err(Error::io("write", &whole))?;
    move_classes(unfinished.path(), folder)?;
    drop(lock);
    Ok(())
}

/// How the hidden folder begins in which pictures are drawn.
const UNFINISHED: &str = ".petal-sample-";

/// The file in it that says that all are drawn.
const WHOLE: &str = "whole";

/// Moves the class folders that are not in `folder` yet.
fn move_classes(unfinished: &Path, folder: &Path) -> Result<()> {
    for species in Species::ALL {
        let (from, to) = (unfinished.join(species.class_name()), folder.join(species.class_name()));
        if from.exists() && !to.exists() {
            fs::rename(from, &to).map_err(Error::io("create", &to))?;
        }
    }
    Ok(())
}

/// Says to other programs that this hidden folder is drawn into, until the file is dropped or the program ends.
fn lock(unfinished: &Path) -> Result<Option<fs::File>> {
    let path = unfinished.join("lock");
    let file = fs::File::create(&path).map_err(Error::io("create", &path))?;
    // Some file systems know no locks.
    Ok(file.lock().is_ok().then_some(file))
}

/// Removes the hidden folder of a killed program, after moving what is whole, and waits for one that is drawing.
fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in if folder.is_dir() { entries(folder)? } else { Vec::new() } {
        if !entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            continue;
        }
        let Ok(_lock) = lock(&entry.path()) else { continue };
        if entry.path().join(WHOLE).exists() {
            move_classes(&entry.path(), folder)?;
        }
        match fs::remove_dir_all(entry.path()) {
            // The one that was drawing has ended meanwhile.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", entry.path())(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn pictures(options: &SampleOptions) -> impl Iterator<Item = (Species, usize)> {
    let per_class = options.per_class;
    Species::ALL.into_iter().flat_map(move |species| (1..=per_class).map(move |number| (species, number)))
}

fn file_name(species: Species, number: usize) -> String {
    let class = species.class_name();
    format!("{class}/{class}_{number:03}.jpg")
}

fn jpeg(seed: u64, species: Species, number: usize) -> Result<Vec<u8>> {
    let key = Key::new(seed).named("sample picture").named(species.class_name()).number(number as u64);
    let mut random = key.generator();
    let picture = scene::draw(&mut random, species);
    let mut bytes = Vec::new();
    picture
        .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 88))
        .map_err(|error| Error::file(file_name(species, number), error))?;
    Ok(bytes)
}

/// The files of `folder` and of its folders, with `/` between the names; an entry that is neither counts as one. Empty
/// class folders and hidden files do not count.
fn files_below(folder: &Path) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in entries(folder)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            for inner in entries(&entry.path())? {
                files.insert(format!("{name}/{}", inner.file_name().to_string_lossy()));
            }
        } else {
            files.insert(name);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let listing = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    listing.collect::<std::io::Result<Vec<_>>>().map_err(Error::io("read", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn few(seed: u64) -> SampleOptions {
        SampleOptions { seed, per_class: 2 }
    }

    fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let files = files_below(folder).unwrap();
        files.into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
        let (a, b, c) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(a.path(), &few(1)).unwrap();
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        one_thread.install(|| write(b.path(), &few(1))).unwrap();
        write(c.path(), &few(2)).unwrap();
        let (a, b, c) = (contents(a.path()), contents(b.path()), contents(c.path()));
        assert_eq!(a.len(), 10);
        assert!(a == b);
        assert!(a.iter().zip(&c).all(|(x, y)| x.0 == y.0 && x.1 != y.1));
    }

    #[test]
    fn every_file_is_a_colour_photo_that_decodes() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &few(7)).unwrap();
        for (name, bytes) in contents(folder.path()) {
            let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
            assert!(picture.width() >= 160 && picture.height() >= 160, "{name}");
            let mean =
                picture.as_raw().iter().map(|&x| f64::from(x)).sum::<f64>() / picture.as_raw().len() as f64;
            assert!((20.0..235.0).contains(&mean), "{name} has a mean brightness of {mean}");
        }
    }

    #[test]
    fn what_a_killed_program_left_is_finished_or_drawn_anew() {
        let whole = tempfile::tempdir().unwrap();
        write(whole.path(), &few(1)).unwrap();
        let left = |folder: &Path| {
            let left = folder.join(".petal-sample-killed");
            fs::create_dir(&left).unwrap();
            fs::rename(folder.join("roses"), left.join("roses")).unwrap();
            fs::rename(folder.join("daisy"), left.join("daisy")).unwrap();
            left
        };
        let moving = tempfile::tempdir().unwrap();
        write(moving.path(), &few(1)).unwrap();
        fs::write(left(moving.path()).join(WHOLE), "").unwrap();
        let drawing = tempfile::tempdir().unwrap();
        write(drawing.path(), &few(1)).unwrap();
        let unfinished = left(drawing.path());
        fs::write(unfinished.join("roses/roses_001.jpg"), "cut off").unwrap();
        for class in ["dandelion", "sunflowers", "tulips"] {
            fs::remove_dir_all(drawing.path().join(class)).unwrap();
        }
        for folder in [moving.path(), drawing.path()] {
            write(folder, &few(1)).unwrap();
            assert!(contents(folder) == contents(whole.path()));
            assert_eq!(fs::read_dir(folder).unwrap().count(), 5, "something is left over");
        }
    }

    #[test]
    fn two_programs_that_draw_into_one_folder_do_not_mind_each_other() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            let both = [(), ()].map(|()| scope.spawn(|| write(folder.path(), &few(1))));
            both.into_iter().for_each(|one| one.join().unwrap().unwrap());
        });
        assert_eq!(files_below(folder.path()).unwrap().len(), 10);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }

    #[test]
    fn a_complete_set_is_left_untouched_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &few(1)).unwrap();
        fs::write(folder.path().join("roses/roses_001.jpg"), b"mine").unwrap();
        write(folder.path(), &few(1)).unwrap();
        assert_eq!(fs::read(folder.path().join("roses/roses_001.jpg")).unwrap(), b"mine");

        fs::write(folder.path().join("notes.txt"), b"").unwrap();
        let error = write(folder.path(), &few(1)).unwrap_err().to_string();
        assert!(error.contains("is not empty") && error.contains("an empty folder"), "{error}");
        assert!(write(folder.path(), &SampleOptions { per_class: 0, ..few(1) }).is_err());
    }
}
