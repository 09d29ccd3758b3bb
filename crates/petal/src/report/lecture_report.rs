use std::path::{Path, PathBuf};

use super::results::save_figures;
use super::time::{duration, today};
use super::training_report::augmentation_of;
use super::{DataSummary, Report, Section, page};
use crate::Result;
use crate::data::{Comparison, Dataset, ImageDataset};
use crate::model::{Model, thousands};
use crate::plot::{Figure, augmentation_grid, curves, photo_grid, write_whole};
use crate::training::History;

/// The report of several networks that were trained on the same photos, one after the other, as the lecture does: the
/// photos, each network with its curves, what the last one makes of the photos, and a table that compares them.
#[derive(Clone, Debug)]
pub struct LectureReport<'a> {
    /// The page's heading.
    pub title: String,
    /// The settings, as (name, value).
    pub settings: Vec<(String, String)>,
    /// The training photos.
    pub train: &'a ImageDataset,
    /// The validation photos.
    pub validation: &'a ImageDataset,
    /// What is doubtful about the two.
    pub comparison: &'a Comparison,
    /// What was done, in this order.
    pub phases: &'a [LecturePhase],
    /// What was not done, as (phase, why and what to do).
    pub left_out: Vec<(String, String)>,
}

/// A network, or its fine-tuning.
#[derive(Clone, Debug)]
pub struct LecturePhase {
    /// The phase, in a word or two: `CNN`.
    pub name: String,
    /// How the names of its files begin: `1-cnn`.
    pub file: String,
    /// What it is about, in a sentence or two.
    pub about: String,
    /// The model after it, with its history. After fine-tuning that is also the history of what came before.
    pub model: Model,
    /// How long each epoch took.
    pub epoch_seconds: Vec<f64>,
}

impl LecturePhase {
    /// The epochs of this phase.
    pub fn history(&self) -> History {
        let history = self.model.history();
        history.after(history.fine_tuning_starts().unwrap_or(0))
    }

    /// The val_accuracy of the last epoch; none if no epoch ended.
    pub fn final_val_accuracy(&self) -> Option<f64> {
        self.history().get("val_accuracy").iter().copied().rfind(|value| value.is_finite())
    }

    /// The highest val_accuracy of this phase, and the number of its epoch, counted from 1 as in the curves.
    pub fn best_val_accuracy(&self) -> Option<(f64, usize)> {
        let before = self.model.history().epochs().len() - self.history().epochs().len();
        let history = self.history();
        let values = history.get("val_accuracy").iter().copied().enumerate();
        // The first of equals.
        let best = values.rev().filter(|(_, value)| value.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(epoch, value)| (value, before + epoch + 1))
    }

    fn seconds(&self) -> f64 {
        self.epoch_seconds.iter().sum()
    }

    /// The median: the first epoch does work that the others find done.
    fn seconds_an_epoch(&self) -> f64 {
        let mut seconds = self.epoch_seconds.clone();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(0.0)
    }
}

impl LectureReport<'_> {
    /// Writes `report.html` and its pictures, as PNG and SVG, into `folder`. Returns the path of the report.
    ///
    /// # Errors
    /// If a photo can no longer be read or a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let pictures = Pictures::new(self)?;
        let results = match self.phases.last() {
            Some(last) => Report::of_results(&last.model, self.validation)?,
            None => Report::default(),
        };
        pictures.save(folder, self.phases)?;
        save_figures(folder, results.result_figures())?;

        let mut sections = self.data_sections(pictures.photos, pictures.augmentations);
        for (number, (phase, figure)) in (1..).zip(self.phases.iter().zip(&pictures.curves)) {
            sections.push(phase.section(number, figure));
        }
        if let Some(last) = self.phases.last() {
            let about = format!("What the last network, {}, makes of the validation photos.", last.name);
            sections.push(Section::text("A closer look", &[&about]));
            sections.extend(results.sections()?);
        }
        sections.extend(self.comparison_section(&pictures.all));
        if !self.left_out.is_empty() {
            sections.push(Section::pairs("Left out", &self.left_out));
        }
        sections.push(Section::pairs("Settings", &self.settings));
        let path = folder.join("report.html");
        let below = match self.phases.is_empty() {
            true => today(),
            false => format!("{} · best validation accuracy of each network:", today()),
        };
        let html = page(&self.title, &below, &self.highlights(), &sections);
        write_whole(&path, html.as_bytes())?;
        Ok(path)
    }

    /// The best val_accuracy of each phase.
    fn highlights(&self) -> Vec<(String, String)> {
        let best =
            |phase: &LecturePhase| phase.best_val_accuracy().map_or("–".into(), |(best, _)| percent(best));
        self.phases.iter().map(|phase| (phase.name.clone(), best(phase))).collect()
    }

    fn data_sections(&self, photos: Figure, augmentations: Option<Figure>) -> Vec<Section> {
        let about = format!(
            "{} photos of {} classes: {} to learn from, and {} that no network sees while it learns, to judge it by.",
            thousands(self.train.len() + self.validation.len()),
            self.train.class_names().len(),
            thousands(self.train.len()),
            thousands(self.validation.len()),
        );
        let data = DataSummary::new(self.train, self.validation, self.comparison);
        let photos = Section::text("The photos", &[&about])
            .and(Section::figure("", "", &photos))
            .and(Section::data("By class", &data));
        let augmentations = augmentations.map(|figure| {
            let about = "Flipped, turned and zoomed a little differently in each epoch, one photo becomes many: the \
                         network cannot learn it by heart.";
            Section::text("Augmentation", &[about]).and(Section::figure("", "", &figure))
        });
        [Some(photos), augmentations].into_iter().flatten().collect()
    }

    fn comparison_section(&self, all: &Figure) -> Option<Section> {
        if self.phases.is_empty() {
            return None;
        }
        let accuracy = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.3}"));
        let row = |phase: &LecturePhase| {
            let best = phase.best_val_accuracy();
            vec![
                phase.name.clone(),
                thousands(phase.model.summary().trainable_params()),
                phase.history().epochs().len().to_string(),
                accuracy(phase.final_val_accuracy()),
                best.map_or("–".into(), |(best, epoch)| format!("{best:.3} in {epoch}")),
                duration(phase.seconds_an_epoch()),
                duration(phase.seconds()),
            ]
        };
        let rows: Vec<_> = self.phases.iter().map(row).collect();
        let heads = [
            "Network",
            "Weights trained",
            "Epochs",
            "Last val_accuracy",
            "Best, in epoch",
            "Time an epoch",
            "Time",
        ];
        let caption = "Validation, and dashed training. A dot marks the best epoch.";
        Some(Section::table("Compared", &heads, &rows).and(Section::figure("", caption, all)))
    }
}

impl LecturePhase {
    fn section(&self, number: usize, curves: &Figure) -> Section {
        let last = self.final_val_accuracy().map_or("–".into(), percent);
        let best = self.best_val_accuracy();
        let best = best.map_or("–".into(), |(best, epoch)| format!("{} in epoch {epoch}", percent(best)));
        let epochs = match self.epoch_seconds.len() {
            1 => "1 epoch".to_owned(),
            many => format!("{many} epochs"),
        };
        let rows = [
            ("Last val_accuracy", last),
            ("Best val_accuracy", best),
            ("Time an epoch", duration(self.seconds_an_epoch())),
            ("Time", format!("{} for {epochs}", duration(self.seconds()))),
        ];
        let rows = rows.map(|(name, value)| (name.to_owned(), value));
        let summary = [(self.file.clone() + ".petal", self.model.summary().to_string())];
        Section::text(format!("{number} · {}", self.name), &[&self.about])
            .and(Section::pairs("", &rows))
            .and(Section::figure("", "A dot marks the best epoch on the validation photos.", curves))
            .and(Section::models("", &summary))
    }
}

/// The pictures but for those of the results.
struct Pictures {
    photos: Figure,
    augmentations: Option<Figure>,
    /// One for each phase.
    curves: Vec<Figure>,
    /// Every network's curves in one figure.
    all: Figure,
}

impl Pictures {
    fn new(report: &LectureReport<'_>) -> Result<Self> {
        let seed = report.phases.first().map_or(0, |phase| phase.model.seed());
        let augmentation = report.phases.iter().find_map(|phase| augmentation_of(&phase.model));
        let augmentations = augmentation
            .map(|augmentation| augmentation_grid(report.train, &augmentation, seed))
            .transpose()?;
        // A phase that the next one goes on from is in the next one's history.
        let goes_on = |i: usize| {
            report.phases.get(i + 1).is_some_and(|next| next.model.history().fine_tuning_starts().is_some())
        };
        let runs: Vec<_> = report
            .phases
            .iter()
            .enumerate()
            .filter(|&(i, _)| !goes_on(i))
            .map(|(i, phase)| match i.checked_sub(1).filter(|&before| goes_on(before)) {
                Some(before) => {
                    let name = format!("{}, {}", report.phases[before].name, phase.name.to_lowercase());
                    phase.model.history().run(&name)
                }
                None => phase.model.history().run(&phase.name),
            })
            .collect();
        Ok(Pictures {
            photos: photo_grid(report.train, seed)?,
            augmentations,
            curves: report.phases.iter().map(|phase| phase.model.history().plot()).collect(),
            all: curves(&runs),
        })
    }

    fn save(&self, folder: &Path, phases: &[LecturePhase]) -> Result<()> {
        let mut figures =
            vec![("photos".to_owned(), self.photos.clone()), ("curves".into(), self.all.clone())];
        figures.extend(self.augmentations.clone().map(|figure| ("augmentations".into(), figure)));
        let own = phases.iter().zip(&self.curves);
        figures.extend(own.map(|(phase, figure)| (format!("{}-curves", phase.file), figure.clone())));
        save_figures(folder, figures)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications::lecture_cnn;

    #[test]
    fn fine_tuning_is_judged_by_its_own_epochs() {
        let mut model = lecture_cnn([32, 32, 3], 2, 0).unwrap();
        for (epoch, accuracy) in [0.9, 0.5, 0.7, 0.7, f64::NAN].into_iter().enumerate() {
            if epoch == 1 {
                model.history_mut().start_fine_tuning();
            }
            model.history_mut().push(epoch, &[("val_accuracy".to_owned(), accuracy)].into());
        }
        let phase = LecturePhase {
            name: "fine-tuned".into(),
            file: "4".into(),
            about: String::new(),
            model,
            epoch_seconds: vec![9.0, 1.0, 2.0],
        };
        assert_eq!(phase.best_val_accuracy(), Some((0.7, 3)));
        assert_eq!(phase.final_val_accuracy(), Some(0.7));
        assert_eq!((phase.seconds(), phase.seconds_an_epoch()), (12.0, 2.0));
    }
}
