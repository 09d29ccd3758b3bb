use ndarray::Array2;

use crate::Result;
use crate::data::{Dataset, ImageDataset};

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
    /// The photo's path, shown under the pointer; may be empty.
    pub file: String,
}

impl Mistake {
    /// Up to `most` wrong answers, those first in which the model trusts most. `probabilities` are those of
    /// [`Model::classify`](crate::model::Model::classify).
    ///
    /// # Errors
    /// If a photo can no longer be read.
    pub fn most_confident(
        photos: &ImageDataset,
        probabilities: &Array2<f32>,
        most: usize,
    ) -> Result<Vec<Mistake>> {
        let mut wrong: Vec<(f32, usize, usize)> = probabilities
            .rows()
            .into_iter()
            .enumerate()
            .filter_map(|(sample, row)| {
                let predicted = crate::training::arg_max(row.as_slice()?);
                (predicted != photos.labels()[sample]).then(|| (row[predicted], sample, predicted))
            })
            .collect();
        wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
        wrong.truncate(most);
        let names = photos.class_names();
        let mistake = |(probability, sample, predicted): (f32, usize, usize)| {
            let image = photos.image(sample)?;
            Ok(Mistake {
                width: image.width() as usize,
                height: image.height() as usize,
                rgb: image.into_raw(),
                true_class: names[photos.labels()[sample]].clone(),
                predicted: names[predicted].clone(),
                probability,
                file: photos.file_paths()[sample].display().to_string(),
            })
        };
        wrong.into_iter().map(mistake).collect()
    }
}
