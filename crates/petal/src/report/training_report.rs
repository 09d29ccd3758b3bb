use std::path::{Path, PathBuf};

use super::results::save_figures;
use super::time::{duration, today};
use super::{DataSummary, Report};
use crate::Result;
use crate::data::{Comparison, Dataset, ImageDataset};
use crate::layers::AnyLayer;
use crate::model::Model;
use crate::plot::{augmentation_grid, photo_grid};

/// The report of one training run on a folder of photos, with its pictures as files beside it.
#[derive(Clone, Debug)]
pub struct TrainingReport<'a> {
    /// The page's heading.
    pub title: String,
    /// The run's settings, as (name, value).
    pub settings: Vec<(String, String)>,
    /// The trained model, with its history.
    pub model: &'a Model,
    /// The training photos.
    pub train: &'a ImageDataset,
    /// The validation photos.
    pub validation: &'a ImageDataset,
    /// What is doubtful about the two.
    pub comparison: &'a Comparison,
    /// How long training took.
    pub seconds: f64,
}

impl TrainingReport<'_> {
    /// Writes `report.html`, and its curves, confusion matrix, heat maps, map of features, photos and augmentations as PNG
    /// and SVG, into `folder`. Returns the path of the report.
    ///
    /// # Errors
    /// If a photo can no longer be read or a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let results = Report::of_results(self.model, self.validation)?;
        let photos = photo_grid(self.train, self.model.seed())?;
        let augmentations = match augmentation_of(self.model) {
            Some(augmentation) => Some(augmentation_grid(self.train, &augmentation, self.model.seed())?),
            None => None,
        };
        let mut figures = results.result_figures();
        figures.extend([("curves", self.model.history().plot()), ("photos", photos.clone())]);
        figures.extend(augmentations.clone().map(|figure| ("augmentations", figure)));
        save_figures(folder, figures)?;
        let accuracy = results.classification.as_ref().map_or(0.0, |scores| scores.accuracy);
        let epochs = self.model.history().epochs().len();
        let report = Report {
            title: self.title.clone(),
            created: today(),
            highlights: vec![
                ("Validation accuracy".into(), format!("{:.1} %", 100.0 * accuracy)),
                ("Epochs".into(), epochs.to_string()),
                ("Photos".into(), (self.train.len() + self.validation.len()).to_string()),
                ("Training time".into(), duration(self.seconds)),
            ],
            settings: self.settings.clone(),
            data: DataSummary::new(self.train, self.validation, self.comparison),
            models: vec![(self.model.graph().name().to_owned(), self.model.summary().to_string())],
            runs: vec![self.model.history().run("")],
            photos: Some(photos),
            augmentations,
            ..results
        };
        let path = folder.join("report.html");
        report.save(&path)?;
        Ok(path)
    }
}

/// The model's augmentation, if it begins with a nested model of nothing else.
pub(super) fn augmentation_of(model: &Model) -> Option<Model> {
    let nested = model.layers().iter().find_map(|node| node.as_model())?;
    let augments = |layer: &AnyLayer| layer.class_name().starts_with("Random");
    let all = nested.layers().iter().all(|node| augments(node.layer()) || node.inputs().is_empty());
    all.then(|| Model::from_graph(nested.clone(), model.seed()))
}
