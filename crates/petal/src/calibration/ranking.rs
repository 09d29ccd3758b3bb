use ndarray::Array2;
use rayon::prelude::*;

use crate::{Error, Result};

/// How well scores tell the samples of one class from all others, whatever score one asks for: its ROC curve, its
/// precision–recall curve, and the areas below them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The area below the ROC curve, in 0..=1: how often a sample of the class has a higher score than one of another.
    /// 0.5 is what guesses have.
    pub auroc: f64,
    /// The average precision, in 0..=1: the mean of the precisions at which recall rises, by how much it does. The
    /// share of the class is what guesses have.
    pub average_precision: f64,
    /// The curves, from the highest score asked for to the lowest. Points that a picture wouldn't tell apart are left
    /// out.
    pub points: Vec<RankingPoint>,
}

/// What taking all samples from some score on for the class is right about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankingPoint {
    /// Of the other samples, the share that is taken for the class.
    pub false_positive_rate: f64,
    /// Of the class's samples, the share that is found.
    pub recall: f64,
    /// Of those that are taken for the class, the share that is.
    pub precision: f64,
}

/// How far points are apart that are kept.
const APART: f64 = 0.002;

impl Ranking {
    /// Ranks samples by their scores; `positive` says which are of the class. None where all are, or none is, or a
    /// score is no number.
    ///
    /// The numbers are those of scikit-learn's `roc_auc_score` and `average_precision_score`.
    ///
    /// ```
    /// use petal::calibration::Ranking;
    /// let ranking = Ranking::new(&[0.9, 0.8, 0.4, 0.1], &[true, false, true, false]).unwrap();
    /// assert_eq!(ranking.auroc, 0.75);
    /// assert_eq!(ranking.average_precision, 0.5 * 1.0 + 0.5 * 2.0 / 3.0);
    /// assert!(Ranking::new(&[0.9, 0.8], &[true, true]).is_none());
    /// ```
    pub fn new(scores: &[f32], positive: &[bool]) -> Option<Ranking> {
        let mut ranked: Vec<(f32, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
        let all = ranked.iter().filter(|(_, positive)| *positive).count();
        let others = ranked.len() - all;
        if all == 0 || others == 0 || ranked.iter().any(|(score, _)| score.is_nan()) {
            return None;
        }
        ranked.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut last = RankingPoint { false_positive_rate: 0.0, recall: 0.0, precision: 1.0 };
        let mut ranking = Ranking { auroc: 0.0, average_precision: 0.0, points: vec![last] };
        let (mut found, mut wrong) = (0, 0);
        // Samples of the same score are taken together.
        for equals in ranked.chunk_by(|(a, _), (b, _)| a == b) {
            let right = equals.iter().filter(|(_, positive)| *positive).count();
            found += right;
            wrong += equals.len() - right;
            let point = RankingPoint {
                false_positive_rate: wrong as f64 / others as f64,
                recall: found as f64 / all as f64,
                precision: found as f64 / (found + wrong) as f64,
            };
            ranking.auroc += (point.false_positive_rate - last.false_positive_rate)
                * f64::midpoint(point.recall, last.recall);
            ranking.average_precision += (point.recall - last.recall) * point.precision;
            last = point;
            ranking.keep(point, found + wrong == ranked.len());
        }
        Some(ranking)
    }

    fn keep(&mut self, point: RankingPoint, is_last: bool) {
        let before = self.points[self.points.len() - 1];
        let far = |a: f64, b: f64| (a - b).abs() >= APART;
        if is_last
            || far(point.recall, before.recall)
            || far(point.false_positive_rate, before.false_positive_rate)
        {
            self.points.push(point);
        }
    }
}

/// Each class's [`Ranking`] against all other classes, by its probability.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rankings {
    /// In the order of the classes' indices; none for a class that no sample is of, or all are.
    pub classes: Vec<Option<Ranking>>,
}

impl Rankings {
    /// Those of `probabilities`, `[samples, classes]`, and the indices of the true classes.
    ///
    /// ```
    /// use ndarray::array;
    /// use petal::calibration::Rankings;
    /// let probabilities = array![[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.6, 0.2, 0.2]];
    /// let rankings = Rankings::new(&probabilities, &[0, 1, 0])?;
    /// assert_eq!(rankings.mean_auroc(), Some(1.0));
    /// assert!(rankings.classes[2].is_none());
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there isn't one row for each label, or a label has no column.
    pub fn new(probabilities: &Array2<f32>, labels: &[usize]) -> Result<Rankings> {
        check(probabilities, labels)?;
        let of_class = |class: usize| {
            let positive: Vec<bool> = labels.iter().map(|&label| label == class).collect();
            Ranking::new(&probabilities.column(class).to_vec(), &positive)
        };
        Ok(Rankings { classes: (0..probabilities.ncols()).into_par_iter().map(of_class).collect() })
    }

    /// The mean of the areas below the ROC curves; none if no class has one.
    pub fn mean_auroc(&self) -> Option<f64> {
        self.mean(|ranking| ranking.auroc)
    }

    /// The mean of the average precisions; none if no class has one.
    pub fn mean_average_precision(&self) -> Option<f64> {
        self.mean(|ranking| ranking.average_precision)
    }

    fn mean(&self, value: impl Fn(&Ranking) -> f64) -> Option<f64> {
        let values: Vec<f64> = self.classes.iter().flatten().map(value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// Refuses probabilities that aren't those of samples with these labels.
pub(super) fn check(probabilities: &Array2<f32>, labels: &[usize]) -> Result<()> {
    let (samples, classes) = probabilities.dim();
    if samples != labels.len() {
        let expected = format!("one for each of the {} labels", labels.len());
        return Err(Error::argument("probabilities", format!("{samples} rows"), expected));
    }
    match labels.iter().find(|&&label| label >= classes) {
        Some(label) => Err(Error::argument("label", label, format!("an index below the {classes} classes"))),
        None => Ok(()),
    }
}
