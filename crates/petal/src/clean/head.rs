//! Probabilities of photos' classes by heads that have not seen them.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::random::Key;

/// Parts of the photos; each is judged by a head that learned from the others.
const FOLDS: usize = 10;
/// Steps of gradient descent with Nesterov's momentum.
const STEPS: usize = 150;
/// The weight of the squared weights against the mean loss of a photo.
const DECAY: f32 = 0.02;

/// The probabilities of all classes, `[photos, classes]`, each row by a multinomial logistic regression on the photos of
/// the other folds. `features` are `[photos, features]`; the folds are drawn with a fixed seed, class by class.
pub(super) fn out_of_fold(features: ArrayView2<'_, f32>, labels: &[usize], classes: usize) -> Array2<f32> {
    let features = standardised(features);
    let folds = folds(labels, classes);
    let parts: Vec<(Vec<usize>, Array2<f32>)> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| {
            let others: Vec<usize> = (0..labels.len()).filter(|&photo| folds[photo] != fold).collect();
            let own: Vec<usize> = (0..labels.len()).filter(|&photo| folds[photo] == fold).collect();
            let targets: Vec<usize> = others.iter().map(|&photo| labels[photo]).collect();
            let weights = fit(features.select(Axis(0), &others).view(), &targets, classes);
            let mut outputs = features.select(Axis(0), &own).dot(&weights);
            softmax(&mut outputs);
            (own, outputs)
        })
        .collect();
    let mut probabilities = Array2::zeros((labels.len(), classes));
    for (photos, outputs) in parts {
        for (photo, row) in photos.into_iter().zip(outputs.rows()) {
            probabilities.row_mut(photo).assign(&row);
        }
    }
    probabilities
}

/// Mean 0 and variance 1, divided by the root of the number of features so that a step's size fits any number, and a
/// last column of ones for the bias.
fn standardised(features: ArrayView2<'_, f32>) -> Array2<f32> {
    let (photos, width) = features.dim();
    let mut all = Array2::ones((photos, width + 1));
    for (column, from) in features.columns().into_iter().enumerate() {
        let mean = from.mean().unwrap_or(0.0);
        let deviation = from.std(0.0);
        let scale = if deviation > 1e-6 { 1.0 / (deviation * (width as f32).sqrt()) } else { 0.0 };
        all.column_mut(column).assign(&from.mapv(|value| (value - mean) * scale));
    }
    all
}

/// Which fold each photo is in: each class is spread evenly.
fn folds(labels: &[usize], classes: usize) -> Vec<usize> {
    let mut of_class = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(photo, &label)| of_class[label].push(photo));
    let mut folds = vec![0; labels.len()];
    let mut next = 0;
    for (class, photos) in of_class.iter_mut().enumerate() {
        Key::new(42).number(class as u64).generator().shuffle(photos);
        for &mut photo in photos {
            folds[photo] = next % FOLDS;
            next += 1;
        }
    }
    folds
}

fn fit(features: ArrayView2<'_, f32>, labels: &[usize], classes: usize) -> Array2<f32> {
    let (photos, width) = features.dim();
    let decay = DECAY / width as f32;
    // The loss's second derivative is at most half the sum of the features' variances, which is 1, and the bias's 1.
    let rate = 1.0 / (1.0 + decay);
    let mut weights = Array2::<f32>::zeros((width, classes));
    let mut ahead = weights.clone();
    for step in 0..STEPS {
        let mut outputs = features.dot(&ahead);
        softmax(&mut outputs);
        for (mut row, &label) in outputs.rows_mut().into_iter().zip(labels) {
            row[label] -= 1.0;
        }
        let mut gradient = features.t().dot(&outputs) / photos.max(1) as f32;
        gradient.scaled_add(decay, &ahead);
        let next = &ahead - &(gradient * rate);
        let momentum = step as f32 / (step as f32 + 3.0);
        ahead = &next + &((&next - &weights) * momentum);
        weights = next;
    }
    weights
}

fn softmax(outputs: &mut Array2<f32>) {
    for mut row in outputs.rows_mut() {
        let largest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|value| (value - largest).exp());
        let sum = row.sum();
        row /= sum;
    }
}
