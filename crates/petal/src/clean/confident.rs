//! Which labels are probably wrong: confident learning (Northcutt, Jiang and Chuang 2021).

use ndarray::{Array2, ArrayView2};

/// A photo whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mislabel {
    pub photo: usize,
    /// The most probable class.
    pub class: usize,
    /// The probability of the label minus that of `class`: below 0.
    pub margin: f32,
}

/// The photos that are pruned by noise rate, those first whose label is least probable against another class.
/// `probabilities` are `[photos, classes]`, of models that have not seen the photo.
pub(super) fn mislabels(probabilities: ArrayView2<'_, f32>, labels: &[usize]) -> Vec<Mislabel> {
    let joint = joint(probabilities, labels);
    let classes = probabilities.ncols();
    let mut of_class = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(photo, &label)| of_class[label].push(photo));
    let mut is_wrong = vec![false; labels.len()];
    for (label, photos) in of_class.iter_mut().enumerate() {
        for other in (0..classes).filter(|&other| other != label) {
            let margin = |photo: usize| probabilities[[photo, label]] - probabilities[[photo, other]];
            let count = (joint[[label, other]].round() as usize).min(photos.len());
            if count > 0 {
                photos.sort_by(|&a, &b| margin(a).total_cmp(&margin(b)));
                photos[..count].iter().for_each(|&photo| is_wrong[photo] = true);
            }
        }
    }
    let mut found: Vec<Mislabel> = (0..labels.len())
        .filter(|&photo| is_wrong[photo])
        .filter_map(|photo| {
            let row = probabilities.row(photo);
            let class = (0..classes).max_by(|&a, &b| row[a].total_cmp(&row[b]))?;
            let margin = row[labels[photo]] - row[class];
            (class != labels[photo]).then_some(Mislabel { photo, class, margin })
        })
        .collect();
    found.sort_by(|a, b| a.margin.total_cmp(&b.margin));
    found
}

/// How many photos of each label belong to each class: the confident joint, scaled so that each label has as many photos
/// as it has.
fn joint(probabilities: ArrayView2<'_, f32>, labels: &[usize]) -> Array2<f32> {
    let classes = probabilities.ncols();
    let mut counts = vec![0.0f32; classes];
    let mut thresholds = vec![0.0f32; classes];
    for (row, &label) in probabilities.rows().into_iter().zip(labels) {
        counts[label] += 1.0;
        thresholds[label] += row[label];
    }
    for (threshold, &count) in thresholds.iter_mut().zip(&counts) {
        // A class without photos is never what a photo confidently belongs to.
        *threshold = if count > 0.0 { *threshold / count } else { f32::INFINITY };
    }
    let mut joint = Array2::zeros((classes, classes));
    for (row, &label) in probabilities.rows().into_iter().zip(labels) {
        let confident = (0..classes).filter(|&class| row[class] >= thresholds[class]);
        if let Some(class) = confident.max_by(|&a, &b| row[a].total_cmp(&row[b])) {
            joint[[label, class]] += 1.0;
        }
    }
    for (mut row, &count) in joint.rows_mut().into_iter().zip(&counts) {
        let sum = row.sum();
        if sum > 0.0 {
            row *= count / sum;
        }
    }
    joint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::head;
    use crate::random::Key;

    #[test]
    fn flipped_labels_of_clusters_are_found_and_others_are_left() {
        let mut random = Key::new(1).generator();
        let (photos, classes) = (300, 3);
        let truth: Vec<usize> = (0..photos).map(|photo| photo % classes).collect();
        let features = Array2::from_shape_fn((photos, 12), |(photo, column)| {
            random.normal() + if column % classes == truth[photo] { 3.0 } else { 0.0 }
        });
        let mut labels = truth.clone();
        let flipped: Vec<usize> = (0..photos).step_by(20).collect();
        flipped.iter().for_each(|&photo| labels[photo] = (labels[photo] + 1) % classes);
        let probabilities = head::out_of_fold(features.view(), &labels, classes);
        let found = mislabels(probabilities.view(), &labels);
        let right = found.iter().filter(|found| flipped.contains(&found.photo)).count();
        assert!(right >= 14 && found.len() <= 17, "{right} of {} are flipped", found.len());
        assert!(found.iter().take(10).all(|found| found.class == truth[found.photo]));
    }
}
