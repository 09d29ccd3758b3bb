//! Figures that are reported beside the loss.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A figure that is reported beside the loss.
///
/// ```
/// use petal::training::Metric;
/// assert_eq!(Metric::TopK(5).name(), "top_k_categorical_accuracy");
/// assert_eq!(Metric::TopK(2).name(), "top_2_categorical_accuracy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Metric {
    /// The share of samples whose largest output is the right class (the first of equals counts); for one output,
    /// the share that lies on the right side of 0.5.
    Accuracy,
    /// The share of samples whose right class is among this many largest outputs.
    TopK(usize),
}

impl Metric {
    /// The key in logs and history: Keras' name, with the number in it where it isn't Keras' default of 5.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Metric::Accuracy => "accuracy".into(),
            Metric::TopK(5) => "top_k_categorical_accuracy".into(),
            Metric::TopK(k) => format!("top_{k}_categorical_accuracy").into(),
        }
    }

    /// The sum over the samples of 1 where right and 0 where wrong. `outputs` is `[samples, width]`, `targets`
    /// `[samples, target_width]`: class indices, one-hot labels or 0 and 1.
    pub(crate) fn sum(self, width: usize, outputs: &[f32], target_width: usize, targets: &[f32]) -> f64 {
        if width == 0 || target_width == 0 {
            return 0.0;
        }
        let samples = outputs.chunks_exact(width).zip(targets.chunks_exact(target_width));
        let score = |(output, target): (&[f32], &[f32])| -> f64 {
            if width == 1 {
                return f64::from(u8::from((output[0] > 0.5) == (target[0] > 0.5)));
            }
            let class = if target_width == 1 { target[0] as usize } else { arg_max(target) };
            let right = match self {
                Metric::Accuracy => arg_max(output) == class,
                Metric::TopK(k) => in_top_k(output, class, k),
            };
            f64::from(u8::from(right))
        };
        samples.map(score).sum()
    }
}

/// The class that a sample's target says: an index, or the largest of the classes' shares.
pub(crate) fn class_of(target: &[f32]) -> usize {
    match target {
        [index] => *index as usize,
        one_hot => arg_max(one_hot),
    }
}

/// The index of the largest value, the first of equals.
pub(crate) fn arg_max(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    best
}

/// TensorFlow's `in_top_k`: fewer than `k` values are larger; not finite values are never in.
fn in_top_k(values: &[f32], class: usize, k: usize) -> bool {
    match values.get(class) {
        Some(own) if own.is_finite() => values.iter().filter(|value| *value > own).count() < k,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn metrics_are_those_of_keras() {
        for case in fixture::cases("metric") {
            let name = fixture::name(&case);
            let metric = match case["metric"]["class_name"].as_str().unwrap() {
                class if class.contains("TopK") => {
                    Metric::TopK(case["metric"]["config"]["k"].as_u64().unwrap() as usize)
                }
                _ => Metric::Accuracy,
            };
            // What Petal has not: weighted metrics, other thresholds, several labels a sample.
            let skipped = ["_weighted", "_threshold", "accuracy_columns"];
            if skipped.iter().any(|part| name.ends_with(part)) {
                continue;
            }
            let expected = fixture::values(&case, "result");
            let (mut sum, mut samples) = (0.0, 0);
            for (batch, expected) in expected.iter().enumerate() {
                let prediction = format!("prediction{batch}");
                let [rows, width] = fixture::shape(&case, &prediction)[..] else { panic!("{name}") };
                let targets = fixture::values(&case, &format!("target{batch}"));
                sum +=
                    metric.sum(width, &fixture::values(&case, &prediction), targets.len() / rows, &targets);
                samples += rows;
                assert!((sum / samples as f64 - f64::from(*expected)).abs() < 1e-6, "{name}: batch {batch}");
            }
        }
    }
}
