use crate::PathText;
use crate::data::{Dataset, ImageDataset};

/// The photos that a run was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSummary {
    /// In the order of the classes' indices.
    pub classes: Vec<ClassCount>,
    /// Files that could not be used, as (path, reason).
    pub skipped: Vec<(String, String)>,
    /// What else is doubtful about the photos, a line each.
    pub doubts: Vec<String>,
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
        self.classes.is_empty() && self.skipped.is_empty() && self.doubts.is_empty()
    }

    /// What the two sides of a split hold.
    pub fn new(train: &ImageDataset, validation: &ImageDataset) -> Self {
        let names = train.class_names().iter();
        let counts = train.class_counts().into_iter().zip(validation.class_counts());
        let lost = [train.lost(), validation.lost()].concat();
        let skipped = train.skipped().iter().chain(validation.skipped()).chain(&lost);
        DataSummary {
            classes: names
                .zip(counts)
                .map(|(name, (training, validation))| ClassCount { name: name.clone(), training, validation })
                .collect(),
            skipped: skipped
                .map(|file| (PathText::new(&file.path).to_string(), file.reason.clone()))
                .collect(),
            doubts: train.doubts().lines(),
        }
    }
}
