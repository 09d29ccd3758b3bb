use ndarray::{Array2, ArrayView1};

use super::ranking::check;
use crate::Result;
use crate::metrics::arg_max;

/// Bins of confidence, as in Guo et al. 2017.
const BINS: usize = 15;

/// How far a model's probabilities are right: of the answers that it is 80 % sure of, 80 % should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// The answers by how sure the model was, in 15 bins of equal width, the least sure first.
    pub bins: Vec<Bin>,
    /// The mean of `-ln p` of the right classes.
    pub log_loss: f64,
    /// The mean over the samples of the sum over the classes of `(p - y)²`, in 0..=2 (Brier 1950).
    pub brier: f64,
}

/// The answers of about the same confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many there are.
    pub count: usize,
    /// The mean of their probabilities; 0 if there are none.
    pub confidence: f64,
    /// The share of them that is right; 0 if there are none.
    pub accuracy: f64,
}

impl Reliability {
    /// Compares `probabilities`, `[samples, classes]`, with the indices of the true classes. A confidence at the border of two bins is
    /// the lower one's.
    ///
    /// ```
    /// use ndarray::array;
    /// use petal::calibration::Reliability;
    /// let reliability = Reliability::new(&array![[0.75, 0.25], [0.25, 0.75]], &[0, 0])?;
    /// assert_eq!(reliability.expected_error(), 0.25);
    /// assert_eq!(reliability.brier, (0.125 + 1.125) / 2.0);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there isn't one row for each label, or a label has no column.
    pub fn new(probabilities: &Array2<f32>, labels: &[usize]) -> Result<Reliability> {
        check(probabilities, labels)?;
        let samples = labels.len();
        let mut bins = vec![Bin::default(); BINS];
        let (mut losses, mut brier) = (0.0, 0.0);
        for (row, &label) in probabilities.rows().into_iter().zip(labels) {
            let class = arg_max(&row.to_vec());
            let confidence = f64::from(row[class]);
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            bins[bin].count += 1;
            bins[bin].confidence += confidence;
            bins[bin].accuracy += f64::from(u8::from(class == label));
            losses += log_loss(row, label);
            brier += brier_score(row, label);
        }
        for bin in &mut bins {
            let count = bin.count.max(1) as f64;
            bin.confidence /= count;
            bin.accuracy /= count;
        }
        let samples = samples.max(1) as f64;
        Ok(Reliability { bins, log_loss: losses / samples, brier: brier / samples })
    }

    /// The expected calibration error, in 0..=1: how far confidence and accuracy of a bin are apart, in the mean over the
    /// samples.
    pub fn expected_error(&self) -> f64 {
        let samples: usize = self.bins.iter().map(|bin| bin.count).sum();
        let gap = |bin: &Bin| bin.count as f64 * (bin.confidence - bin.accuracy).abs();
        self.bins.iter().map(gap).sum::<f64>() / samples.max(1) as f64
    }
}

/// The loss of one sample with these probabilities.
pub(crate) fn log_loss(probabilities: ArrayView1<'_, f32>, label: usize) -> f64 {
    // Keras bounds a probability below, too.
    -f64::from(probabilities[label].max(1e-7)).ln()
}

/// The Brier score of one sample with these probabilities.
pub(crate) fn brier_score(probabilities: ArrayView1<'_, f32>, label: usize) -> f64 {
    let squares = probabilities.iter().map(|&p| f64::from(p).powi(2)).sum::<f64>();
    squares + 1.0 - 2.0 * f64::from(probabilities[label])
}
