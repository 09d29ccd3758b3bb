use std::path::Path;

use super::numbers::{duration, epochs, percent, today};
use super::results::save_figures;
use super::saved_epoch::{best_epoch, curves_caption, saved_epoch};
use super::tables::{FILES, save_tables};
use super::{DataSummary, Report, Section, TestResults, page};
use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::history::History;
use crate::model::{Model, thousands};
use crate::plot::{Figure, Run, augmentation_grid, curves, photo_grid, write_whole};
use crate::training::Prediction;

/// The report of several networks that were trained on the same photos, one after the other, as the lecture does: the
/// comparison of the networks, the photos, each network with its curves, and what the last one makes of the photos.
///
/// What it says of a network is what is true of its model: the accuracy is that of the epoch whose weights the model has.
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
    /// The test photos, where there are any. Only the network that is best in validation is tested.
    pub test: Option<&'a ImageDataset>,
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

    /// The val_accuracy of [`LecturePhase::model`], in the epoch whose weights it has; none if that epoch was cut short.
    pub fn val_accuracy(&self) -> Option<f64> {
        self.history().of_the_weights("val_accuracy")
    }

    /// The highest val_accuracy of this phase, and the number of its epoch, counted from 1 as in the curves. The model
    /// is of another epoch where [`LecturePhase::val_accuracy`] is less.
    pub fn best_val_accuracy(&self) -> Option<(f64, usize)> {
        best_epoch(&self.history())
    }

    /// The phase whose model has the highest val_accuracy, of equals the last.
    pub fn best(phases: &[LecturePhase]) -> Option<&LecturePhase> {
        let accuracy = |phase: &LecturePhase| phase.val_accuracy().unwrap_or(f64::NEG_INFINITY);
        phases.iter().max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)))
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
    /// Writes `report.html` and its pictures, as PNG and SVG, into `folder`. Returns what the last network makes of the
    /// validation photos, and the best one of the test photos.
    ///
    /// # Errors
    /// If a photo can no longer be read or a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<Report> {
        let folder = folder.as_ref();
        let pictures = Pictures::new(self)?;
        let data = DataSummary::new(self.train, self.validation, self.test);
        let mut results = Report::default();
        if let Some(last) = self.phases.last() {
            let probabilities = last.model.classify(self.validation)?;
            results = Report::of_model(&last.model, self.validation, &probabilities)?;
            if let Some(scores) = &results.classification {
                save_tables(folder, &data, self.validation, &Prediction::of(&probabilities), scores)?;
            }
        }
        let best = LecturePhase::best(self.phases);
        if let (Some(best), Some(photos)) = (best, self.test) {
            results.test = Some(TestResults::new(&best.model, photos)?);
        }
        pictures.save(folder, self.phases)?;
        save_figures(folder, results.result_figures())?;

        let mut sections: Vec<Section> = self.comparison_section(&pictures.runs).into_iter().collect();
        sections.extend(self.data_sections(&data, &pictures));
        sections.extend((1..).zip(self.phases).map(|(number, phase)| phase.section(number)));
        if let Some(last) = self.phases.last() {
            let about = format!("What the last network, {}, makes of the validation photos.", last.name);
            sections.push(Section::text("A closer look", &[&about]));
            let closer = Report { test: None, ..results.clone() };
            sections.extend(closer.sections()?);
        }
        if let (Some(best), Some(test)) = (best, &results.test) {
            let title = format!("Test set: {}, the best network in validation", best.name);
            sections.push(Section::test(title, test));
        }
        if !self.left_out.is_empty() {
            sections.push(Section::pairs("Left out", &self.left_out));
        }
        sections.push(Section::pairs("Settings", &self.settings));
        let models =
            |phase: &LecturePhase| (format!("{}.petal", phase.file), format!("{} as trained", phase.name));
        let mut files: Vec<_> = self.phases.iter().map(models).collect();
        if !files.is_empty() {
            files.extend(FILES.map(|(file, what)| (file.to_owned(), what.to_owned())));
            sections.push(Section::files("Files beside this page", &files));
        }
        let path = folder.join("report.html");
        let below = match self.phases.is_empty() {
            true => today(),
            false => format!("{} · accuracy of each saved network on the validation photos:", today()),
        };
        let html = page(&self.title, &below, &self.highlights(), &sections);
        write_whole(&path, html.as_bytes())?;
        Ok(results)
    }

    /// The val_accuracy of each phase's model.
    fn highlights(&self) -> Vec<(String, String)> {
        let accuracy = |phase: &LecturePhase| phase.val_accuracy().map_or("–".into(), percent);
        self.phases.iter().map(|phase| (phase.name.clone(), accuracy(phase))).collect()
    }

    fn data_sections(&self, data: &DataSummary, pictures: &Pictures) -> Vec<Section> {
        let mut about = format!(
            "{} photos of {} classes: {} to learn from, and {} that no network sees while it learns, to judge it by.",
            thousands(self.train.len() + self.validation.len() + self.test.map_or(0, |test| test.len())),
            self.train.class_names().len(),
            thousands(self.train.len()),
            thousands(self.validation.len()),
        );
        if let Some(test) = self.test {
            about += &format!(" {} more are kept for the best network in the end.", thousands(test.len()));
        }
        let photos = Section::text("The photos", &[&about])
            .and(Section::figure("", "", &pictures.photos))
            .and(Section::data("By class", data));
        let augmentations = pictures.augmentations.as_ref().map(|figure| {
            let about = "Flipped, turned and zoomed a little differently in each epoch, one photo becomes many: the \
                         network cannot learn it by heart.";
            Section::text("Augmentation", &[about]).and(Section::figure("", "", figure))
        });
        [Some(photos), augmentations].into_iter().flatten().collect()
    }

    fn comparison_section(&self, runs: &[Run]) -> Option<Section> {
        if self.phases.is_empty() {
            return None;
        }
        let row = |phase: &LecturePhase| {
            let best = phase.best_val_accuracy();
            vec![
                phase.name.clone(),
                phase.val_accuracy().map_or("–".into(), percent),
                saved_epoch(&phase.history()),
                best.map_or("–".into(), |(best, epoch)| format!("{} in {epoch}", percent(best))),
                thousands(phase.model.summary().trainable_params()),
                duration(phase.seconds_an_epoch()),
                duration(phase.seconds()),
            ]
        };
        let rows: Vec<_> = self.phases.iter().map(row).collect();
        let heads = [
            "Network",
            "Validation accuracy",
            "Saved model",
            "Best epoch",
            "Weights trained",
            "Time an epoch",
            "Time",
        ];
        let caption = "Validation, and dashed training. A dot marks the best epoch.";
        Some(Section::table("Compared", &heads, &rows).and(Section::curves("", caption, runs)))
    }
}

impl LecturePhase {
    fn section(&self, number: usize) -> Section {
        let epochs = epochs(self.epoch_seconds.len());
        let rows = [
            ("Validation accuracy", self.val_accuracy().map_or("–".into(), percent)),
            ("Saved model", saved_epoch(&self.history())),
            ("Time an epoch", duration(self.seconds_an_epoch())),
            ("Time", format!("{} for {epochs}", duration(self.seconds()))),
        ];
        let rows = rows.map(|(name, value)| (name.to_owned(), value));
        let summary = [(self.file.clone() + ".petal", self.model.summary().to_string())];
        Section::text(format!("{number} · {}", self.name), &[&self.about])
            .and(Section::pairs("", &rows))
            .and(Section::curves("", &curves_caption(&self.history()), &[self.model.history().run("")]))
            .and(Section::models("", &summary))
    }
}

/// The pictures but for those of the results.
struct Pictures {
    photos: Figure,
    augmentations: Option<Figure>,
    /// Every network's curves.
    runs: Vec<Run>,
}

impl Pictures {
    fn new(report: &LectureReport<'_>) -> Result<Self> {
        let seed = report.phases.first().map_or(0, |phase| phase.model.seed());
        let augmentation = report.phases.iter().find_map(|phase| phase.model.augmentation());
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
        Ok(Pictures { photos: photo_grid(report.train, seed)?, augmentations, runs })
    }

    fn save(&self, folder: &Path, phases: &[LecturePhase]) -> Result<()> {
        let mut figures =
            vec![("photos".to_owned(), self.photos.clone()), ("curves".into(), curves(&self.runs))];
        figures.extend(self.augmentations.clone().map(|figure| ("augmentations".into(), figure)));
        let own = |phase: &LecturePhase| (format!("{}-curves", phase.file), phase.model.history().plot());
        figures.extend(phases.iter().map(own));
        save_figures(folder, figures)
    }
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
        assert_eq!(phase.val_accuracy(), None, "the last epoch was cut short");
        assert_eq!((phase.seconds(), phase.seconds_an_epoch()), (12.0, 2.0));
    }

    #[test]
    fn an_epoch_that_was_put_back_is_the_one_that_is_reported() {
        let mut model = lecture_cnn([32, 32, 3], 2, 0).unwrap();
        for (epoch, accuracy) in [0.5, 0.7, 0.6].into_iter().enumerate() {
            model.history_mut().push(epoch, &[("val_accuracy".to_owned(), accuracy)].into());
        }
        let mut phase = LecturePhase {
            name: "CNN".into(),
            file: "1".into(),
            about: String::new(),
            model,
            epoch_seconds: vec![1.0; 3],
        };
        let section = |phase: &LecturePhase| phase.section(1).body;
        assert_eq!(phase.val_accuracy(), Some(0.6));
        assert!(
            section(&phase).contains("60.0\u{a0}%") && section(&phase).contains("epoch\u{a0}2 was better")
        );
        phase.model.history_mut().restore(1);
        assert_eq!(phase.val_accuracy(), Some(0.7));
        assert!(
            section(&phase).contains("70.0\u{a0}%")
                && section(&phase).contains("epoch\u{a0}2 of\u{a0}3, restored")
        );
    }
}
