use std::fmt;

use ndarray::{Array2, ArrayView1};

use super::ClassificationReport;
use crate::Result;
use crate::calibration::{McNemar, Rankings, Reliability, brier_score, log_loss, mean_interval};
use crate::printable::printable;
use crate::training::Prediction;

/// Two models measured on the same photos.
///
/// ```
/// use ndarray::array;
/// use petal::report::Comparison;
/// let names = ["daisy".to_owned(), "roses".to_owned()];
/// let first = array![[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]];
/// let second = array![[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]];
/// let comparison = Comparison::new(&[0, 1, 1], [&first, &second], &names)?;
/// assert_eq!((comparison.mcnemar.only_first, comparison.mcnemar.only_second), (0, 1));
/// assert_eq!(comparison.metrics[0].name, "Accuracy");
/// assert!((comparison.metrics[0].values[1].unwrap() - 1.0).abs() < 1e-9);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Accuracy and others of both models.
    pub metrics: Vec<ComparedMetric>,
    /// Whether one of them is right more often than chance would have it.
    pub mcnemar: McNemar,
    /// Each model's results class by class.
    pub scores: [ClassificationReport; 2],
    /// What each takes the photos for.
    pub predictions: [Vec<Prediction>; 2],
}

/// A number that says how good a model is, of both.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedMetric {
    /// What it is.
    pub name: &'static str,
    /// Whether a higher one is better.
    pub higher_is_better: bool,
    /// That of each model; none where the photos don't say it.
    pub values: [Option<f64>; 2],
    /// The 95 % intervals of the values, as (lowest, highest), where they have one.
    pub intervals: [Option<(f64, f64)>; 2],
    /// The 95 % interval of how much the second is above the first, on the same photos, where it has one.
    pub difference: Option<(f64, f64)>,
}

impl Comparison {
    /// Compares probabilities of two models, `[photos, classes]` each, by the photos' true classes.
    ///
    /// # Errors
    /// If there isn't a row for each label and a column for each name, or a label has no column.
    pub fn new(labels: &[usize], probabilities: [&Array2<f32>; 2], class_names: &[String]) -> Result<Self> {
        let predictions = probabilities.map(Prediction::of);
        let scores = |i: usize| ClassificationReport::from_predictions(labels, &predictions[i], class_names);
        let scores = [scores(0)?, scores(1)?];
        let reliability = |i: usize| Reliability::new(probabilities[i], labels);
        let reliability = [reliability(0)?, reliability(1)?];
        let rankings = |i: usize| Rankings::new(probabilities[i], labels);
        let rankings = [rankings(0)?, rankings(1)?];
        let right: [Vec<f64>; 2] = predictions.each_ref().map(|predictions| {
            let right = |(answer, label): (&Prediction, &usize)| f64::from(u8::from(answer.class == *label));
            predictions.iter().zip(labels).map(right).collect()
        });
        let per_photo = |loss: fn(ArrayView1<'_, f32>, usize) -> f64| {
            probabilities.map(|rows| -> Vec<f64> {
                rows.rows().into_iter().zip(labels).map(|(row, &label)| loss(row, label)).collect()
            })
        };
        let (losses, briers) = (per_photo(log_loss), per_photo(brier_score));
        let plain = |name, higher_is_better, values| ComparedMetric {
            name,
            higher_is_better,
            values,
            intervals: [None, None],
            difference: None,
        };
        let of_photos = |name, higher_is_better, values, photos: &[Vec<f64>; 2]| {
            let difference: Vec<f64> =
                photos[0].iter().zip(&photos[1]).map(|(first, second)| second - first).collect();
            ComparedMetric {
                intervals: photos.each_ref().map(|values| Some(mean_interval(values))),
                difference: Some(mean_interval(&difference)),
                ..plain(name, higher_is_better, values)
            }
        };
        let both = |value: &dyn Fn(usize) -> f64| [Some(value(0)), Some(value(1))];
        let accuracy = ComparedMetric {
            intervals: scores.each_ref().map(|scores| Some(scores.accuracy_interval())),
            ..of_photos("Accuracy", true, both(&|i| scores[i].accuracy), &right)
        };
        let metrics = vec![
            accuracy,
            plain("Mean F1 of the classes", true, both(&|i| scores[i].macro_average.f1)),
            of_photos("Log loss", false, both(&|i| reliability[i].log_loss), &losses),
            of_photos("Brier score", false, both(&|i| reliability[i].brier), &briers),
            plain("Calibration error", false, both(&|i| reliability[i].expected_error())),
            plain("Mean AUROC", true, rankings.each_ref().map(Rankings::mean_auroc)),
            plain("Mean average precision", true, rankings.each_ref().map(Rankings::mean_average_precision)),
        ];
        let pairs = right[0].iter().zip(&right[1]);
        let mcnemar = McNemar::new(pairs.map(|(first, second)| (*first > 0.5, *second > 0.5)));
        Ok(Comparison { metrics, mcnemar, scores, predictions })
    }

    /// What the test says, in a sentence or two, of models of these names.
    pub fn verdict(&self, names: [&str; 2]) -> String {
        let McNemar { only_first, only_second, p } = self.mcnemar;
        let [first, second] = names;
        let photos = |count: usize| if count == 1 { "1 photo".into() } else { format!("{count} photos") };
        let better = if only_first > only_second { first } else { second };
        let verdict = match p < 0.05 {
            true => format!(
                "chance alone would hardly make such a difference, so {better} is better on photos like these"
            ),
            false => {
                "chance alone may well make such a difference, so these photos don't say which is better"
                    .into()
            }
        };
        format!(
            "{first} alone is right about {}, {second} alone about {}; McNemar's exact test has p = {}: {verdict}.",
            photos(only_first),
            photos(only_second),
            if p < 1e-4 { format!("{p:.0e}") } else { format!("{p:.4}") }
        )
    }

    /// The metrics as a table's rows: name, first, second, difference.
    pub(super) fn rows(&self) -> Vec<[String; 4]> {
        let number = |value: f64| format!("{value:.4}");
        let minus = |text: String| text.replace('-', "−");
        let row = |metric: &ComparedMetric| {
            let value = |i: usize| match (metric.values[i], metric.intervals[i]) {
                (Some(value), Some((low, high))) => {
                    format!("{} ({} to {})", number(value), number(low), number(high))
                }
                (Some(value), None) => number(value),
                _ => "–".into(),
            };
            let difference = match metric.values {
                [Some(first), Some(second)] => format!("{:+.4}", second - first),
                _ => "–".into(),
            };
            let difference = match metric.difference {
                Some((low, high)) => format!("{difference} ({low:+.4} to {high:+.4})"),
                None => difference,
            };
            [metric.name.to_owned(), value(0), value(1), minus(difference)]
        };
        self.metrics.iter().map(row).collect()
    }

    /// The metrics as a table for the terminal, under these names.
    pub fn table(&self, names: [&str; 2]) -> impl fmt::Display {
        let mut rows = vec![[
            String::new(),
            printable(names[0]).to_string(),
            printable(names[1]).to_string(),
            "difference".to_owned(),
        ]];
        rows.extend(self.rows());
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3].map(width);
        let line = |row: &[String; 4]| {
            let cells = row.iter().zip(widths).map(|(text, width)| format!("{text:width$}"));
            cells.collect::<Vec<_>>().join("   ").trim_end().to_owned()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
