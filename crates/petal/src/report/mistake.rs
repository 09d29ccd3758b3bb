use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::training::Prediction;

/// A photo that the model took for something else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistake {
    /// The pixels, `[height, width, 3]`.
    pub rgb: Vec<u8>,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// What the photo shows.
    pub true_class: String,
    /// What the model said.
    pub predicted: String,
    /// The probability that the model gave to `predicted`, in 0..=1.
    pub probability: f32,
    /// The photo's path; may be empty.
    pub file: String,
}

impl Mistake {
    /// Up to `most` wrong answers, those first in which the model trusts most. `predictions` are those of
    /// [`Model::predict_classes`](crate::model::Model::predict_classes).
    ///
    /// # Errors
    /// If a photo can no longer be read.
    pub fn most_confident(
        photos: &ImageDataset,
        predictions: &[Prediction],
        most: usize,
    ) -> Result<Vec<Mistake>> {
        let mut wrong = wrong_answers(photos, predictions);
        wrong.truncate(most);
        let names = photos.class_names();
        let mistake = |(sample, Prediction { class, probability }): (usize, Prediction)| {
            let image = photos.image(sample)?;
            Ok(Mistake {
                width: image.width() as usize,
                height: image.height() as usize,
                rgb: image.into_raw(),
                true_class: names[photos.labels()[sample]].clone(),
                predicted: names[class].clone(),
                probability,
                file: photos.file_paths()[sample].display().to_string(),
            })
        };
        wrong.into_iter().map(mistake).collect()
    }
}

/// The samples that were taken for another class, those first in whose answers the model trusts most.
pub(super) fn wrong_answers(photos: &ImageDataset, predictions: &[Prediction]) -> Vec<(usize, Prediction)> {
    let answers = predictions.iter().copied().enumerate();
    let mut wrong: Vec<_> =
        answers.filter(|&(sample, answer)| answer.class != photos.labels()[sample]).collect();
    wrong.sort_by(|(_, a), (_, b)| b.probability.total_cmp(&a.probability));
    wrong
}
