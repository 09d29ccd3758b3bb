use std::path::Path;

use super::difference::{Difference, differences};
use super::numbers::{percent, today};
use super::{Comparison, Section, page};
use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::model::{Model, thousands};
use crate::plot::{Run, write_whole};

/// The page on which two models are compared on the same photos.
#[derive(Clone, Debug)]
pub struct ComparisonReport<'a> {
    /// The page's heading.
    pub title: String,
    /// What the models are called.
    pub names: [&'a str; 2],
    /// The models, with their histories.
    pub models: [&'a Model; 2],
    /// The photos, with the classes that the columns of the probabilities are of.
    pub photos: &'a ImageDataset,
    /// Which photos these are, in a few words.
    pub which: String,
    /// What makes the comparison unfair, a sentence each.
    pub doubts: Vec<String>,
    /// The results on them.
    pub comparison: &'a Comparison,
}

/// Photos of each kind that are shown.
const SHOWN: usize = 12;

impl ComparisonReport<'_> {
    /// Writes the page to `path`: whole or not at all.
    ///
    /// # Errors
    /// If a photo can no longer be read, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let highlight = |i: usize| {
            let accuracy = percent(self.comparison.scores[i].accuracy);
            (format!("Accuracy of {}", self.names[i]), accuracy)
        };
        let p = self.comparison.mcnemar.p;
        let p = if p < 1e-4 { format!("{p:.0e}") } else { format!("{p:.4}") };
        let highlights = vec![
            highlight(0),
            highlight(1),
            ("McNemar's p".to_owned(), p),
            ("Photos".to_owned(), thousands(self.photos.len())),
        ];
        let mut sections = vec![self.metrics()];
        let runs: Vec<Run> = self
            .models
            .iter()
            .zip(self.names)
            .filter(|(model, _)| !model.history().epochs().is_empty())
            .map(|(model, name)| model.history().run(name))
            .collect();
        if !runs.is_empty() {
            let caption =
                "Validation, and dashed training, each on its own photos. A dot marks the best epoch.";
            sections.push(Section::curves("Training", caption, &runs));
        }
        sections.push(self.classes());
        sections.push(self.differences()?);
        let created = format!("{} · {}", today(), self.which);
        let html = page(&self.title, &created, &highlights, &sections);
        write_whole(path.as_ref(), html.as_bytes())
    }

    fn metrics(&self) -> Section {
        let [first, second] = self.names;
        let verdict = self.comparison.verdict(self.names);
        let mut paragraphs = vec![verdict.as_str()];
        paragraphs.extend(self.doubts.iter().map(String::as_str));
        let difference = format!("{second} above {first}");
        let rows: Vec<Vec<String>> = self.comparison.rows().into_iter().map(Vec::from).collect();
        Section::text("Which is better", &paragraphs)
            .and(Section::table("", &["", first, second, &difference], &rows))
            .and(Section::text("", &["In parentheses: 95\u{a0}% intervals. Log loss, Brier score and calibration error are the \
                                      better the lower."]))
    }

    fn classes(&self) -> Section {
        const ROWS: usize = 100;
        let [first, second] = &self.comparison.scores;
        let mut pairs: Vec<_> = first.classes.iter().zip(&second.classes).collect();
        let all = pairs.len();
        let mut remark = Vec::new();
        let text = format!("{ROWS} of {} classes, those whose F1 differs most.", thousands(all));
        if all > ROWS {
            pairs.sort_by(|a, b| (b.0.f1 - b.1.f1).abs().total_cmp(&(a.0.f1 - a.1.f1).abs()));
            pairs.truncate(ROWS);
            remark.push(text.as_str());
        }
        let row = |(first, second): (&super::ClassScores, &super::ClassScores)| {
            let difference = format!("{:+.3}", second.f1 - first.f1).replace('-', "−");
            vec![
                first.name.clone(),
                format!("{:.3}", first.f1),
                format!("{:.3}", second.f1),
                difference,
                thousands(first.support),
            ]
        };
        let rows: Vec<_> = pairs.into_iter().map(row).collect();
        let heads =
            ["Class".to_owned(), format!("F1 of {}", self.names[0]), format!("F1 of {}", self.names[1])];
        let heads = [heads[0].as_str(), &heads[1], &heads[2], "Difference", "Photos"];
        Section::text("Class by class", &remark).and(Section::table("", &heads, &rows))
    }

    fn differences(&self) -> Result<Section> {
        let groups = differences(self.photos.labels(), &self.comparison.predictions);
        let [first, second] = self.names;
        let titles = [
            format!("{first} alone is right"),
            format!("{second} alone is right"),
            "Both are wrong, in different ways".to_owned(),
        ];
        let all: usize = groups.iter().map(|group| group.len()).sum();
        let about = match all {
            0 => "Both say the same of all photos.".to_owned(),
            1 => "They differ on 1 photo.".to_owned(),
            _ => format!("They differ on {} photos.", thousands(all)),
        };
        let mut section = Section::text("Where they differ", &[&about]);
        for (group, title) in groups.iter().zip(titles).filter(|(group, _)| !group.is_empty()) {
            let count = group.len();
            let title = match count > SHOWN {
                true => format!("{title}: {}, of which {SHOWN} are shown", thousands(count)),
                false => format!("{title}: {count}"),
            };
            let shown: Vec<Difference> = group
                .iter()
                .take(SHOWN)
                .map(|&sample| Difference::new(self.photos, sample, &self.comparison.predictions))
                .collect::<Result<_>>()?;
            section = section.and(Section::differences(title, self.names, &shown)?);
        }
        Ok(section)
    }
}
