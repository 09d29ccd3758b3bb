use ndarray::Array2;

use super::numbers::{percent, today};
use super::{DataSummary, Report};
use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::model::thousands;

/// The report of a model that is measured on photos which it hasn't learned from.
#[derive(Clone, Debug)]
pub struct EvaluationReport<'a> {
    /// The page's heading.
    pub title: String,
    /// Of what model and photos it is, as (name, value).
    pub settings: Vec<(String, String)>,
    /// The photos.
    pub photos: &'a ImageDataset,
    /// What [`Model::classify`](crate::model::Model::classify) gives for them.
    pub probabilities: &'a Array2<f32>,
    /// The model's loss on them.
    pub loss: f64,
}

impl EvaluationReport<'_> {
    /// The report: accuracy, classes, probabilities and mistakes.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// use petal::data::{ImageFolder, sample};
    /// use petal::report::EvaluationReport;
    /// # let directory = folder.path().join("photos");
    /// # sample::write(&directory, &sample::SampleOptions { per_class: 2, ..Default::default() })?;
    /// # let model = petal::applications::lecture_cnn([32, 32, 3], 5, 0)?;
    /// let photos = ImageFolder::new(&directory).image_size(32, 32).load()?;
    /// let report = EvaluationReport {
    ///     title: "CNN on new photos".into(),
    ///     settings: Vec::new(),
    ///     photos: &photos,
    ///     probabilities: &model.classify(&photos)?,
    ///     loss: 1.6,
    /// };
    /// # let page = folder.path().join("evaluation.html");
    /// report.report()?.save(page)?;
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Report::of_probabilities`].
    pub fn report(&self) -> Result<Report> {
        let results = Report::of_probabilities(self.photos, self.probabilities)?;
        let mut highlights = Vec::new();
        let mut highlight = |name: &str, value: String| highlights.push((name.to_owned(), value));
        let mut settings = self.settings.clone();
        if let Some(scores) = &results.classification {
            let (low, high) = scores.accuracy_interval();
            highlight("Accuracy", percent(scores.accuracy));
            highlight("95\u{a0}% interval", format!("{:.1}–{}", 100.0 * low, percent(high)));
            let missing: Vec<_> = scores.classes.iter().filter(|class| class.support == 0).collect();
            if !missing.is_empty() {
                let names: Vec<&str> = missing.iter().take(NAMED).map(|class| class.name.as_str()).collect();
                let more = missing.len() - names.len();
                let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
                settings.push(("Classes without a photo".into(), format!("{}{more}", names.join(", "))));
            }
        }
        highlight("Loss", format!("{:.4}", self.loss));
        if let Some(reliability) = &results.reliability {
            highlight("Calibration error", percent(reliability.expected_error()));
        }
        if let Some(auroc) = results.rankings.as_ref().and_then(|rankings| rankings.mean_auroc()) {
            highlight("Mean AUROC", format!("{auroc:.3}"));
        }
        highlight("Photos", thousands(self.photos.len()));
        Ok(Report {
            title: self.title.clone(),
            created: today(),
            highlights,
            settings,
            data: DataSummary::of_doubts(self.photos),
            ..results
        })
    }
}

/// Classes without photos that are named.
const NAMED: usize = 20;
