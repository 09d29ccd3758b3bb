use std::path::Path;

use crate::data::{Comparison, Dataset, ImageDataset};

/// The photos that a run was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSummary {
    /// In the order of the classes' indices.
    pub classes: Vec<ClassCount>,
    /// Files that could not be used, as (path, reason).
    pub skipped: Vec<(String, String)>,
    /// The same picture on both sides of the split, as (training path, validation path).
    pub duplicates: Vec<(String, String)>,
}

/// How many photos a class has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Its training photos.
    pub training: usize,
    /// Its validation photos.
    pub validation: usize,
}

impl DataSummary {
    /// Whether nothing is known of the data.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.skipped.is_empty() && self.duplicates.is_empty()
    }

    /// What two data sets hold.
    pub fn new(train: &ImageDataset, validation: &ImageDataset, comparison: &Comparison) -> Self {
        let names = train.class_names().iter();
        let counts = train.class_counts().into_iter().zip(validation.class_counts());
        let skipped = train.skipped().iter().chain(validation.skipped());
        let path = |path: &Path| path.display().to_string();
        DataSummary {
            classes: names
                .zip(counts)
                .map(|(name, (training, validation))| ClassCount { name: name.clone(), training, validation })
                .collect(),
            skipped: skipped.map(|file| (path(&file.path), file.reason.clone())).collect(),
            duplicates: comparison.same_pictures.iter().map(|(a, b)| (path(a), path(b))).collect(),
        }
    }
}
