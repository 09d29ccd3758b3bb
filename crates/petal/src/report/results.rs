//! What a model makes of the validation photos, for every report.

use std::path::Path;

use super::{ClassificationReport, Mistake, Report};
use crate::data::{Dataset, ImageDataset, Subset};
use crate::explain::{examples, pca};
use crate::model::Model;
use crate::plot::{Figure, feature_map, heat_map_grid};
use crate::random::Key;
use crate::training::Prediction;
use crate::{Error, Result};

/// Wrong answers shown in a report.
const MISTAKES: usize = 12;
/// Right ones, and wrong ones, that are shown with heat maps.
const EXAMPLES: usize = 4;

impl Report {
    /// A report of nothing but what the model makes of these photos: scores, mistakes, heat maps, map of features.
    ///
    /// # Errors
    /// If a photo can no longer be read.
    pub fn of_results(model: &Model, photos: &ImageDataset) -> Result<Report> {
        Self::of_predictions(model, photos, &model.predict_classes(photos)?)
    }

    /// The same, where it is known what the model takes each photo for.
    pub(super) fn of_predictions(
        model: &Model,
        photos: &ImageDataset,
        predictions: &[Prediction],
    ) -> Result<Report> {
        let names = photos.class_names();
        let predicted: Vec<usize> = predictions.iter().map(|prediction| prediction.class).collect();
        let classification = ClassificationReport::from_predictions(photos.labels(), predictions, names)?;
        let heat_maps = examples(model, photos, predictions, EXAMPLES)
            .and_then(|examples| (!examples.is_empty()).then(|| heat_map_grid(&examples)).transpose());
        let points = points(photos, model.seed());
        let of_points = |values: &[usize]| points.iter().map(|&sample| values[sample]).collect::<Vec<_>>();
        let some = Subset::new(photos, points.iter().copied())?;
        let feature_map =
            model.bottleneck_features(&some).and_then(|features| pca(features.view())).and_then(|map| {
                feature_map(&map, &of_points(photos.labels()), Some(&of_points(&predicted)), names)
            });
        let mistakes = Mistake::most_confident(photos, predictions, MISTAKES)?;
        let wrong =
            predictions.iter().zip(photos.labels()).filter(|(answer, label)| answer.class != **label).count();
        Ok(Report {
            classification: Some(classification),
            mistakes,
            wrong_answers: wrong,
            heat_maps: where_possible(heat_maps)?.flatten(),
            feature_map: where_possible(feature_map)?,
            ..Report::default()
        })
    }

    /// The figures among the results, with their names.
    pub(super) fn result_figures(&self) -> Vec<(&'static str, Figure)> {
        [
            ("confusion_matrix", self.classification.as_ref().map(ClassificationReport::figure)),
            ("test_confusion_matrix", self.test.as_ref().map(|test| test.scores.figure())),
            ("heat_maps", self.heat_maps.clone()),
            ("feature_map", self.feature_map.clone()),
        ]
        .into_iter()
        .filter_map(|(name, figure)| Some((name, figure?)))
        .collect()
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
