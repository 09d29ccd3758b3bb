use ndarray::{ArrayD, ArrayView1};
use serde::{Deserialize, Serialize};

/// How familiar the photos looked that a model was validated on, by which it says of others that it doesn't know them.
///
/// A photo is the more familiar the higher the free energy of its logits, `ln Σ eᶻ` (Liu et al. 2020, "Energy-based
/// Out-of-distribution Detection"): a network answers with small logits what is like nothing that it has learned.
/// Probabilities don't say it, since they sum to 1 whatever is on the photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Familiarity {
    /// The values below which 0, 1, … 100 % of the photos are.
    percentiles: Vec<f32>,
}

impl Familiarity {
    /// Of photos with these values, as
    /// [`Model::classify_with_familiarity`](crate::model::Model::classify_with_familiarity) gives them; none if there
    /// are no photos or a value is no number.
    ///
    /// ```
    /// use petal::calibration::Familiarity;
    /// let values: Vec<f32> = (0..=200).map(|value| value as f32).collect();
    /// assert_eq!(Familiarity::new(values).unwrap().threshold(0.95), 10.0);
    /// assert!(Familiarity::new(Vec::new()).is_none());
    /// ```
    pub fn new(mut values: Vec<f32>) -> Option<Familiarity> {
        values.sort_unstable_by(f32::total_cmp);
        let at = |percent: usize| between(&values, percent as f64 / 100.0);
        let familiarity = Familiarity { percentiles: (0..=100).map(at).collect::<Option<_>>()? };
        familiarity.is_sound().then_some(familiarity)
    }

    /// What this share, in 0..=1, of such photos is at or above.
    pub fn threshold(&self, share: f64) -> f32 {
        between(&self.percentiles, 1.0 - share).expect("there are percentiles")
    }

    /// Whether it can be of photos; anybody may have written a file.
    pub(crate) fn is_sound(&self) -> bool {
        self.percentiles.len() == 101
            && self.percentiles.is_sorted()
            && self.percentiles.iter().all(|value| value.is_finite())
    }
}

/// The value at this share of the way through sorted ones, between the two nearest; none if there are none.
fn between(sorted: &[f32], share: f64) -> Option<f32> {
    let place = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some((f64::from(low) + place.fract() * (f64::from(high) - f64::from(low))) as f32)
}

/// How familiar each sample looks that has these logits, `[samples, classes]`, or `[samples, 1]` of the second class's.
pub(crate) fn familiarities(outputs: &ArrayD<f32>) -> Vec<f32> {
    outputs.rows().into_iter().map(familiarity).collect()
}

/// The free energy of one sample's logits.
fn familiarity(logits: ArrayView1<'_, f32>) -> f32 {
    // A single one is the difference of two, of which none is known to be 0.
    let pair = [-0.5, 0.5].map(|half| half * logits.first().copied().unwrap_or(0.0));
    let single = logits.len() == 1;
    let values = || pair.iter().filter(|_| single).chain(logits.iter().filter(|_| !single));
    let largest = values().copied().fold(f32::NEG_INFINITY, f32::max);
    largest + values().map(|z| (z - largest).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn large_logits_are_familiar_whichever_class_they_speak_for() {
        let several = familiarities(&array![[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]].into_dyn());
        assert!((several[0] - 2.0_f32.ln()).abs() < 1e-6 && several[1] > 9.0);
        assert_eq!(several[1], several[2]);
        let single = familiarities(&array![[0.0], [9.0], [-9.0]].into_dyn());
        assert!(single[1] > single[0] && single[1] == single[2]);
        assert!(familiarities(&array![[1000.0, 0.0]].into_dyn())[0].is_finite());
    }

    #[test]
    fn what_a_file_may_hold_is_checked() {
        assert!(Familiarity::new(vec![1.0, f32::NAN]).is_none());
        for text in ["[]", "[1.0, 2.0]"] {
            assert!(!serde_json::from_str::<Familiarity>(text).unwrap().is_sound());
        }
        assert_eq!(Familiarity::new(vec![3.0]).unwrap().threshold(0.5), 3.0);
    }
}
