use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Dataset, ImageDataset};

/// What is wrong between a training and a validation data set. Its text lists every difference by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Classes without a folder on the validation side.
    pub only_training: Vec<String>,
    /// Classes without a folder on the training side.
    pub only_validation: Vec<String>,
    /// Whether both sides have the same classes, but in different orders.
    pub order_differs: bool,
    /// Files with the same bytes on both sides, training first: what is measured on them is not validation.
    pub same_pictures: Vec<(PathBuf, PathBuf)>,
}

/// Looks for classes that only one of the data sets has and for the same picture, by the files' content, in both.
///
/// Worth a look for separate folders and for a split, since many collections hold a picture twice.
pub fn compare(training: &ImageDataset, validation: &ImageDataset) -> Comparison {
    let (ours, theirs) = (training.class_names(), validation.class_names());
    let missing = |from: &[String], names: &[String]| -> Vec<String> {
        names.iter().filter(|name| !from.contains(name)).cloned().collect()
    };
    let only_training = missing(theirs, ours);
    let only_validation = missing(ours, theirs);
    let order_differs = only_training.is_empty() && only_validation.is_empty() && ours != theirs;

    let mut by_digest: HashMap<_, Vec<usize>> = HashMap::new();
    for (i, digest) in training.digests.iter().enumerate() {
        by_digest.entry(digest).or_default().push(i);
    }
    let mut same_pictures = Vec::new();
    for (path, digest) in validation.file_paths().iter().zip(&validation.digests) {
        for &i in by_digest.get(digest).into_iter().flatten() {
            let other = &training.file_paths()[i];
            // The digest is too short to rely on; a file that is gone by now is not worth an error.
            if matches!((fs::read(other), fs::read(path)), (Ok(a), Ok(b)) if a == b) {
                same_pictures.push((other.clone(), path.clone()));
            }
        }
    }
    same_pictures.sort();
    Comparison { only_training, only_validation, order_differs, same_pictures }
}

impl Comparison {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        *self == Comparison::default()
    }

    /// Whether both sides have the same classes in the same order, without which validation means nothing.
    pub fn same_classes(&self) -> bool {
        self.only_training.is_empty() && self.only_validation.is_empty() && !self.order_differs
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut lines = Vec::new();
        if !self.only_training.is_empty() {
            lines.push(format!("classes in training only: {}", self.only_training.join(", ")));
        }
        if !self.only_validation.is_empty() {
            lines.push(format!("classes in validation only: {}", self.only_validation.join(", ")));
        }
        if self.order_differs {
            lines.push("training and validation have the same classes in different orders".into());
        }
        if !self.same_pictures.is_empty() {
            lines.push(format!("pictures in both training and validation: {}", self.same_pictures.len()));
            let pairs = self.same_pictures.iter();
            lines.extend(pairs.map(|(a, b)| format!("  {} = {}", a.display(), b.display())));
        }
        f.write_str(&lines.join("\n"))
    }
}
