use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ndarray::Array2;

use super::{ClassCount, ClassificationReport, DataSummary, Mistake, Report};
use crate::Result;
use crate::data::{Comparison, Dataset, ImageDataset};
use crate::layers::AnyLayer;
use crate::model::Model;
use crate::plot::{Figure, augmentation_grid, confusion_matrix, photo_grid};

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

/// Wrong answers shown in the report.
const MISTAKES: usize = 12;

impl TrainingReport<'_> {
    /// Writes `report.html`, and the curves, the confusion matrix, the photos and the augmentations as PNG and SVG, into
    /// `folder`. Returns the path of the report.
    ///
    /// # Errors
    /// If a photo can no longer be read or a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let probabilities = self.model.classify(self.validation)?;
        let scores = ClassificationReport::from_probabilities(
            self.validation.labels(),
            &probabilities,
            self.validation.class_names(),
        )?;
        let photos = photo_grid(self.train, self.model.seed())?;
        let augmentations = match augmentation_of(self.model) {
            Some(augmentation) => Some(augmentation_grid(self.train, &augmentation, self.model.seed())?),
            None => None,
        };
        let names = self.validation.class_names();
        let figures: [(&str, Option<&Figure>); 4] = [
            ("curves", Some(&self.model.history().plot())),
            ("confusion_matrix", Some(&confusion_matrix(&scores.confusion, names))),
            ("photos", Some(&photos)),
            ("augmentations", augmentations.as_ref()),
        ];
        for (name, figure) in figures {
            if let Some(figure) = figure {
                figure.save(folder.join(format!("{name}.png")))?;
                figure.save(folder.join(format!("{name}.svg")))?;
            }
        }
        let epochs = self.model.history().epochs().len();
        let report = Report {
            title: self.title.clone(),
            created: today(),
            highlights: vec![
                ("Validation accuracy".into(), format!("{:.1} %", 100.0 * scores.accuracy)),
                ("Epochs".into(), epochs.to_string()),
                ("Photos".into(), (self.train.len() + self.validation.len()).to_string()),
                ("Training time".into(), duration(self.seconds)),
            ],
            settings: self.settings.clone(),
            data: self.data(),
            models: vec![(self.model.graph().name().to_owned(), self.model.summary().to_string())],
            runs: vec![self.model.history().run("")],
            mistakes: self.mistakes(&probabilities)?,
            classification: Some(scores),
            photos: Some(photos),
            augmentations,
            timing: Vec::new(),
        };
        let path = folder.join("report.html");
        report.save(&path)?;
        Ok(path)
    }

    fn data(&self) -> DataSummary {
        let names = self.train.class_names().iter();
        let counts = self.train.class_counts().into_iter().zip(self.validation.class_counts());
        let skipped = self.train.skipped().iter().chain(self.validation.skipped());
        let path = |path: &Path| path.display().to_string();
        DataSummary {
            classes: names
                .zip(counts)
                .map(|(name, (training, validation))| ClassCount { name: name.clone(), training, validation })
                .collect(),
            skipped: skipped.map(|file| (path(&file.path), file.reason.clone())).collect(),
            duplicates: self.comparison.same_pictures.iter().map(|(a, b)| (path(a), path(b))).collect(),
        }
    }

    /// The wrong answers in which the model trusts most.
    fn mistakes(&self, probabilities: &Array2<f32>) -> Result<Vec<Mistake>> {
        let mut wrong: Vec<(f32, usize, usize)> = probabilities
            .rows()
            .into_iter()
            .enumerate()
            .filter_map(|(sample, row)| {
                let predicted = crate::training::arg_max(row.as_slice()?);
                (predicted != self.validation.labels()[sample]).then(|| (row[predicted], sample, predicted))
            })
            .collect();
        wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
        wrong.truncate(MISTAKES);
        let names = self.validation.class_names();
        let mistake = |(probability, sample, predicted): (f32, usize, usize)| {
            let image = self.validation.image(sample)?;
            Ok(Mistake {
                width: image.width() as usize,
                height: image.height() as usize,
                rgb: image.into_raw(),
                true_class: names[self.validation.labels()[sample]].clone(),
                predicted: names[predicted].clone(),
                probability,
                file: self.validation.file_paths()[sample].display().to_string(),
            })
        };
        wrong.into_iter().map(mistake).collect()
    }
}

/// The model's augmentation, if it begins with a nested model of nothing else.
fn augmentation_of(model: &Model) -> Option<Model> {
    let nested = model.layers().iter().find_map(|node| node.as_model())?;
    let augments = |layer: &AnyLayer| layer.class_name().starts_with("Random");
    let all = nested.layers().iter().all(|node| augments(node.layer()) || node.inputs().is_empty());
    all.then(|| Model::from_graph(nested.clone(), model.seed()))
}

/// `1.4 s`, `12 s`, `3:07 min`, `1:02:45 h`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{}:{:02} min", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

/// The date in UTC, `2026-01-31`.
fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400);
    let (year, month, day) = civil(days as i64);
    format!("{year}-{month:02}-{day:02}")
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_781), (2026, 11, 24));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(1.44), "1.4 s");
        assert_eq!(duration(187.2), "3:07 min");
        assert_eq!(duration(3765.0), "1:02:45 h");
    }
}
