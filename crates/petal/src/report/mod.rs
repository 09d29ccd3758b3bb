//! One self-contained HTML page for a training run.
//!
//! A page is a list of [`Section`]s. [`Report`] lays out those of one run; a page with several runs or phases takes the
//! same sections and hands them to [`page`].

mod classification;
mod data_summary;
mod lecture_report;
mod mistake;
mod page;
mod results;
mod section;
mod time;
mod training_report;

use std::path::Path;

pub use classification::{ClassScores, ClassificationReport};
pub use data_summary::{ClassCount, DataSummary};
pub use lecture_report::{LecturePhase, LectureReport};
pub use mistake::Mistake;
pub use page::page;
pub use section::Section;
pub use training_report::TrainingReport;

use crate::Result;
use crate::plot::{Figure, Run, confusion_matrix, curves, write_whole};

/// What is known of a run; what is empty is left out of the page.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The page's heading.
    pub title: String,
    /// When the run ended, as it is to be read.
    pub created: String,
    /// The few numbers that a reader wants first, as (name, value): they stand large at the top.
    pub highlights: Vec<(String, String)>,
    /// The run's settings, as (name, value).
    pub settings: Vec<(String, String)>,
    /// The photos that the run was given.
    pub data: DataSummary,
    /// Each model's name and `summary()`.
    pub models: Vec<(String, String)>,
    /// The curves; several runs are drawn into one figure.
    pub runs: Vec<Run>,
    /// The validation set's results, class by class.
    pub classification: Option<ClassificationReport>,
    /// Wrong answers, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// Where the model looks at in some photos that it takes for the right and for the wrong class.
    pub heat_maps: Option<Figure>,
    /// The validation photos, those side by side that the model finds alike.
    pub feature_map: Option<Figure>,
    /// Photos of the training set.
    pub photos: Option<Figure>,
    /// One photo as the augmentation layers change it.
    pub augmentations: Option<Figure>,
    /// Where the time went, as (step, duration).
    pub timing: Vec<(String, String)>,
}

impl Report {
    /// The sections in the order in which a lecture tells them: results first, then data, model and settings.
    ///
    /// # Errors
    /// If a mistake's pixels do not match its size.
    pub fn sections(&self) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        if !self.runs.is_empty() {
            let caption = "A dot marks the best epoch on the validation photos.";
            sections.push(Section::figure("Training", caption, &curves(&self.runs)));
        }
        if let Some(scores) = &self.classification {
            let names: Vec<String> = scores.classes.iter().map(|class| class.name.clone()).collect();
            let caption = "Each row is a true class; the shade is the share of its photos.";
            sections.push(Section::figure(
                "Confusion matrix",
                caption,
                &confusion_matrix(&scores.confusion, &names),
            ));
            sections.push(Section::scores("Class by class", scores));
        }
        if !self.mistakes.is_empty() {
            sections.push(Section::mistakes("Most confident mistakes", &self.mistakes)?);
        }
        if let Some(heat_maps) = &self.heat_maps {
            let caption = "Grad-CAM: the warmer a place, the more of the answer rests on it.";
            sections.push(Section::figure("Where it looks", caption, heat_maps));
        }
        if let Some(feature_map) = &self.feature_map {
            let caption = "The validation photos by what goes into the last layer, laid flat by a principal component \
                           analysis: what lies close together looks alike to the network.";
            sections.push(Section::figure("What looks alike to it", caption, feature_map));
        }
        if let Some(photos) = &self.photos {
            sections.push(Section::figure("Training photos", "", photos));
        }
        if let Some(augmentations) = &self.augmentations {
            let caption = "One photo as the network sees it in different epochs.";
            sections.push(Section::figure("Augmentation", caption, augmentations));
        }
        if !self.data.is_empty() {
            sections.push(Section::data("Data", &self.data));
        }
        if !self.models.is_empty() {
            sections.push(Section::models("Model", &self.models));
        }
        if !self.settings.is_empty() {
            sections.push(Section::pairs("Settings", &self.settings));
        }
        if !self.timing.is_empty() {
            sections.push(Section::pairs("Time", &self.timing));
        }
        Ok(sections)
    }

    /// The whole page. It needs no other file and asks nothing of the network.
    ///
    /// # Errors
    /// If a mistake's pixels do not match its size.
    pub fn html(&self) -> Result<String> {
        Ok(page(&self.title, &self.created, &self.highlights, &self.sections()?))
    }

    /// Writes the page to `path`: whole or not at all.
    ///
    /// # Errors
    /// Those of [`Report::html`], or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), self.html()?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{GridImage, grid};

    fn nasty() -> Report {
        let name = || "<b>&\"'</script>".to_owned();
        let names = [name(), "tulips".to_owned()];
        let photo = GridImage { rgb: &[90; 12], width: 2, height: 2, title: &names[0] };
        let mistake = Mistake {
            rgb: vec![10; 27],
            width: 3,
            height: 3,
            true_class: name(),
            predicted: "tulips".to_owned(),
            probability: 0.987,
            file: name(),
        };
        Report {
            title: name(),
            created: "24 November 2026".to_owned(),
            highlights: vec![(name(), name())],
            settings: vec![(name(), name())],
            data: DataSummary {
                classes: vec![ClassCount { name: name(), training: 8, validation: 2 }],
                skipped: vec![(name(), name())],
                duplicates: vec![(name(), name())],
            },
            models: vec![(name(), format!("Model: \"{}\"", name()))],
            runs: vec![Run { name: name(), loss: vec![1.0, 0.5], ..Run::default() }],
            classification: Some(ClassificationReport::new(&[0, 1, 1], &[0, 0, 1], &names).unwrap()),
            mistakes: vec![mistake],
            heat_maps: Some(grid(&[photo; 4], 4).unwrap()),
            feature_map: Some(grid(&[photo; 3], 2).unwrap()),
            photos: Some(grid(&[photo; 2], 2).unwrap()),
            augmentations: Some(grid(&[photo], 1).unwrap()),
            timing: vec![(name(), name())],
        }
    }

    #[test]
    fn the_page_needs_nothing_from_outside_and_no_name_becomes_markup() {
        let html = nasty().html().unwrap();
        assert!(!html.contains("<b>") && !html.contains("</script>"));
        assert!(html.contains("&lt;b&gt;&amp;&quot;"));
        let outside =
            html.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "");
        for link in ["http:", "https:", "src=\"/", "url(/", "<link", "@import", "<script"] {
            assert!(!outside.contains(link), "{link}");
        }
        assert!(html.matches("<section").count() >= 9);
    }

    #[test]
    fn every_element_is_closed() {
        // The page is written as XML would be but for void elements, so an XML parser finds what is not closed.
        let html = nasty().html().unwrap();
        let body = html.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
        resvg::usvg::roxmltree::Document::parse(&format!("<body>{body}</body>")).unwrap();
    }

    #[test]
    fn an_empty_report_is_a_page_and_wrong_pixels_are_an_error() {
        assert!(Report::default().html().unwrap().contains("</html>"));
        let mut report = nasty();
        report.mistakes[0].width = 4;
        assert!(report.html().is_err());
        let folder = tempfile::tempdir().unwrap();
        nasty().save(folder.path().join("report.html")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
