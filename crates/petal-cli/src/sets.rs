//! Which photos are for training, for validation and for the test in the end.

use std::path::{Path, PathBuf};

use petal::PathText;
use petal::data::{ImageFolder, LabelFile, PhotoSet, SetFolders};
use petal::saving::any_path;
use petal::shell::quoted;
use serde::{Deserialize, Serialize};

use crate::photo_folder::{absolute, find, from_here};
use crate::terminal::say;
use crate::{Failure, args};

/// The share of the photos that is for validation unless told otherwise.
const SHARE: f64 = 0.2;

/// Where a run's photos come from; paths from the root on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sets {
    /// The folder of the classes, or the one that holds `train` and others.
    #[serde(with = "any_path")]
    pub photos: PathBuf,
    pub validation: Validation,
    #[serde(default)]
    pub test: Option<Folder>,
    /// What says the classes instead of folders.
    #[serde(default)]
    pub labels: Option<LabelFile>,
}

/// Where the validation photos come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    Split(f64),
    #[serde(with = "any_path")]
    Folder(PathBuf),
    /// As a column of the labels says.
    Labels,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Folder(#[serde(with = "any_path")] pub PathBuf);

impl Sets {
    /// The sets in the folder that was typed, or those that were named; `share` is of the photos, for validation.
    ///
    /// # Errors
    /// If a folder cannot be read, the photos are those to be downloaded and aren't, the sample photos cannot be drawn, or
    /// a share is asked for where there are validation photos.
    pub fn new(directory: Option<&Path>, named: &args::Sets, share: Option<f64>) -> Result<Self, Failure> {
        let photos = absolute(&find(named.labels.directory(directory))?)?;
        if let Some(labels) = named.labels.file()? {
            return Sets::of_labels(photos, labels, share);
        }
        let found = if photos.is_dir() { SetFolders::find(&photos)? } else { None };
        let folder = |named: &Option<PathBuf>, found: Option<PathBuf>| match named {
            Some(folder) => Ok::<_, Failure>(Some(absolute(&find(Some(folder))?)?)),
            None => Ok(found),
        };
        let validation = folder(&named.validation, found.as_ref().and_then(|sets| sets.validation.clone()))?;
        let validation = match (validation, share) {
            (Some(folder), Some(_)) => {
                return Err(format!(
                    "--validation-split would change nothing: {} is there for validation; leave it out, or train on one \
                     folder, like {}",
                    PathText::new(&from_here(&folder)),
                    PathText::new(&from_here(&found.map_or(photos, |sets| sets.train)))
                )
                .into());
            }
            (Some(folder), None) => Validation::Folder(folder),
            (None, share) => Validation::Split(share.unwrap_or(SHARE)),
        };
        let test = folder(&named.test, found.and_then(|sets| sets.test))?.map(Folder);
        Ok(Sets { photos, validation, test, labels: None })
    }

    fn of_labels(photos: PathBuf, labels: LabelFile, share: Option<f64>) -> Result<Self, Failure> {
        let validation = match (labels.sets()?.contains(&PhotoSet::Validation), share) {
            (true, Some(_)) => {
                return Err(format!(
                    "--validation-split would change nothing: {} says which photos are for validation; leave it out",
                    PathText::new(&from_here(&labels.path))
                )
                .into());
            }
            (true, None) => Validation::Labels,
            (false, share) => Validation::Split(share.unwrap_or(SHARE)),
        };
        Ok(Sets { photos, validation, test: None, labels: Some(labels) })
    }

    /// The photos' folder as it is called from the present one.
    pub fn photos_from_here(&self) -> PathBuf {
        from_here(&self.photos)
    }

    /// All sets, without any setting but where they are.
    pub fn open(&self) -> ImageFolder {
        let mut folder = ImageFolder::new(self.photos_from_here());
        folder = match &self.validation {
            Validation::Split(share) => folder.validation_split(*share),
            Validation::Folder(validation) => folder.validation_folder(from_here(validation)),
            Validation::Labels => folder,
        };
        if let Some(labels) = &self.labels {
            folder = folder.labels(LabelFile { path: from_here(&labels.path), ..labels.clone() });
        }
        match &self.test {
            Some(Folder(test)) => folder.test_folder(from_here(test)),
            None => folder,
        }
    }

    /// The photos are in another folder now, and so are the sets that lay in theirs.
    pub fn move_to(&mut self, photos: PathBuf) {
        let before = std::mem::replace(&mut self.photos, photos);
        let move_set = |set: &mut PathBuf| {
            if let Ok(below) = set.strip_prefix(&before) {
                *set = self.photos.join(below);
            }
        };
        if let Validation::Folder(validation) = &mut self.validation {
            move_set(validation);
        }
        if let Some(Folder(test)) = &mut self.test {
            move_set(test);
        }
        if let Some(labels) = &mut self.labels {
            move_set(&mut labels.path);
        }
    }

    /// What is typed to train on the same photos.
    pub fn arguments(&self) -> String {
        let mut arguments = quoted(&self.photos_from_here());
        let found = SetFolders::find(&self.photos).ok().flatten();
        let found = |folder: &PathBuf| {
            found.as_ref().is_some_and(|sets| {
                sets.validation.as_ref() == Some(folder) || sets.test.as_ref() == Some(folder)
            })
        };
        match &self.validation {
            Validation::Folder(folder) if found(folder) => {}
            Validation::Folder(folder) => {
                arguments += &format!(" --validation {}", quoted(&from_here(folder)))
            }
            Validation::Split(share) if *share != SHARE => {
                arguments += &format!(" --validation-split {share}")
            }
            Validation::Split(_) | Validation::Labels => {}
        }
        if let Some(LabelFile { path, file_column, label_column, .. }) = &self.labels {
            arguments += &format!(" --labels {}", quoted(&from_here(path)));
            for (option, column) in [("--file-column", file_column), ("--label-column", label_column)] {
                if let Some(column) = column {
                    arguments += &format!(" {option} {}", quoted(Path::new(column)));
                }
            }
        }
        if let Some(Folder(test)) = self.test.as_ref().filter(|test| !found(&test.0)) {
            arguments += &format!(" --test {}", quoted(&from_here(test)));
        }
        arguments
    }

    /// The command that names the sets which were found in the photos' folder; none if it has none.
    pub fn found_as(&self) -> Option<String> {
        let found = SetFolders::find(&self.photos).ok().flatten().filter(|_| self.labels.is_none())?;
        let mut command = format!("petal train {}", quoted(&from_here(&found.train)));
        if let Validation::Folder(folder) = &self.validation {
            command += &format!(" --validation {}", quoted(&from_here(folder)));
        }
        if let Some(Folder(test)) = &self.test {
            command += &format!(" --test {}", quoted(&from_here(test)));
        }
        Some(command)
    }

    /// Where the photos are, as a table for a report.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| PathText::new(path).to_string();
        let validation = match &self.validation {
            Validation::Split(share) => format!("{:.0} % of the photos", 100.0 * share),
            Validation::Folder(folder) => path(folder),
            Validation::Labels => "as the labels say".into(),
        };
        let test = self.test.iter().map(|Folder(folder)| ("Test", path(folder)));
        let labels = self.labels.iter().map(|labels| ("Labels", path(&labels.path)));
        let photos = [("Photos", path(&self.photos))].into_iter().chain(labels);
        photos.chain([("Validation", validation)]).chain(test).collect()
    }
}

/// The photos that a model is to be measured on: where there are sets, those of the test, or for validation.
///
/// # Errors
/// If a folder or the labels cannot be read, or the only set is for training.
pub fn to_measure_on(
    directory: PathBuf,
    labels: Option<LabelFile>,
) -> Result<(PathBuf, ImageFolder), Failure> {
    if let Some(labels) = labels {
        let sets = labels.sets()?;
        let last = [PhotoSet::Test, PhotoSet::Validation].into_iter().find(|set| sets.contains(set));
        match last {
            Some(PhotoSet::Test) => say!("Measured is on the photos for the test"),
            Some(_) => say!("Measured is on the photos for validation"),
            None => {}
        }
        let folder = ImageFolder::new(&directory).labels(LabelFile { only: last, ..labels });
        return Ok((directory, folder));
    }
    let found = if directory.is_dir() { SetFolders::find(&directory)? } else { None };
    let Some(sets) = found else { return Ok((directory.clone(), ImageFolder::new(directory))) };
    let Some(set) = sets.test.or(sets.validation) else {
        return Err(format!(
            "{} has no photos to measure a model on but those for training, in {}; name a folder of others",
            PathText::new(&directory),
            PathText::new(&sets.train)
        )
        .into());
    };
    say!("{} is divided into sets; measured is on {}", PathText::new(&directory), PathText::new(&set));
    Ok((set.clone(), ImageFolder::new(set)))
}

/// The photos that are looked at: where there are sets, those for training.
///
/// # Errors
/// If a folder cannot be read.
pub fn to_look_at(directory: PathBuf, labels: Option<LabelFile>) -> Result<(PathBuf, ImageFolder), Failure> {
    if let Some(labels) = labels {
        let folder = ImageFolder::new(&directory).labels(labels);
        return Ok((directory, folder));
    }
    let found = if directory.is_dir() { SetFolders::find(&directory)? } else { None };
    let Some(SetFolders { train, .. }) = found else {
        return Ok((directory.clone(), ImageFolder::new(directory)));
    };
    say!("{} is divided into sets; shown is {}", PathText::new(&directory), PathText::new(&train));
    Ok((train.clone(), ImageFolder::new(train)))
}
