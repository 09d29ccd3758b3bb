use std::collections::HashMap;

use ndarray::ArrayView2;

use crate::{Error, Result};

/// A class of ImageNet and how probable it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The class's identifier in WordNet: `n11939491`.
    pub wnid: &'static str,
    /// Its name: `daisy`.
    pub name: &'static str,
    /// The probability.
    pub score: f32,
}

/// For each image the `top` classes of ImageNet that are most probable, the most probable first; Keras' default is 5.
/// `probabilities` `[batch, 1000]` come from a model with the top of its ImageNet weights.
///
/// ```
/// use petal::applications::decode_predictions;
/// let mut probabilities = ndarray::Array2::zeros([1, 1000]);
/// probabilities[[0, 985]] = 0.75;
/// let predictions = decode_predictions(probabilities.view(), 3)?;
/// assert_eq!((predictions[0][0].name, predictions[0][0].score), ("daisy", 0.75));
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If there are not 1,000 probabilities for each image.
pub fn decode_predictions(probabilities: ArrayView2<'_, f32>, top: usize) -> Result<Vec<Vec<Prediction>>> {
    let classes = probabilities.ncols();
    if classes != 1000 {
        let expected =
            "[batch, 1000], the classes of ImageNet; for a model with other classes use its class_names()";
        return Err(Error::argument("probabilities", format!("of shape [batch, {classes}]"), expected));
    }
    let predictions = probabilities.rows().into_iter().map(|row| {
        let pair = |((wnid, name), &score)| Prediction { wnid, name, score };
        let mut predictions: Vec<Prediction> = imagenet_classes().zip(row).map(pair).collect();
        predictions.sort_by(|a, b| b.score.total_cmp(&a.score));
        predictions.truncate(top);
        predictions
    });
    Ok(predictions.collect())
}

/// The names of ImageNet's 1,000 classes in the order of the outputs. Where two classes have one name, it comes with
/// the identifier in WordNet: `crane (n02012849)`.
///
/// ```
/// use petal::applications::imagenet_class_names;
/// assert_eq!(imagenet_class_names()[985], "daisy");
/// ```
pub fn imagenet_class_names() -> Vec<String> {
    let mut counts = HashMap::new();
    imagenet_classes().for_each(|(_, name)| *counts.entry(name).or_insert(0) += 1);
    let unique =
        |(wnid, name)| if counts[name] == 1 { String::from(name) } else { format!("{name} ({wnid})") };
    imagenet_classes().map(unique).collect()
}

/// Identifiers and names in the order of the outputs.
fn imagenet_classes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("../../assets/imagenet_classes.txt").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}
