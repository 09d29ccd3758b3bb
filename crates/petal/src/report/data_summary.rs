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
    /// Its test photos; none where there is no test set.
    pub test: Option<usize>,
}

impl DataSummary {
    /// Whether nothing is known of the data.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.skipped.is_empty() && self.doubts.is_empty()
    }

    /// What the sets hold.
    pub fn new(train: &ImageDataset, validation: &ImageDataset, test: Option<&ImageDataset>) -> Self {
        let sets: Vec<_> = [train, validation].into_iter().chain(test).collect();
        let counts = train.class_counts().into_iter().zip(validation.class_counts());
        let tested = test.map(ImageDataset::class_counts);
        let count = |(class, (training, validation)): (usize, (usize, usize))| ClassCount {
            name: train.class_names()[class].clone(),
            training,
            validation,
            test: tested.as_ref().map(|tested| tested[class]),
        };
        DataSummary {
            classes: counts.enumerate().map(count).collect(),
            skipped: skipped(&sets),
            doubts: train.doubts().lines(),
        }
    }

    /// What needs attention in one set, whose photos a table of results counts.
    pub(super) fn of_doubts(photos: &ImageDataset) -> Self {
        DataSummary { classes: Vec::new(), skipped: skipped(&[photos]), doubts: photos.doubts().lines() }
    }
}

fn skipped(sets: &[&ImageDataset]) -> Vec<(String, String)> {
    let lost: Vec<_> = sets.iter().flat_map(|set| set.lost()).collect();
    let files = sets.iter().flat_map(|set| set.skipped()).chain(&lost);
    files.map(|file| (PathText::new(&file.path).to_string(), file.reason.clone())).collect()
}
