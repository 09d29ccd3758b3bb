use ndarray::{Array2, Array3};

use super::{GradCam, HeatMap};
use crate::data::{Batch, Dataset, ImageDataset};
use crate::model::Model;
use crate::training::arg_max;
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
/// `probabilities` are those of the photos, as [`Model::classify`] gives them.
///
/// ```no_run
/// # use petal::{data::ImageFolder, model::Model};
/// let photos = ImageFolder::new("flower_photos").image_size(180, 180).load()?;
/// let model = Model::load("flowers.petal")?;
/// let examples = petal::explain::examples(&model, &photos, &model.classify(&photos)?, 4)?;
/// petal::plot::heat_map_grid(&examples)?.save("examples.png")?;
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// Those of [`Model::grad_cam`], if there isn't a row of probabilities for each photo and a column for each class, or a
/// photo can no longer be read.
pub fn examples(
    model: &Model,
    photos: &ImageDataset,
    probabilities: &Array2<f32>,
    count: usize,
) -> Result<Vec<Example>> {
    let expected = (photos.len(), photos.class_names().len());
    if probabilities.dim() != expected {
        let found = format!("an array of shape {:?}", probabilities.dim());
        return Err(Error::argument(
            "probabilities",
            found,
            format!("one of shape {expected:?}, photos by classes"),
        ));
    }
    let mut batch = Batch::default();
    choose(photos.labels(), probabilities, count)
        .into_iter()
        .map(|(sample, predicted)| {
            photos.load(&[sample], &mut batch)?;
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
fn choose(labels: &[usize], probabilities: &Array2<f32>, count: usize) -> Vec<(usize, usize)> {
    let mut answers: Vec<(usize, usize)> = probabilities
        .rows()
        .into_iter()
        .enumerate()
        .map(|(sample, row)| (sample, arg_max(&row.to_vec())))
        .collect();
    let probability = |(sample, predicted)| probabilities[[sample, predicted]];
    answers.sort_by(|&a, &b| probability(b).total_cmp(&probability(a)));
    let (right, mut wrong): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|&(sample, predicted)| labels[sample] == predicted);
    // Its place among the right answers of its class, then its class.
    let mut seen = vec![0; probabilities.ncols()];
    let mut in_turn: Vec<((usize, usize), (usize, usize))> = Vec::with_capacity(right.len());
    for (sample, predicted) in right {
        in_turn.push(((seen[predicted], predicted), (sample, predicted)));
        seen[predicted] += 1;
    }
    in_turn.sort_unstable();
    wrong.truncate(count);
    in_turn.into_iter().map(|(_, answer)| answer).take(count).chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn right_answers_are_of_each_class_in_turn_and_wrong_ones_the_surest() {
        let probabilities =
            array![[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.05, 0.95], [0.99, 0.01]];
        let labels = [0, 0, 1, 1, 0, 0];
        assert_eq!(choose(&labels, &probabilities, 3), [(5, 0), (2, 1), (0, 0), (4, 1), (3, 0)]);
        assert_eq!(choose(&labels, &probabilities, 1), [(5, 0), (4, 1)]);
        assert_eq!(choose(&[], &Array2::zeros((0, 2)), 4), []);
    }
}
