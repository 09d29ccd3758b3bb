//! Which files a folder of photos holds, in the order in which Keras lists them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The file name endings that Keras takes, compared in lower case.
const ENDINGS: [&str; 5] = [".bmp", ".gif", ".jpeg", ".jpg", ".png"];

/// The files of a folder with one sub-folder for each class.
pub(super) struct Listing {
    pub class_names: Vec<String>,
    /// Each file with its class, the classes one after the other.
    pub files: Vec<(PathBuf, usize)>,
}

/// The photos that `paths` name: files as they are, and in folders every file that ends in jpg, jpeg, png, bmp or gif,
/// at any depth, in the order of their paths.
///
/// # Errors
/// If a path doesn't exist or a folder cannot be read.
pub fn find_photos(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut photos = Vec::new();
    for path in paths {
        if fs::metadata(path).map_err(Error::io("read", path))?.is_dir() {
            let mut found = Vec::new();
            walk(path, false, &mut vec![canonical(path)?], &mut found)?;
            let mut found: Vec<_> = found.into_iter().map(|(folder, name)| folder.join(name)).collect();
            found.sort();
            photos.append(&mut found);
        } else {
            photos.push(path.clone());
        }
    }
    Ok(photos)
}

/// Lists `directory` as Keras' `index_directory` does.
///
/// Classes are the sub-folders in the order of their names, or those named in `class_names` in that order. Files count
/// at any depth; hidden class folders do not, other hidden files and folders do; a linked class folder always counts,
/// linked folders below it only with `follow_links`.
pub(super) fn list(directory: &Path, class_names: Option<&[String]>, follow_links: bool) -> Result<Listing> {
    let mut folders = class_folders(directory)?;
    if let Some(wanted) = class_names {
        folders = choose(directory, folders, wanted)?;
    }
    let mut files = Vec::new();
    for (class, folder) in folders.iter().enumerate() {
        let mut found = Vec::new();
        let root = directory.join(folder);
        walk(&root, follow_links, &mut vec![canonical(&root)?], &mut found)?;
        // By the folder's whole path as a string, then by name: `a-b/x` comes before `a/x`.
        found.sort_by(|a, b| {
            (bytes(a.0.as_os_str()), bytes(&a.1)).cmp(&(bytes(b.0.as_os_str()), bytes(&b.1)))
        });
        files.extend(found.into_iter().map(|(folder, name)| (folder.join(name), class)));
    }
    let class_names = folders.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    Ok(Listing { class_names, files })
}

impl Listing {
    /// Why a classifier cannot be trained on this listing of `directory`, which has no files or fewer than two classes.
    pub fn why_unusable(&self, directory: &Path) -> String {
        let advice = "make one sub-folder for each class, named after it, and put its photos there";
        let shown = directory.display();
        match self.class_names.as_slice() {
            [] => match count(directory, |entry| has_image_ending(&entry.file_name())) {
                0 => format!("{shown} has no class folders and no photos; {advice}"),
                loose => format!("{shown} has {loose} photos but no class folders; {advice}"),
            },
            [class] if count(&directory.join(class), |entry| entry.path().is_dir()) > 1 => format!(
                "{shown} has one class folder, '{class}'; a classifier needs two or more. \
                 '{class}' has folders itself: is {} the folder of the classes?",
                directory.join(class).display()
            ),
            [class] => format!(
                "{shown} has one class, '{class}', with {} photos; a classifier needs two or more: {advice}",
                self.files.len()
            ),
            names => format!(
                "{shown} has {} class folders ({}) but no photos: no file below them ends in {}",
                names.len(),
                names.join(", "),
                ENDINGS.join(", ")
            ),
        }
    }
}

fn count(directory: &Path, counts: impl Fn(&fs::DirEntry) -> bool) -> usize {
    directory.read_dir().map_or(0, |entries| entries.flatten().filter(counts).count())
}

fn class_folders(directory: &Path) -> Result<Vec<OsString>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
        let entry = entry.map_err(Error::io("read", directory))?;
        let name = entry.file_name();
        if !bytes(&name).starts_with(b".") && entry.path().is_dir() {
            folders.push(name);
        }
    }
    folders.sort_by(|a, b| bytes(a).cmp(bytes(b)));
    Ok(folders)
}

/// The folders named in `wanted`, in that order.
fn choose(directory: &Path, folders: Vec<OsString>, wanted: &[String]) -> Result<Vec<OsString>> {
    for (i, name) in wanted.iter().enumerate() {
        if wanted[..i].contains(name) {
            return Err(Error::Data(format!("class_names lists '{name}' twice; name each class once")));
        }
        if !folders.iter().any(|folder| folder == OsStr::new(name)) {
            let found: Vec<_> = folders.iter().map(|folder| folder.to_string_lossy()).collect();
            return Err(Error::Data(format!(
                "class_names has '{name}', but {} has no such folder; it has: {}",
                directory.display(),
                if found.is_empty() { "none".into() } else { found.join(", ") },
            )));
        }
    }
    Ok(wanted.iter().map(OsString::from).collect())
}

/// Adds every image below `folder` to `found`; `above` holds the real paths of `folder` and the folders around it.
fn walk(
    folder: &Path,
    follow_links: bool,
    above: &mut Vec<PathBuf>,
    found: &mut Vec<(PathBuf, OsString)>,
) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if path.is_dir() {
            if is_link && !follow_links {
                continue;
            }
            let real = canonical(&path)?;
            // A link to a folder around itself would be walked for ever.
            if !above.contains(&real) {
                above.push(real);
                walk(&path, follow_links, above, found)?;
                above.pop();
            }
        } else if has_image_ending(&name) {
            found.push((folder.to_owned(), name));
        }
    }
    Ok(())
}

fn has_image_ending(name: &OsStr) -> bool {
    let name = bytes(name).to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// Bytes whose order is the order of code points, which Python sorts by.
fn bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(Error::io("read", path))
}
