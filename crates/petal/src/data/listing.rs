//! Which files a folder of photos holds, in the order in which Keras lists them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::doubt::{Doubt, Doubts};
use super::foreign_format::ForeignFormat;
use super::found::{Found, canonical, ending};
use super::layout;
use crate::{Error, PathText, Result};

/// The file name endings of photos, compared in lower case: Keras', and others of the formats that are decoded.
pub(super) const ENDINGS: [&str; 9] =
    [".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"];

/// What systems and programs leave in folders, in lower case: never classes, never photos.
const LITTER: [&str; 27] = [
    "__macosx",
    ".appledouble",
    ".ds_store",
    ".fseventsd",
    ".spotlight-v100",
    ".temporaryitems",
    ".trashes",
    "$recycle.bin",
    "system volume information",
    "desktop.ini",
    "ehthumbs.db",
    "thumbs.db",
    "@eadir",
    "#recycle",
    "@recycle",
    "lost+found",
    ".trash",
    ".thumbnails",
    ".directory",
    ".nomedia",
    ".ipynb_checkpoints",
    "__pycache__",
    ".git",
    ".gitignore",
    ".gitkeep",
    ".hg",
    ".svn",
];

/// The files of a folder of photos, none of them opened: see [`ImageFolder::list`](super::ImageFolder::list).
#[derive(Clone, Debug)]
pub struct Listing {
    /// The classes.
    pub class_names: Vec<String>,
    /// Each file with its class, the classes one after the other: those to train on, of which a share may be for
    /// validation.
    pub files: Vec<(PathBuf, usize)>,
    /// The files of a validation set of its own, where there is one.
    pub validation: Option<Vec<(PathBuf, usize)>>,
    /// The files of the test set, where there is one.
    pub test: Option<Vec<(PathBuf, usize)>>,
    /// What is doubtful about the folder.
    pub doubts: Doubts,
    /// Folders that were left out because they hold what Petal wrote: a run with its pictures is no class of photos.
    pub outputs: Vec<PathBuf>,
}

/// An empty file in the folders that the command `petal` writes into, from before anything else is written.
pub const OUTPUT_MARK: &str = ".petal";

/// Whether Petal wrote what is in this folder: it has the [mark](OUTPUT_MARK), or a run's settings beside a model.
pub(super) fn is_output(folder: &Path) -> bool {
    let holds_model = || {
        let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.any(|entry| entry.path().extension().is_some_and(|ending| ending == "petal"))
    };
    folder.join(OUTPUT_MARK).exists() || (folder.join("settings.json").exists() && holds_model())
}

/// Which sub-folders are classes.
#[derive(Clone, Debug, Default)]
pub(super) enum Classes {
    /// Each one, in the order of their names.
    #[default]
    All,
    /// These, in this order; the others are nobody's business.
    Chosen(Vec<String>),
    /// These, in this order; that one is missing or there are others is worth a word.
    Known(Vec<String>),
}

/// Photos, and what is doubtful about the folders in which they were found.
#[derive(Clone, Debug, Default)]
pub struct FoundPhotos {
    /// The photos' files.
    pub paths: Vec<PathBuf>,
    /// Files and folders that were not looked at.
    pub doubts: Doubts,
}

/// The photos that `paths` name: files as they are, and in folders every file that has the ending of a photo (those of
/// [`ImageFolder`](super::ImageFolder)), at any depth, in the order of their paths.
///
/// What lies in the folder's own sub-folders is what [`ImageFolder`](super::ImageFolder) takes for photos of classes:
/// hidden sub-folders are left out, linked ones are followed, links further down only with `follow_links`.
///
/// # Errors
/// If a path doesn't exist or a folder cannot be read.
pub fn find_photos(paths: &[PathBuf], follow_links: bool) -> Result<FoundPhotos> {
    let mut photos = FoundPhotos::default();
    for path in paths {
        if !fs::metadata(path).map_err(Error::io("read", path))?.is_dir() {
            photos.paths.push(path.clone());
            continue;
        }
        let mut found = Found::default();
        let top = Entries::of(path)?;
        for folder in top.class_folders() {
            found.walk(&path.join(folder), follow_links)?;
        }
        for name in top.files {
            found.file(path, name);
        }
        photos.doubts.extend(found.doubts(path));
        let mut paths: Vec<_> = found.files.into_iter().map(|(folder, name)| folder.join(name)).collect();
        paths.sort();
        photos.paths.append(&mut paths);
    }
    Ok(photos)
}

/// Lists `directory` as Keras' `index_directory` does, with more endings and without litter.
///
/// Files count at any depth; hidden class folders do not, other hidden files and folders do; a linked class folder
/// always counts, linked folders below it only with `follow_links`. Folders that hold what Petal wrote are left out at
/// any depth, and so are classes that hold nothing else. The folders `without` are left out without a word.
pub(super) fn list(
    directory: &Path,
    classes: &Classes,
    follow_links: bool,
    without: &[&Path],
) -> Result<Listing> {
    if directory.is_file() {
        return Err(Error::Data(format!(
            "{} is a file; expected a folder of photos with one sub-folder for each class",
            PathText::new(directory)
        )));
    }
    let top = Entries::of(directory)?;
    let without = without.iter().map(|folder| canonical(folder)).collect::<Result<Vec<_>>>()?;
    let mut folders: Vec<&OsString> = top.class_folders().collect();
    if !without.is_empty() {
        folders.retain(|folder| !canonical(&directory.join(folder)).is_ok_and(|it| without.contains(&it)));
    }
    let mut doubts = Doubts::default();
    let mut class_names = match classes {
        Classes::All => folders.iter().map(|folder| class_name(directory, folder)).collect::<Result<_>>()?,
        Classes::Chosen(names) => {
            check_chosen(directory, &folders, names)?;
            names.clone()
        }
        Classes::Known(names) => names.clone(),
    };
    if matches!(classes, Classes::All) {
        layout::check_sides(directory, &class_names, &mut doubts)?;
    }
    let (mut files, mut others) = (Vec::new(), Found::default());
    let mut counts = Vec::new();
    for name in std::mem::take(&mut class_names) {
        let (class, folder) = (class_names.len(), directory.join(&name));
        if matches!(classes, Classes::Known(_)) && !folders.iter().any(|folder| **folder == *name) {
            doubts.push(Doubt::MissingClass { folder: directory.to_owned(), class: name.clone() });
            class_names.push(name);
            continue;
        }
        let mut found = Found::without(without.clone());
        found.walk(&folder, follow_links)?;
        if found.is_output() && matches!(classes, Classes::All) {
            others.take(found);
            continue;
        }
        if found.files.is_empty() {
            let other_files = found.other_files();
            doubts.push(Doubt::EmptyClass { folder: folder.clone(), class: name.clone(), other_files });
        }
        class_names.push(name);
        // By the folder's whole path as a string, then by name: `a-b/x` comes before `a/x`.
        found.files.sort_by(|a, b| {
            (bytes(a.0.as_os_str()), bytes(&a.1)).cmp(&(bytes(b.0.as_os_str()), bytes(&b.1)))
        });
        counts.push(found.files.len());
        files.extend(found.files.drain(..).map(|(folder, name)| (folder.join(name), class)));
        others.take(found);
    }
    if let Classes::Known(names) = classes {
        for folder in folders.iter().filter(|folder| !names.iter().any(|name| ***folder == **name)) {
            let folder = directory.join(folder);
            let mut found = Found::default();
            found.walk(&folder, follow_links)?;
            if found.is_output() {
                others.take(found);
            } else {
                doubts.push(Doubt::UnknownClass { folder, photos: found.files.len() });
            }
        }
    }
    // Texts beside the class folders are no photos that somebody misses.
    for name in top.files.iter().filter(|name| ForeignFormat::by_ending(&ending(name)).is_some()) {
        others.file(directory, name.clone());
    }
    layout::check(directory, &class_names, &files, &mut doubts);
    let loose: Vec<&OsString> = top.files.iter().filter(|name| has_image_ending(name)).collect();
    if let Some(first) = loose.iter().min() {
        let example = PathText::new(first).to_string();
        doubts.push(Doubt::LoosePhotos { folder: directory.to_owned(), count: loose.len(), example });
    }
    doubts.extend(others.doubts(directory));
    if files.is_empty() && matches!(classes, Classes::Known(_)) {
        let found: Vec<_> = folders.iter().map(|folder| PathText::new(folder).to_string()).collect();
        return Err(Error::Data(format!(
            "{} has no photos of the classes {}; its folders are: {}",
            PathText::new(directory),
            class_names.join(", "),
            if found.is_empty() { "none".into() } else { found.join(", ") },
        )));
    }
    if class_names.len() < 2 || counts.iter().filter(|&&count| count > 0).count() < classes.fewest() {
        return Err(Error::Data(layout::why_unusable(directory, &class_names, &counts, loose.len())));
    }
    Ok(Listing { class_names, files, validation: None, test: None, doubts, outputs: others.outputs })
}

impl Classes {
    /// How many of the classes must have photos.
    fn fewest(&self) -> usize {
        // Whoever knows the classes measures a model, which one class is enough for.
        if matches!(self, Classes::Known(_)) { 1 } else { 2 }
    }
}

/// What a folder holds, without litter.
pub(super) struct Entries {
    folders: Vec<OsString>,
    files: Vec<OsString>,
}

impl Entries {
    /// Links count as what they lead to.
    pub fn of(directory: &Path) -> Result<Self> {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
            let entry = entry.map_err(Error::io("read", directory))?;
            let name = entry.file_name();
            if !is_litter(&name) {
                if entry.path().is_dir() { folders.push(name) } else { files.push(name) }
            }
        }
        folders.sort_by(|a, b| bytes(a).cmp(bytes(b)));
        Ok(Entries { folders, files })
    }

    /// The folders that may be classes, in the order of their names.
    pub fn class_folders(&self) -> impl Iterator<Item = &OsString> {
        self.folders.iter().filter(|name| !bytes(name).starts_with(b"."))
    }

    /// Whether there is a photo in the folder itself.
    pub fn has_photos(&self) -> bool {
        self.files.iter().any(|name| has_image_ending(name))
    }
}

fn class_name(directory: &Path, folder: &OsStr) -> Result<String> {
    folder.to_str().map(str::to_owned).ok_or_else(|| {
        Error::Data(format!(
            "the class folder {} has a name that is not UTF-8, and a class is named after its folder; rename it",
            PathText::new(&directory.join(folder))
        ))
    })
}

fn check_chosen(directory: &Path, folders: &[&OsString], wanted: &[String]) -> Result<()> {
    for (i, name) in wanted.iter().enumerate() {
        if wanted[..i].contains(name) {
            return Err(Error::Data(format!("class_names lists '{name}' twice; name each class once")));
        }
        if !folders.iter().any(|folder| **folder == **name) {
            let found: Vec<_> = folders.iter().map(|folder| PathText::new(folder).to_string()).collect();
            return Err(Error::Data(format!(
                "class_names has '{name}', but {} has no such folder; it has: {}",
                PathText::new(directory),
                if found.is_empty() { "none".into() } else { found.join(", ") },
            )));
        }
    }
    Ok(())
}

pub(super) fn has_image_ending(name: &OsStr) -> bool {
    let name = bytes(name).to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

pub(super) fn is_litter(name: &OsStr) -> bool {
    let name = bytes(name).to_ascii_lowercase();
    // macOS keeps a file's attributes in another one beside it where the file system has no place for them.
    name.starts_with(b"._") || LITTER.iter().any(|litter| name == litter.as_bytes())
}

/// Bytes whose order is the order of code points, which Python sorts by.
fn bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}
