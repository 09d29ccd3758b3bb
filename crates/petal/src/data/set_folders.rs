use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::listing::{Entries, is_output};
use crate::{Error, PathText, Result};

/// The names of folders that hold photos to train on, in lower case with `_` between words.
const TRAIN: [&str; 4] = ["train", "training", "train_set", "training_set"];
/// … to validate on.
const VALIDATION: [&str; 7] = ["val", "valid", "validation", "dev", "eval", "val_set", "validation_set"];
/// … to test on.
const TEST: [&str; 4] = ["test", "testing", "test_set", "testing_set"];

/// How deep below a folder photos are looked for.
const DEEPEST: usize = 8;

/// A part of the photos, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoSet {
    /// What is learned from.
    Train,
    /// What tells after each epoch how good the model is on other photos.
    Validation,
    /// What the model is tested on in the end.
    Test,
}

/// The folders of photos that are divided into sets already, each with the class folders: `train`, `val` and `test` in
/// one folder, as fastai, torchvision and YOLO have them.
///
/// `train` may be called `training`, `train_set` or `training_set`, too; `val` may be `valid`, `validation`, `dev` or
/// `eval`, `test` may be `testing`; capitals, `-` and `_set` don't matter.
///
/// Names alone don't make sets of folders, since classes can be called so. They are sets if there is `train` beside `val`
/// or `test`, and `train` holds two or more folders with photos. If other folders with photos lie there, too, a folder in
/// `train` must have its like in `val` or `test` and in none of these others: so `bus`, `train` and `car` are classes,
/// whatever is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFolders {
    /// What is trained on.
    pub train: PathBuf,
    /// What is validated on after each epoch.
    pub validation: Option<PathBuf>,
    /// What is tested on in the end.
    pub test: Option<PathBuf>,
    /// A folder that is called `test`, but holds none of the classes: nobody knows what its photos show.
    pub unlabelled: Option<PathBuf>,
}

impl SetFolders {
    /// The sets in `directory`; none if its folders are classes, or there are none.
    ///
    /// ```
    /// use petal::data::SetFolders;
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    /// # for class in ["daisy", "roses"] {
    /// #     for set in ["train", "val"] {
    /// #         std::fs::create_dir_all(directory.join(set).join(class))?;
    /// #         std::fs::write(directory.join(set).join(class).join("1.jpg"), "")?;
    /// #     }
    /// # }
    /// let sets = SetFolders::find(directory)?.unwrap();
    /// assert_eq!(sets.validation, Some(directory.join("val")));
    /// assert_eq!(SetFolders::find(&sets.train)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a folder cannot be read, or there are several for one set.
    pub fn find(directory: &Path) -> Result<Option<Self>> {
        if directory.is_file() {
            return Ok(None);
        }
        let entries = Entries::of(directory)?;
        let (mut sets, mut others) = ([const { Vec::new() }; 3], Vec::new());
        for name in entries.class_folders() {
            let folder = directory.join(name);
            match name.to_str().and_then(set) {
                Some(set) => sets[set as usize].push(folder),
                None => others.push(folder),
            }
        }
        let [train, validation, test] = &sets;
        if train.is_empty() || validation.is_empty() && test.is_empty() {
            return Ok(None);
        }
        let known = classes(&home(&train[0], None))?;
        if known.len() < 2 {
            return Ok(None);
        }
        let inside = |set: &Path| home(set, Some(&known));
        others.retain(|folder| holds_photos(folder, DEEPEST));
        if !others.is_empty() {
            let mut shared = BTreeSet::new();
            for set in validation.iter().chain(test) {
                shared.extend(classes(&inside(set))?);
            }
            shared.retain(|class| known.contains(class));
            for other in &others {
                let other = classes(other)?;
                shared.retain(|class| !other.contains(class));
            }
            if shared.is_empty() {
                return Ok(None);
            }
        }
        for (set, folders) in ["training", "validation", "test"].iter().zip(&sets) {
            if let [first, second, ..] = folders.as_slice() {
                return Err(Error::Data(format!(
                    "{} and {} both are called like the {set} set; rename or move one of them away",
                    PathText::new(first),
                    PathText::new(second)
                )));
            }
        }
        let [train, validation, test] = sets.map(|folders| folders.into_iter().next());
        let is_labelled = match &test {
            Some(test) => classes(&inside(test))?.iter().any(|class| known.contains(class)),
            None => false,
        };
        let (test, unlabelled) = if is_labelled { (test, None) } else { (None, test) };
        Ok(train.map(|train| SetFolders {
            train: home(&train, None),
            validation: validation.map(|set| inside(&set)),
            test: test.map(|set| inside(&set)),
            unlabelled,
        }))
    }
}

/// Where in a set's folder the classes are: it may hold but one folder, which holds them, as in `train/train/cats`.
fn home(set: &Path, known: Option<&BTreeSet<OsString>>) -> PathBuf {
    let mut folder = set.to_owned();
    for _ in 0..DEEPEST {
        let names = classes(&folder).unwrap_or_default();
        match names.first() {
            Some(only) if names.len() == 1 && known.is_none_or(|known| !known.contains(only)) => {
                folder.push(only)
            }
            Some(_) => return folder,
            None => break,
        }
    }
    set.to_owned()
}

/// Which set a folder of this name would be.
pub(super) fn set(name: &str) -> Option<PhotoSet> {
    let name = name.trim().to_lowercase().replace(['-', ' '], "_");
    [(PhotoSet::Train, &TRAIN[..]), (PhotoSet::Validation, &VALIDATION), (PhotoSet::Test, &TEST)]
        .into_iter()
        .find_map(|(set, names)| names.contains(&name.as_str()).then_some(set))
}

/// The names of the folders with photos.
fn classes(folder: &Path) -> Result<BTreeSet<OsString>> {
    let entries = Entries::of(folder)?;
    Ok(entries.class_folders().filter(|name| holds_photos(&folder.join(name), DEEPEST)).cloned().collect())
}

/// Whether there are photos in the folder, or so deep below it, that Petal did not write.
pub(super) fn holds_photos(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = Entries::of(folder) else { return false };
    !is_output(folder)
        && (entries.has_photos()
            || depth > 0 && entries.class_folders().any(|name| holds_photos(&folder.join(name), depth - 1)))
}
