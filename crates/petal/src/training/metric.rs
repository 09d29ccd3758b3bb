use serde::{Deserialize, Serialize};

/// A figure that is reported beside the loss.
///
/// ```
/// use petal::training::Metric;
/// assert_eq!(Metric::TopK(5).name(), "top_k_categorical_accuracy");
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
    /// The key in logs and history.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::TopK(_) => "top_k_categorical_accuracy",
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
