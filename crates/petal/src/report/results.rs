//! What a model makes of the validation photos, for every report.

use std::path::Path;

use super::{ClassificationReport, Mistake, Report};
use crate::data::{Dataset, ImageDataset};
use crate::explain::{examples, pca};
use crate::model::Model;
use crate::plot::{Figure, confusion_matrix, feature_map, heat_map_grid};
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
        let probabilities = model.classify(photos)?;
        let names = photos.class_names();
        let predicted: Vec<usize> =
            probabilities.rows().into_iter().map(|row| crate::training::arg_max(&row.to_vec())).collect();
        let classification = ClassificationReport::new(photos.labels(), &predicted, names)?;
        let heat_maps = examples(model, photos, &probabilities, EXAMPLES)
            .and_then(|examples| (!examples.is_empty()).then(|| heat_map_grid(&examples)).transpose());
        let feature_map = model
            .bottleneck_features(photos)
            .and_then(|features| pca(features.view()))
            .and_then(|features| feature_map(&features, photos.labels(), Some(&predicted), names));
        Ok(Report {
            classification: Some(classification),
            mistakes: Mistake::most_confident(photos, &probabilities, MISTAKES)?,
            heat_maps: where_possible(heat_maps)?.flatten(),
            feature_map: where_possible(feature_map)?,
            ..Report::default()
        })
    }

    /// The figures among the results, with their names.
    pub(super) fn result_figures(&self) -> Vec<(&'static str, Figure)> {
        let matrix = self.classification.as_ref().map(|scores| {
            let names: Vec<String> = scores.classes.iter().map(|class| class.name.clone()).collect();
            confusion_matrix(&scores.confusion, &names)
        });
        [
            ("confusion_matrix", matrix),
            ("heat_maps", self.heat_maps.clone()),
            ("feature_map", self.feature_map.clone()),
        ]
        .into_iter()
        .filter_map(|(name, figure)| Some((name, figure?)))
        .collect()
    }
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
