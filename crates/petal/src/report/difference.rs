use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::training::Prediction;

/// A photo that two models take for different classes.
pub(super) struct Difference {
    /// The pixels, `[height, width, 3]`.
    pub(super) rgb: Vec<u8>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) true_class: String,
    /// What each says, with its probability.
    pub(super) answers: [(String, f32); 2],
    pub(super) file: String,
}

impl Difference {
    pub(super) fn new(
        photos: &ImageDataset,
        sample: usize,
        predictions: &[Vec<Prediction>; 2],
    ) -> Result<Self> {
        let image = photos.image(sample)?;
        let names = photos.class_names();
        Ok(Difference {
            width: image.width() as usize,
            height: image.height() as usize,
            rgb: image.into_raw(),
            true_class: names[photos.labels()[sample]].clone(),
            answers: predictions.each_ref().map(|predictions| {
                let Prediction { class, probability } = predictions[sample];
                (names[class].clone(), probability)
            }),
            file: photos.file_paths()[sample].display().to_string(),
        })
    }
}

/// The photos that two models take for different classes: those that the first alone is right about, the second alone,
/// and neither. Of each, those come first of which the wrong ones are surest.
pub(super) fn differences(labels: &[usize], predictions: &[Vec<Prediction>; 2]) -> [Vec<usize>; 3] {
    let mut groups = [Vec::new(), Vec::new(), Vec::new()];
    for (sample, &label) in labels.iter().enumerate() {
        let [first, second] = [0, 1].map(|i| predictions[i][sample].class);
        if first != second {
            let group = if first == label {
                0
            } else if second == label {
                1
            } else {
                2
            };
            groups[group].push(sample);
        }
    }
    let wrong = |sample: usize| -> f32 {
        let answers = predictions.iter().map(|predictions| predictions[sample]);
        answers.filter(|answer| answer.class != labels[sample]).map(|answer| answer.probability).sum()
    };
    for group in &mut groups {
        group.sort_by(|&a, &b| wrong(b).total_cmp(&wrong(a)));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_grouped_by_who_is_right_and_sorted_by_how_sure_the_other_is() {
        let answers = |answers: &[(usize, f32)]| -> Vec<Prediction> {
            answers.iter().map(|&(class, probability)| Prediction { class, probability }).collect()
        };
        let first = answers(&[(0, 0.9), (1, 0.6), (1, 0.8), (2, 0.9), (2, 0.5)]);
        let second = answers(&[(0, 0.8), (0, 0.7), (0, 0.9), (1, 0.6), (0, 0.7)]);
        let groups = differences(&[0, 0, 0, 0, 2], &[first, second]);
        assert_eq!(groups, [vec![4], vec![2, 1], vec![3]]);
    }
}
