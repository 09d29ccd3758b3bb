//! What a model makes of the validation photos, for every report.

use std::path::Path;

use ndarray::Array2;

use super::{ClassificationReport, Mistake, Report};
use crate::calibration::{Rankings, Reliability};
use crate::data::{Dataset, ImageDataset, Subset};
use crate::explain::{examples, pca};
use crate::model::Model;
use crate::plot::{Figure, feature_map, heat_map_grid, ranking_curves, reliability};
use crate::random::Key;
use crate::training::Prediction;
use crate::{Error, Result};

/// Wrong answers shown in a report.
const MISTAKES: usize = 12;
/// Right ones, and wrong ones, that are shown with heat maps.
const EXAMPLES: usize = 4;

impl Report {
    /// A report of nothing but what the model makes of these photos: scores, probabilities, mistakes, heat maps, map of
    /// features.
    ///
    /// # Errors
    /// If a photo can no longer be read.
    pub fn of_results(model: &Model, photos: &ImageDataset) -> Result<Report> {
        Self::of_model(model, photos, &model.classify(photos)?)
    }

    /// The same without what takes looking into the model, heat maps and map of features. `probabilities` are those that
    /// [`Model::classify`] gives for the photos.
    ///
    /// # Errors
    /// If there isn't a row for each photo and a column for each class, or a photo can no longer be read.
    pub fn of_probabilities(photos: &ImageDataset, probabilities: &Array2<f32>) -> Result<Report> {
        let (names, labels) = (photos.class_names(), photos.labels());
        let predictions = Prediction::of(probabilities);
        let wrong = predictions.iter().zip(labels).filter(|(answer, label)| answer.class != **label).count();
        Ok(Report {
            classification: Some(ClassificationReport::from_predictions(labels, &predictions, names)?),
            reliability: Some(Reliability::new(probabilities, labels)?),
            rankings: Some(Rankings::new(probabilities, labels)?),
            mistakes: Mistake::most_confident(photos, &predictions, MISTAKES)?,
            wrong_answers: wrong,
            ..Report::default()
        })
    }

    /// What [`Report::of_results`] gives, where the probabilities are known.
    pub(super) fn of_model(
        model: &Model,
        photos: &ImageDataset,
        probabilities: &Array2<f32>,
    ) -> Result<Report> {
        let predictions = Prediction::of(probabilities);
        let predicted: Vec<usize> = predictions.iter().map(|prediction| prediction.class).collect();
        let heat_maps = examples(model, photos, &predictions, EXAMPLES)
            .and_then(|examples| (!examples.is_empty()).then(|| heat_map_grid(&examples)).transpose());
        let points = points(photos, model.seed());
        let of_points = |values: &[usize]| points.iter().map(|&sample| values[sample]).collect::<Vec<_>>();
        let some = Subset::new(photos, points.iter().copied())?;
        let feature_map =
            model.bottleneck_features(&some).and_then(|features| pca(features.view())).and_then(|map| {
                let (labels, predicted) = (of_points(photos.labels()), of_points(&predicted));
                feature_map(&map, &labels, Some(&predicted), photos.class_names())
            });
        Ok(Report {
            heat_maps: where_possible(heat_maps)?.flatten(),
            feature_map: where_possible(feature_map)?,
            ..Self::of_probabilities(photos, probabilities)?
        })
    }

    /// The figures among the results, with their names.
    pub(super) fn result_figures(&self) -> Vec<(&'static str, Figure)> {
        [
            ("confusion_matrix", self.classification.as_ref().map(ClassificationReport::figure)),
            ("reliability", self.reliability.as_ref().map(reliability)),
            ("rankings", self.ranking_curves()),
            ("test_confusion_matrix", self.test.as_ref().map(|test| test.scores.figure())),
            ("heat_maps", self.heat_maps.clone()),
            ("feature_map", self.feature_map.clone()),
        ]
        .into_iter()
        .filter_map(|(name, figure)| Some((name, figure?)))
        .collect()
    }

    fn ranking_curves(&self) -> Option<Figure> {
        Some(ranking_curves(self.rankings.as_ref()?, &self.classification.as_ref()?.class_names()))
    }
}

/// Photos in the map of features.
const POINTS: usize = 3000;

/// Photos of a data set, in its order: all, or of very many some that are drawn by lot.
fn points(photos: &ImageDataset, seed: u64) -> Vec<usize> {
    let mut samples: Vec<usize> = (0..photos.len()).collect();
    if samples.len() > POINTS {
        Key::new(seed).named("photos in the map of features").generator().shuffle(&mut samples);
        samples.truncate(POINTS);
        samples.sort_unstable();
    }
    samples
}

/// Not every model can be explained: one may have no layer to look at, or have diverged to numbers that are none. That
/// is no reason for a report to fail; a photo that can no longer be read is.
fn where_possible<T>(figure: Result<T>) -> Result<Option<T>> {
    match figure {
        Ok(figure) => Ok(Some(figure)),
        Err(error @ (Error::Io { .. } | Error::File { .. } | Error::Data(_))) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Writes figures as PNG and SVG.
pub(super) fn save_figures<S: std::fmt::Display>(
    folder: &Path,
    figures: impl IntoIterator<Item = (S, Figure)>,
) -> Result<()> {
    for (name, figure) in figures {
        figure.save(folder.join(format!("{name}.png")))?;
        figure.save(folder.join(format!("{name}.svg")))?;
    }
    Ok(())
}
