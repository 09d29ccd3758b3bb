use std::fmt;

use ndarray::Array2;
use serde::Serialize;

use crate::calibration::share_interval;
use crate::metrics::arg_max;
use crate::plot::{Confusion, Figure, confusion_matrix};
use crate::printable::printable;
use crate::training::Prediction;
use crate::{Error, Result};

/// Precision, recall, F1 and support of each class, as scikit-learn's `classification_report` gives them.
///
/// A ratio whose denominator is 0 (a class that was never predicted, or has no photos) is 0.
///
/// ```
/// use petal::report::ClassificationReport;
///
/// let names = ["daisy".to_owned(), "roses".to_owned()];
/// let report = ClassificationReport::new(&[0, 0, 1, 1], &[0, 1, 1, 1], &names)?;
/// assert_eq!(report.accuracy, 0.75);
/// assert_eq!(report.classes[0].recall, 0.5);
/// println!("{report}");
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassificationReport {
    /// In the order of the classes' indices.
    pub classes: Vec<ClassScores>,
    /// The share of right answers.
    pub accuracy: f64,
    /// Each score's mean over the classes.
    pub macro_average: ClassScores,
    /// Each score's mean over the classes, weighted by support.
    pub weighted_average: ClassScores,
    /// How often which class was taken for which, right answers too; what never happened is left out.
    pub confusion: Vec<Confusion>,
}

/// How well one class is recognised.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassScores {
    /// The class, or the kind of average.
    pub name: String,
    /// Of the photos taken for this class, the share that is.
    pub precision: f64,
    /// Of this class's photos, the share that was recognised.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// The number of this class's photos.
    pub support: usize,
}

impl ClassificationReport {
    /// Compares true class indices with the most probable class of each row of `probabilities`, `[photos, classes]`, as
    /// [`Model::classify`](crate::model::Model::classify) gives them.
    ///
    /// # Errors
    /// As [`ClassificationReport::new`].
    pub fn from_probabilities(
        truth: &[usize],
        probabilities: &Array2<f32>,
        class_names: &[String],
    ) -> Result<Self> {
        let predicted: Vec<usize> =
            probabilities.rows().into_iter().map(|row| arg_max(&row.to_vec())).collect();
        Self::new(truth, &predicted, class_names)
    }

    /// Compares true class indices with what [`Model::predict_classes`](crate::model::Model::predict_classes) gave.
    ///
    /// # Errors
    /// As [`ClassificationReport::new`].
    pub fn from_predictions(
        truth: &[usize],
        predictions: &[Prediction],
        class_names: &[String],
    ) -> Result<Self> {
        let predicted: Vec<usize> = predictions.iter().map(|prediction| prediction.class).collect();
        Self::new(truth, &predicted, class_names)
    }

    /// Compares true with predicted class indices.
    ///
    /// # Errors
    /// If the two differ in length, or an index has no class name.
    pub fn new(truth: &[usize], predicted: &[usize], class_names: &[String]) -> Result<Self> {
        if truth.len() != predicted.len() {
            let expected = format!("as many as there are true labels ({})", truth.len());
            return Err(Error::argument("predicted", format!("{} labels long", predicted.len()), expected));
        }
        let classes = class_names.len();
        if let Some(label) = truth.iter().chain(predicted).find(|&&label| label >= classes) {
            return Err(Error::argument("label", label, format!("an index below the {classes} classes")));
        }
        let confusion = Confusion::count(truth, predicted);
        let (mut right, mut support, mut taken) = (vec![0; classes], vec![0; classes], vec![0; classes]);
        for &Confusion { true_class, predicted_class, count } in &confusion {
            support[true_class] += count;
            taken[predicted_class] += count;
            if true_class == predicted_class {
                right[true_class] += count;
            }
        }
        let scores = |class: usize| ClassScores {
            name: class_names[class].clone(),
            precision: ratio(right[class], taken[class]),
            recall: ratio(right[class], support[class]),
            f1: ratio(2 * right[class], taken[class] + support[class]),
            support: support[class],
        };
        let classes: Vec<ClassScores> = (0..classes).map(scores).collect();
        let right: usize = right.iter().sum();
        Ok(ClassificationReport {
            accuracy: ratio(right, truth.len()),
            macro_average: average("macro avg", &classes, |_| 1),
            weighted_average: average("weighted avg", &classes, |class| class.support),
            classes,
            confusion,
        })
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn average(name: &str, classes: &[ClassScores], weight: impl Fn(&ClassScores) -> usize) -> ClassScores {
    let total = classes.iter().map(&weight).sum::<usize>().max(1) as f64;
    let mean = |score: fn(&ClassScores) -> f64| {
        classes.iter().map(|class| weight(class) as f64 * score(class)).sum::<f64>() / total
    };
    ClassScores {
        name: name.to_owned(),
        precision: mean(|class| class.precision),
        recall: mean(|class| class.recall),
        f1: mean(|class| class.f1),
        support: classes.iter().map(|class| class.support).sum(),
    }
}

impl ClassificationReport {
    /// The accuracy's 95 % confidence interval, as (lowest, highest): [`share_interval`].
    ///
    /// ```
    /// use petal::report::ClassificationReport;
    /// let names = ["daisy".to_owned(), "roses".to_owned()];
    /// let report = ClassificationReport::new(&[0; 100], &[vec![0; 80], vec![1; 20]].concat(), &names)?;
    /// let (low, high) = report.accuracy_interval();
    /// assert!((low - 0.71).abs() < 0.01 && (high - 0.87).abs() < 0.01);
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn accuracy_interval(&self) -> (f64, f64) {
        let photos = self.weighted_average.support;
        share_interval((self.accuracy * photos as f64).round() as usize, photos)
    }

    pub(super) fn class_names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name.clone()).collect()
    }

    /// The confusion matrix.
    pub(super) fn figure(&self) -> Figure {
        confusion_matrix(&self.confusion, &self.class_names())
    }
}

/// A table for the terminal, in scikit-learn's layout.
impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = |class: &ClassScores| printable(&class.name).to_string();
        let names = self.classes.iter().map(|class| name(class).chars().count());
        let width = names.chain(["weighted avg".len()]).max().unwrap_or(0);
        let row = |f: &mut fmt::Formatter, s: &ClassScores| {
            let (name, support) = (name(s), s.support);
            writeln!(f, "{name:>width$} {:>10.2} {:>9.2} {:>9.2} {support:>9}", s.precision, s.recall, s.f1)
        };
        writeln!(
            f,
            "{:>width$} {:>10} {:>9} {:>9} {:>9}\n",
            "", "precision", "recall", "f1-score", "support"
        )?;
        self.classes.iter().try_for_each(|class| row(f, class))?;
        let support = self.weighted_average.support;
        writeln!(f, "\n{:>width$} {:>10} {:>9} {:>9.2} {:>9}", "accuracy", "", "", self.accuracy, support)?;
        row(f, &self.macro_average)?;
        row(f, &self.weighted_average)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class {class}")).collect()
    }

    /// The example in the documentation of scikit-learn's `classification_report`.
    #[test]
    fn scores_are_those_of_scikit_learn() {
        let report = ClassificationReport::new(&[0, 1, 2, 2, 2], &[0, 0, 2, 2, 1], &names(3)).unwrap();
        let close = |scores: &ClassScores, precision: f64, recall: f64, f1: f64, support: usize| {
            assert!((scores.precision - precision).abs() < 1e-9, "{scores:?}");
            assert!((scores.recall - recall).abs() < 1e-9, "{scores:?}");
            assert!((scores.f1 - f1).abs() < 1e-9, "{scores:?}");
            assert_eq!(scores.support, support);
        };
        close(&report.classes[0], 0.5, 1.0, 2.0 / 3.0, 1);
        close(&report.classes[1], 0.0, 0.0, 0.0, 1);
        close(&report.classes[2], 1.0, 2.0 / 3.0, 0.8, 3);
        close(&report.macro_average, 0.5, 5.0 / 9.0, 22.0 / 45.0, 5);
        close(&report.weighted_average, 0.7, 0.6, 46.0 / 75.0, 5);
        assert!((report.accuracy - 0.6).abs() < 1e-12);
        let confusion = |cell: &Confusion| (cell.true_class, cell.predicted_class, cell.count);
        let confusion: Vec<_> = report.confusion.iter().map(confusion).collect();
        assert_eq!(confusion, [(0, 0, 1), (1, 0, 1), (2, 1, 1), (2, 2, 2)]);
        let text = report.to_string();
        assert!(text.contains("weighted avg       0.70      0.60      0.61         5"), "{text}");
    }

    #[test]
    fn impossible_labels_are_errors_and_no_labels_are_not() {
        assert!(ClassificationReport::new(&[0], &[0, 1], &names(2)).is_err());
        assert!(ClassificationReport::new(&[0], &[2], &names(2)).unwrap_err().to_string().contains('2'));
        assert_eq!(ClassificationReport::new(&[], &[], &names(2)).unwrap().accuracy, 0.0);
    }
}
