//! Losses and their gradients.
//!
//! Each function writes a loss for each row, already multiplied by the row's weight, and optionally `d`, the gradient
//! of `sum(losses) / rows` by the prediction. Formulas and clipping are those of Keras 3 on TensorFlow.
//!
//! Strategy: serial; a batch's predictions are small beside everything else.

use crate::softmax::softmax_row;

/// Keras' `epsilon()`: probabilities are kept this far from 0 and 1.
const EPSILON: f32 = 1e-7;

/// Cross-entropy of class indices and logits: `logsumexp(z) - z[target]`. `targets` holds class indices as `f32`; one
/// that is no class gives NaN.
pub fn sparse_softmax_cross_entropy(
    rows: usize,
    classes: usize,
    logits: &[f32],
    targets: &[f32],
    weights: Option<&[f32]>,
    losses: &mut [f32],
    d: Option<&mut [f32]>,
) {
    assert_eq!(targets.len(), rows);
    for_rows(rows, classes, logits, weights, losses, d, |row, z, d| {
        let sum = softmax_row(z, d);
        match class(targets[row], classes) {
            Some(target) => {
                d[target] -= 1.0;
                sum - z[target]
            }
            None => {
                d.fill(f32::NAN);
                f32::NAN
            }
        }
    });
}

/// Cross-entropy of distributions `[rows, classes]` and logits. `label_smoothing` `s` moves the targets to
/// `target * (1 - s) + s / classes`.
#[expect(clippy::too_many_arguments, reason = "inputs and outputs of one formula")]
pub fn softmax_cross_entropy(
    rows: usize,
    classes: usize,
    logits: &[f32],
    targets: &[f32],
    label_smoothing: f32,
    weights: Option<&[f32]>,
    losses: &mut [f32],
    d: Option<&mut [f32]>,
) {
    assert_eq!(targets.len(), rows * classes);
    for_rows(rows, classes, logits, weights, losses, d, |row, z, d| {
        let sum = softmax_row(z, d);
        let targets = &targets[row * classes..][..classes];
        let mut loss = 0.0;
        for ((d, z), &t) in d.iter_mut().zip(z).zip(targets) {
            let t = smooth(t, label_smoothing, classes);
            loss += t * (sum - z);
            // TensorFlow's gradient: exact when the targets sum to 1.
            *d -= t;
        }
        loss
    });
}

/// Cross-entropy of class indices and probabilities: clipped to `[1e-7, 1 - 1e-7]` and normalised,
/// `ln(sum(p)) - ln(p[target])`.
pub fn sparse_categorical_cross_entropy(
    rows: usize,
    classes: usize,
    probabilities: &[f32],
    targets: &[f32],
    weights: Option<&[f32]>,
    losses: &mut [f32],
    d: Option<&mut [f32]>,
) {
    assert_eq!(targets.len(), rows);
    for_rows(rows, classes, probabilities, weights, losses, d, |row, p, d| {
        let Some(target) = class(targets[row], classes) else {
            d.fill(f32::NAN);
            return f32::NAN;
        };
        let sum: f32 = p.iter().map(|&p| clip(p)).sum();
        for (d, &p) in d.iter_mut().zip(p) {
            *d = if is_clipped(p) { 0.0 } else { 1.0 / sum };
        }
        if !is_clipped(p[target]) {
            d[target] -= 1.0 / p[target];
        }
        sum.ln() - clip(p[target]).ln()
    });
}

/// Cross-entropy of distributions and probabilities, both `[rows, classes]`: normalised, then clipped to
/// `[1e-7, 1 - 1e-7]`, `-sum(target * ln(p))`.
#[expect(clippy::too_many_arguments, reason = "inputs and outputs of one formula")]
pub fn categorical_cross_entropy(
    rows: usize,
    classes: usize,
    probabilities: &[f32],
    targets: &[f32],
    label_smoothing: f32,
    weights: Option<&[f32]>,
    losses: &mut [f32],
    d: Option<&mut [f32]>,
) {
    assert_eq!(targets.len(), rows * classes);
    for_rows(rows, classes, probabilities, weights, losses, d, |row, p, d| {
        let sum: f32 = p.iter().sum();
        let mut loss = 0.0;
        // d by the normalised q is -t / q where q isn't clipped; then through q = p / sum.
        let mut dot = 0.0;
        for ((d, p), &t) in d.iter_mut().zip(p).zip(&targets[row * classes..]) {
            let t = smooth(t, label_smoothing, classes);
            let q = p / sum;
            loss -= t * clip(q).ln();
            *d = if is_clipped(q) { 0.0 } else { -t / q };
            dot += *d * q;
        }
        d.iter_mut().for_each(|d| *d = (*d - dot) / sum);
        loss
    });
}

/// Mean over `width` of the binary cross-entropy of `predictions` and `targets`, both `[rows, width]`.
/// `label_smoothing` `s` moves the targets to `target * (1 - s) + s / 2`; probabilities are clipped to
/// `[1e-7, 1 - 1e-7]`.
#[expect(clippy::too_many_arguments, reason = "inputs and outputs of one formula")]
pub fn binary_cross_entropy(
    rows: usize,
    width: usize,
    from_logits: bool,
    label_smoothing: f32,
    predictions: &[f32],
    targets: &[f32],
    weights: Option<&[f32]>,
    losses: &mut [f32],
    d: Option<&mut [f32]>,
) {
    assert_eq!(targets.len(), rows * width);
    let n = width as f32;
    for_rows(rows, width, predictions, weights, losses, d, |row, x, d| {
        let mut loss = 0.0;
        for ((d, &x), &t) in d.iter_mut().zip(x).zip(&targets[row * width..]) {
            let t = smooth(t, label_smoothing, 2);
            if from_logits {
                loss += x.max(0.0) - x * t + (-x.abs()).exp().ln_1p();
                *d = (1.0 / (1.0 + (-x).exp()) - t) / n;
            } else {
                let p = clip(x);
                loss -= t * p.ln() + (1.0 - t) * (1.0 - p).ln();
                *d = if is_clipped(x) { 0.0 } else { ((1.0 - t) / (1.0 - p) - t / p) / n };
            }
        }
        loss / n
    });
}

/// Mean over `width` of the squared difference of `predictions` and `targets`, both `[rows, width]`.
pub fn mean_squared_error(
    rows: usize,
    width: usize,
    predictions: &[f32],
    targets: &[f32],
    weights: Option<&[f32]>,
    losses: &mut [f32],
    d: Option<&mut [f32]>,
) {
    assert_eq!(targets.len(), rows * width);
    let n = width as f32;
    for_rows(rows, width, predictions, weights, losses, d, |row, x, d| {
        let mut loss = 0.0;
        for ((d, x), t) in d.iter_mut().zip(x).zip(&targets[row * width..]) {
            loss += (x - t) * (x - t);
            *d = 2.0 * (x - t) / n;
        }
        loss / n
    });
}

/// Calls `loss(row, prediction, d)` for each row and applies the row's weight to its result and its `d`.
fn for_rows(
    rows: usize,
    width: usize,
    predictions: &[f32],
    weights: Option<&[f32]>,
    losses: &mut [f32],
    mut d: Option<&mut [f32]>,
    loss: impl Fn(usize, &[f32], &mut [f32]) -> f32,
) {
    assert_eq!(predictions.len(), rows * width);
    assert_eq!(losses.len(), rows);
    assert!(weights.is_none_or(|weights| weights.len() == rows));
    assert!(d.as_ref().is_none_or(|d| d.len() == rows * width));
    let mut unused = vec![0.0; if d.is_none() { width } else { 0 }];
    for (row, out) in losses.iter_mut().enumerate() {
        let range = row * width..(row + 1) * width;
        let weight = weights.map_or(1.0, |weights| weights[row]);
        let d = match &mut d {
            Some(d) => &mut d[range.clone()],
            None => &mut unused[..],
        };
        *out = weight * loss(row, &predictions[range], d);
        d.iter_mut().for_each(|d| *d *= weight / rows as f32);
    }
}

fn class(target: f32, classes: usize) -> Option<usize> {
    // A comparison that is false for NaN too.
    (target >= 0.0 && target < classes as f32).then_some(target as usize)
}

fn smooth(target: f32, smoothing: f32, classes: usize) -> f32 {
    target * (1.0 - smoothing) + smoothing / classes as f32
}

fn clip(p: f32) -> f32 {
    p.clamp(EPSILON, 1.0 - EPSILON)
}

/// Whether clipping stops the gradient.
fn is_clipped(p: f32) -> bool {
    !(EPSILON..=1.0 - EPSILON).contains(&p)
}
