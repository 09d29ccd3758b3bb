//! Photos whose classes a table says.

mod photo_file;
#[cfg(feature = "labels")]
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::doubt::Doubt;
use super::found::{Found, canonical};
use super::listing::{Classes, Listing};
use super::set_folders::PhotoSet;
use crate::saving::any_path;
use crate::{Error, PathText, Result};

/// A table that says which photo shows which class, and perhaps which set it belongs to: CSV or TSV, in UTF-8, its first
/// line the names of the columns.
///
/// ```text
/// image,species,split
/// img_0001.jpg,daisy,train
/// img_0002,roses,valid
/// ```
///
/// Without [`file_column`](Self::file_column) the photo is in the column `file`, `filename`, `path`, `image`, `image_id`,
/// `id` or another of that kind; without [`label_column`](Self::label_column) the class is in `label`, `class`,
/// `category`, `species`, `target` or the like, or in the only column that is left. A photo's name may lack its ending. A
/// column `split`, `set`, `subset`, `partition` or `dataset` with values like `train`, `val` and `test`, or `is_valid` with
/// true and false as fastai has it, divides the photos into sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelFile {
    /// The table's file.
    #[serde(with = "any_path")]
    pub path: PathBuf,
    /// The name of the column that says which photo.
    pub file_column: Option<String>,
    /// The name of the column that says which class.
    pub label_column: Option<String>,
    /// The only set whose photos count. Default: all.
    pub only: Option<PhotoSet>,
}

impl LabelFile {
    /// The table in this file, with columns of usual names.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        LabelFile { path: path.into(), file_column: None, label_column: None, only: None }
    }

    /// The sets that the table divides its photos into; none if it doesn't.
    ///
    /// # Errors
    /// If the file cannot be read or is no such table.
    pub fn sets(&self) -> Result<BTreeSet<PhotoSet>> {
        Ok(self.rows()?.into_iter().filter_map(|row| row.set).collect())
    }

    #[cfg(feature = "labels")]
    fn rows(&self) -> Result<Vec<Row>> {
        table::rows(self)
    }

    #[cfg(not(feature = "labels"))]
    fn rows(&self) -> Result<Vec<Row>> {
        Err(Error::file(&self.path, crate::error::no_feature("labels")))
    }

    fn error(&self, line: u64, problem: impl std::fmt::Display) -> Error {
        Error::file(&self.path, format!("line {line}: {problem}"))
    }
}

/// What a line says of a photo.
#[cfg_attr(not(feature = "labels"), allow(dead_code))]
struct Row {
    /// Counted from 1.
    line: u64,
    file: String,
    label: String,
    set: Option<PhotoSet>,
}

/// The photos of a table in `directory`, by class and then by path. The classes are those of the training photos.
pub(super) fn list(
    directory: &Path,
    file: &LabelFile,
    classes: &Classes,
    follow_links: bool,
) -> Result<Listing> {
    let mut rows = file.rows()?;
    if let Some(only) = file.only {
        rows.retain(|row| row.set == Some(only));
        rows.iter_mut().for_each(|row| row.set = None);
    }
    let paths: Vec<PathBuf> = rows.iter().map(|row| photo_file::find(directory, &row.file)).collect();
    check_once(file, &rows, &paths)?;
    check_present(directory, file, &rows, &paths)?;
    let class_names = class_names(file, &rows, classes)?;
    let index: HashMap<&str, usize> =
        class_names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let mut sets: BTreeMap<PhotoSet, Vec<(PathBuf, usize)>> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, path) in rows.iter().zip(&paths) {
        let set = row.set.unwrap_or(PhotoSet::Train);
        let files = sets.entry(set).or_default();
        match index.get(row.label.as_str()) {
            Some(&class) => files.push((path.clone(), class)),
            None if matches!(classes, Classes::Chosen(_)) => {}
            None if set == PhotoSet::Validation && matches!(classes, Classes::All) => {
                let label = &row.label;
                return Err(file.error(
                    row.line,
                    format_args!(
                        "the photo {} for validation is of the class '{label}', which no training photo shows; expected {}",
                        row.file,
                        class_names.join(", ")
                    ),
                ));
            }
            None => *unknown.entry(&row.label).or_default() += 1,
        }
    }
    for files in sets.values_mut() {
        // By the class, then as the system sorts paths, whatever the order of the lines.
        files.sort_by(|(a, a_class), (b, b_class)| (a_class, a).cmp(&(b_class, b)));
        files.dedup();
    }
    let mut take = |set| sets.remove(&set);
    let mut listing = Listing {
        files: take(PhotoSet::Train).unwrap_or_default(),
        validation: take(PhotoSet::Validation),
        test: take(PhotoSet::Test).filter(|files| !files.is_empty()),
        class_names: Vec::new(),
        doubts: Default::default(),
        outputs: Vec::new(),
    };
    for (label, photos) in unknown {
        listing.doubts.push(Doubt::UnknownLabel { label: label.to_owned(), photos });
    }
    // Of a part of the table the others are no strangers.
    if file.only.is_none() && !matches!(classes, Classes::Chosen(_)) {
        let named: HashSet<&PathBuf> = paths.iter().collect();
        let table = canonical(&file.path)?;
        let mut found = Found::without(vec![table]);
        found.walk(directory, follow_links)?;
        let mut strangers: Vec<_> = found.files.iter().map(|(folder, name)| folder.join(name)).collect();
        strangers.retain(|path| !named.contains(path));
        if let Some(first) = strangers.iter().min() {
            let example = PathText::new(first.strip_prefix(directory).unwrap_or(first)).to_string();
            let folder = directory.to_owned();
            listing.doubts.push(Doubt::Unlabelled { folder, count: strangers.len(), example });
        }
        for doubt in found.doubts(directory) {
            listing.doubts.push(doubt);
        }
        listing.outputs = found.outputs;
    }
    listing.class_names = class_names;
    Ok(listing)
}

/// Refuses a photo of two classes.
fn check_once(file: &LabelFile, rows: &[Row], paths: &[PathBuf]) -> Result<()> {
    let mut seen: HashMap<&Path, &Row> = HashMap::with_capacity(rows.len());
    for (row, path) in rows.iter().zip(paths) {
        let first = *seen.entry(path).or_insert(row);
        if first.label != row.label {
            return Err(file.error(
                row.line,
                format_args!(
                    "{} is of the class '{}' here, but '{}' in line {}; expected one class a photo",
                    row.file, row.label, first.label, first.line
                ),
            ));
        }
    }
    Ok(())
}

fn class_names(file: &LabelFile, rows: &[Row], classes: &Classes) -> Result<Vec<String>> {
    let trained = rows.iter().filter(|row| row.set.is_none_or(|set| set == PhotoSet::Train));
    let found: BTreeSet<&String> = trained.map(|row| &row.label).collect();
    let all = || found.iter().take(20).map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match classes {
        Classes::All if found.is_empty() => {
            Err(Error::file(&file.path, "it has no photos to train on; expected some"))
        }
        Classes::All if found.len() < 2 => Err(Error::file(
            &file.path,
            format!("all photos to train on are of one class, '{}'; a classifier needs two or more", all()),
        )),
        Classes::All => Ok(found.into_iter().cloned().collect()),
        Classes::Chosen(names) => match names.iter().find(|name| !found.contains(name)) {
            Some(name) => Err(Error::file(
                &file.path,
                format!("class_names has '{name}', of which there is no photo; its classes are: {}", all()),
            )),
            None => Ok(names.clone()),
        },
        Classes::Known(names) if !names.iter().any(|name| found.contains(name)) => Err(Error::file(
            &file.path,
            format!("it has no photos of the classes {}; its classes are: {}", names.join(", "), all()),
        )),
        Classes::Known(names) => Ok(names.clone()),
    }
}

/// Refuses a table of which no photo is there: the folder is another one.
fn check_present(directory: &Path, file: &LabelFile, rows: &[Row], paths: &[PathBuf]) -> Result<()> {
    match rows.first() {
        Some(row) if !paths.iter().any(|path| path.is_file()) => Err(file.error(
            row.line,
            format_args!(
                "there is no photo {} in {}, nor any other of the table; expected names of files as they are from that \
                 folder on",
                row.file,
                PathText::new(directory)
            ),
        )),
        _ => Ok(()),
    }
}
