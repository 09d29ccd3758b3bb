use ndarray::Array3;

use super::{GradCam, HeatMap};
use crate::data::{Batch, Dataset, ImageDataset};
use crate::model::Model;
use crate::training::Prediction;
use crate::{Error, Result};

/// A photo, what it is, and what the model takes it for and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// `[height, width, channels]`, in 0..=255.
    pub pixels: Array3<f32>,
    /// Of the class that the model predicts.
    pub map: HeatMap,
    /// The photo's class.
    pub true_class: String,
}

impl Example {
    /// Whether the model is right.
    pub fn is_right(&self) -> bool {
        self.map.class_name == self.true_class
    }
}

/// Photos to learn from, with their heat maps: up to `count` right answers, the surest of each class in turn, then up to
/// `count` wrong ones, the surest first.
///
/// `predictions` are those of the photos, as [`Model::predict_classes`] gives them.
///
/// ```no_run
/// # use petal::{data::ImageFolder, model::Model};
/// let photos = ImageFolder::new("flower_photos").image_size(180, 180).load()?;
/// let model = Model::load("flowers.petal")?;
/// let examples = petal::explain::examples(&model, &photos, &model.predict_classes(&photos)?, 4)?;
/// petal::plot::heat_map_grid(&examples)?.save("examples.png")?;
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// Those of [`Model::grad_cam`], if there isn't a prediction of one of its classes for each photo, or a photo can no
/// longer be read.
pub fn examples(
    model: &Model,
    photos: &ImageDataset,
    predictions: &[Prediction],
    count: usize,
) -> Result<Vec<Example>> {
    if predictions.len() != photos.len() {
        let expected = format!("one for each of the {} photos", photos.len());
        return Err(Error::argument("predictions", format!("{} long", predictions.len()), expected));
    }
    let classes = photos.class_names().len();
    if let Some(prediction) = predictions.iter().find(|prediction| prediction.class >= classes) {
        let expected = format!("classes below {classes}, as the photos have them");
        return Err(Error::argument(
            "predictions",
            format!("a list with class {}", prediction.class),
            expected,
        ));
    }
    let mut batch = Batch::default();
    choose(photos.labels(), predictions, count)
        .into_iter()
        .map(|(sample, predicted)| {
            photos.load(&[sample], 0, &mut batch)?;
            let shape = photos.preprocessing().shape();
            let pixels = Array3::from_shape_vec(shape, batch.inputs.to_floats().into_owned())
                .expect("a batch has its data set's shape");
            let mut map = model.grad_cam(pixels.view(), &GradCam::new().class(predicted))?;
            map.class_name.clone_from(&photos.class_names()[predicted]);
            Ok(Example { pixels, map, true_class: photos.class_names()[photos.labels()[sample]].clone() })
        })
        .collect()
}

/// The samples to show, each with its predicted class.
fn choose(labels: &[usize], predictions: &[Prediction], count: usize) -> Vec<(usize, usize)> {
    let mut answers: Vec<(usize, &Prediction)> = predictions.iter().enumerate().collect();
    answers.sort_by(|(_, a), (_, b)| b.probability.total_cmp(&a.probability));
    let answers = answers.into_iter().map(|(sample, prediction)| (sample, prediction.class));
    let (right, mut wrong): (Vec<_>, Vec<_>) = answers.partition(|&(sample, class)| labels[sample] == class);
    // Its place among the right answers of its class, then its class.
    let mut seen = std::collections::BTreeMap::<usize, usize>::new();
    let mut in_turn: Vec<((usize, usize), (usize, usize))> = Vec::with_capacity(right.len());
    for (sample, predicted) in right {
        let place = seen.entry(predicted).or_default();
        in_turn.push(((*place, predicted), (sample, predicted)));
        *place += 1;
    }
    in_turn.sort_unstable();
    wrong.truncate(count);
    in_turn.into_iter().map(|(_, answer)| answer).take(count).chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_answers_are_of_each_class_in_turn_and_wrong_ones_the_surest() {
        let predictions = [(0, 0.9), (0, 0.8), (1, 0.7), (0, 0.6), (1, 0.95), (0, 0.99)]
            .map(|(class, probability)| Prediction { class, probability });
        let labels = [0, 0, 1, 1, 0, 0];
        assert_eq!(choose(&labels, &predictions, 3), [(5, 0), (2, 1), (0, 0), (4, 1), (3, 0)]);
        assert_eq!(choose(&labels, &predictions, 1), [(5, 0), (4, 1)]);
        assert_eq!(choose(&[], &[], 4), []);
    }
}
