use std::path::Path;

use super::numbers::{duration, percent, today};
use super::results::save_figures;
use super::saved_epoch::{curves_caption, saved_epoch};
use super::tables::{FILES, save_tables};
use super::{DataSummary, Report, TestResults};
use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::model::{Model, thousands};
use crate::plot::{augmentation_grid, photo_grid};
use crate::training::Prediction;

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
    /// The test photos, where there are any.
    pub test: Option<&'a ImageDataset>,
    /// How long training took.
    pub seconds: f64,
}

impl TrainingReport<'_> {
    /// Writes `report.html`, and its curves, confusion matrices, heat maps, map of features, photos and augmentations as PNG
    /// and SVG, with `classes.csv` and `mistakes.csv`, into `folder`. Returns what is in it.
    ///
    /// # Errors
    /// If a photo can no longer be read or a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<Report> {
        let folder = folder.as_ref();
        let probabilities = self.model.classify(self.validation)?;
        let results = Report {
            test: self.test.map(|photos| TestResults::new(self.model, photos)).transpose()?,
            ..Report::of_model(self.model, self.validation, &probabilities)?
        };
        let data = DataSummary::new(self.train, self.validation, self.test);
        if let Some(scores) = &results.classification {
            save_tables(folder, &data, self.validation, &Prediction::of(&probabilities), scores)?;
        }
        let photos = photo_grid(self.train, self.model.seed())?;
        let augmentations = match self.model.augmentation() {
            Some(augmentation) => Some(augmentation_grid(self.train, &augmentation, self.model.seed())?),
            None => None,
        };
        let mut figures = results.result_figures();
        figures.extend([("curves", self.model.history().plot()), ("photos", photos.clone())]);
        figures.extend(augmentations.clone().map(|figure| ("augmentations", figure)));
        save_figures(folder, figures)?;
        let accuracy = results.classification.as_ref().map_or(0.0, |scores| scores.accuracy);
        let interval = results.classification.as_ref().map_or_else(String::new, |scores| {
            let (low, high) = scores.accuracy_interval();
            format!("{:.1}–{}", 100.0 * low, percent(high))
        });
        let history = self.model.history();
        let photos_of_all = self.train.len() + self.validation.len() + self.test.map_or(0, |test| test.len());
        let mut highlights = vec![
            ("Validation accuracy".into(), percent(accuracy)),
            ("95\u{a0}% interval".into(), interval),
            ("Saved model".into(), saved_epoch(history)),
            ("Photos".into(), thousands(photos_of_all)),
            ("Training time".into(), duration(self.seconds)),
        ];
        if let Some(test) = &results.test {
            highlights.insert(2, ("Test accuracy".into(), percent(test.scores.accuracy)));
        }
        let report = Report {
            title: self.title.clone(),
            created: today(),
            highlights,
            settings: self.settings.clone(),
            data,
            models: vec![(self.model.graph().name().to_owned(), self.model.summary().to_string())],
            runs: vec![history.run("")],
            curves_caption: curves_caption(history),
            photos: Some(photos),
            augmentations,
            files: FILES.map(|(file, what)| (file.to_owned(), what.to_owned())).into(),
            ..results
        };
        report.save(folder.join("report.html"))?;
        Ok(report)
    }
}
