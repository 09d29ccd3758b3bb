//! One self-contained HTML page for a training run.
//!
//! A page is a list of [`Section`]s. [`Report`] lays out those of one run; a page with several runs or phases takes the
//! same sections and hands them to [`page`].

mod classification;
mod comparison;
mod comparison_report;
mod data_summary;
mod difference;
mod evaluation_report;
mod lecture_report;
mod mistake;
mod numbers;
mod page;
mod results;
mod saved_epoch;
mod section;
mod tables;
mod test_results;
mod training_report;

use std::path::Path;

pub use classification::{ClassScores, ClassificationReport};
pub use comparison::{ComparedMetric, Comparison};
pub use comparison_report::ComparisonReport;
pub use data_summary::{ClassCount, DataSummary};
pub use evaluation_report::EvaluationReport;
pub use lecture_report::{LecturePhase, LectureReport};
pub use mistake::Mistake;
pub(crate) use page::document;
pub use page::page;
pub use saved_epoch::saved_epoch;
pub use section::Section;
pub use test_results::TestResults;
pub use training_report::TrainingReport;

use crate::Result;
use crate::calibration::{Rankings, Reliability};
use crate::model::thousands;
use crate::plot::{Figure, Run, write_whole};

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
    /// What stands below them; if empty, what the dots mean.
    pub curves_caption: String,
    /// The results on the validation photos, or on those that a model is measured on, class by class.
    pub classification: Option<ClassificationReport>,
    /// How far the probabilities of the answers are right.
    pub reliability: Option<Reliability>,
    /// How well each class's probability tells it from the others.
    pub rankings: Option<Rankings>,
    /// Wrong answers, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// How many there are of them, also of those that aren't shown.
    pub wrong_answers: usize,
    /// Where the model looks at in some photos that it takes for the right and for the wrong class.
    pub heat_maps: Option<Figure>,
    /// The validation photos, those side by side that the model finds alike.
    pub feature_map: Option<Figure>,
    /// What the model makes of the test set.
    pub test: Option<TestResults>,
    /// Photos of the training set.
    pub photos: Option<Figure>,
    /// One photo as the augmentation layers change it.
    pub augmentations: Option<Figure>,
    /// Where the time went, as (step, duration).
    pub timing: Vec<(String, String)>,
    /// What lies beside the page, as (file, what is in it).
    pub files: Vec<(String, String)>,
}

impl Report {
    /// The sections in the order in which a lecture tells them: results first, then data, model and settings.
    ///
    /// # Errors
    /// If a mistake's pixels do not match its size.
    pub fn sections(&self) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        if !self.runs.is_empty() {
            let caption = match self.curves_caption.as_str() {
                "" => "A dot marks the best epoch on the validation photos.",
                caption => caption,
            };
            sections.push(Section::curves("Training", caption, &self.runs));
        }
        if let Some(scores) = &self.classification {
            sections.push(Section::confusion("Confusion matrix", scores));
            sections.push(Section::scores("Class by class", scores));
            if let Some(rankings) = self.rankings.as_ref().filter(|rankings| rankings.mean_auroc().is_some())
            {
                sections.push(Section::rankings(
                    "Each class against the others",
                    rankings,
                    &scores.class_names(),
                ));
            }
        }
        if let Some(reliability) = &self.reliability {
            sections.push(Section::reliability("How far its probabilities are right", reliability));
        }
        if !self.mistakes.is_empty() {
            let all = self.wrong_answers.max(self.mistakes.len());
            let remark = format!(
                "{} of the {} wrong answers, those of which the network is most sure.",
                self.mistakes.len(),
                thousands(all)
            );
            let remark = if all > self.mistakes.len() { vec![remark.as_str()] } else { Vec::new() };
            let section = Section::text("Most confident mistakes", &remark);
            sections.push(section.and(Section::mistakes("", &self.mistakes)?));
        }
        if let Some(heat_maps) = &self.heat_maps {
            let caption = "Grad-CAM: the warmer a place, the more of the answer rests on it.";
            sections.push(Section::figure("Where it looks", caption, heat_maps));
        }
        if let Some(feature_map) = &self.feature_map {
            let caption = "The validation photos (of more than 3,000 some, drawn by lot) by what goes into the last layer, \
                           laid flat by a principal component analysis: what lies close together looks alike to the \
                           network.";
            sections.push(Section::figure("What looks alike to it", caption, feature_map));
        }
        if let Some(test) = &self.test {
            sections.push(Section::test("Test set", test));
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
        if !self.files.is_empty() {
            sections.push(Section::files("Files beside this page", &self.files));
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
        let probabilities = ndarray::array![[0.9, 0.1], [0.2, 0.8]];
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
                classes: vec![ClassCount { name: name(), training: 8, validation: 2, test: Some(1) }],
                skipped: vec![(name(), name())],
                doubts: vec![name()],
            },
            models: vec![(name(), format!("Model: \"{}\"", name()))],
            runs: vec![Run { name: name(), loss: vec![1.0, 0.5], ..Run::default() }],
            curves_caption: name(),
            classification: Some(ClassificationReport::new(&[0, 1, 1], &[0, 0, 1], &names).unwrap()),
            mistakes: vec![mistake],
            reliability: Some(Reliability::new(&probabilities, &[0, 1]).unwrap()),
            rankings: Some(Rankings::new(&probabilities, &[0, 1]).unwrap()),
            heat_maps: Some(grid(&[photo; 4], 4).unwrap()),
            feature_map: Some(grid(&[photo; 3], 2).unwrap()),
            test: Some(TestResults {
                loss: 0.5,
                scores: ClassificationReport::new(&[0, 1], &[0, 0], &names).unwrap(),
            }),
            photos: Some(grid(&[photo; 2], 2).unwrap()),
            augmentations: Some(grid(&[photo], 1).unwrap()),
            timing: vec![(name(), name())],
            wrong_answers: 1000,
            files: vec![(name(), name())],
        }
    }

    #[test]
    fn figures_scroll_by_themselves_and_curves_are_drawn_for_narrow_pages_too() {
        let html = nasty().html().unwrap();
        assert_eq!(html.matches("<svg").count(), html.matches("--width: ").count());
        for figure in html.split("<figure>").skip(1) {
            assert!(
                figure.starts_with("<div class=\"scroll\"") || figure.starts_with("<img"),
                "{}",
                &figure[..80]
            );
        }
        assert!(html.contains("class=\"wide\"") && html.contains("class=\"narrow\""));
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
    fn no_line_ends_between_a_number_and_its_unit() {
        let html = nasty().html().unwrap();
        let mut texts = String::new();
        for part in html.split("<svg") {
            texts += part.split_once("</svg>").map_or(part, |(_, text)| text);
        }
        for unit in [" %", " s<", " min<", " h<"] {
            let before = texts.match_indices(unit).filter_map(|(at, _)| texts[..at].chars().next_back());
            assert_eq!(before.filter(char::is_ascii_digit).count(), 0, "a number before '{unit}'");
        }
        assert!(texts.contains("98.7\u{a0}%"));
    }

    #[test]
    fn every_element_is_closed() {
        // The page is written as XML would be but for void elements, so an XML parser finds what is not closed.
        let html = nasty().html().unwrap();
        let body = html.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
        resvg::usvg::roxmltree::Document::parse(&format!("<body>{body}</body>")).unwrap();
    }

    #[test]
    fn mistakes_show_their_files_and_say_how_many_more_there_are() {
        let mut report = nasty();
        report.mistakes[0].file = "photos/roses/IMG_1.jpg".into();
        let html = report.html().unwrap();
        assert!(html.contains(">IMG_1.jpg<"), "the file's name is a text of its own");
        assert!(html.contains("1 of the 1,000 wrong answers"));
    }

    #[test]
    fn a_page_of_five_thousand_classes_and_a_hundred_thousand_epochs_is_below_five_megabytes() {
        let names: Vec<String> = (0..5000).map(|class| format!("{class} {}", "long ".repeat(50))).collect();
        let truth: Vec<usize> = (0..20_000).map(|photo| photo % 5000).collect();
        let predicted: Vec<usize> = (0..20_000).map(|photo| photo * 7919 % 5000).collect();
        let values: Vec<f64> = (0..100_000).map(|epoch| 0.5 + 0.5 * f64::from(epoch).sin()).collect();
        let run = Run {
            loss: values.clone(),
            val_loss: values.clone(),
            accuracy: values.clone(),
            val_accuracy: values,
            ..Run::default()
        };
        let count = |name: &String| ClassCount { name: name.clone(), training: 3, validation: 1, test: None };
        let paths =
            || (0..20_000).map(|photo| (format!("{photo}").repeat(40), "broken".repeat(20))).collect();
        let pixels: Vec<u8> =
            (0..3 * 330 * 330_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mistake = Mistake { rgb: pixels, width: 330, height: 330, ..Mistake::default() };
        let report = Report {
            runs: vec![run],
            data: DataSummary {
                classes: names.iter().map(count).collect(),
                skipped: paths(),
                doubts: vec!["worth a look ".repeat(40); 170],
            },
            classification: Some(ClassificationReport::new(&truth, &predicted, &names).unwrap()),
            mistakes: vec![mistake; 12],
            ..nasty()
        };
        let html = report.html().unwrap();
        assert!(html.len() < 5_000_000, "{} bytes", html.len());
        assert!(html.contains("100 of 5,000 classes"));
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
