//! Models with 8-bit numbers, and what they cost in accuracy.

use std::path::Path;

use petal::PathText;
use petal::data::{Dataset, Doubt, ImageDataset, ImageFolder};
use petal::model::Model;
use petal::training::Prediction;

use crate::terminal::{answer, warn};
use crate::{Failure, load, photo_folder};

/// Photos on which the ranges of a model's numbers are measured.
const CALIBRATION: usize = 100;

/// Photos at most on which accuracy is measured.
const MEASURED: usize = 1000;

/// The loss of accuracy that is worth a warning.
const LOSS: f64 = 0.01;

/// What 8-bit numbers cost.
pub struct Cost {
    /// The share of right answers of the model, and with 8-bit numbers.
    accuracy: [f64; 2],
    photos: usize,
}

/// The model with numbers of the ranges that they have for photos of this folder.
///
/// # Errors
/// If the model takes no photos or names no classes, or the folder has no photos of its classes, or of others.
pub fn quantize(photos: &Path, model: &Model) -> Result<(Model, Cost), Failure> {
    let Some(preprocessing) = model.preprocessing() else {
        return Err(
            "--int8 needs a model that takes photos and gives classes, to measure both on photos".into()
        );
    };
    if model.class_names().is_empty() {
        return Err(
            "--int8 measures how many photos the model takes for what they are, but it doesn't say what its \
                    classes are; name them by --class-names a,b,c"
                .into(),
        );
    }
    let directory = photo_folder::find(Some(photos))?;
    let folder =
        ImageFolder::new(&directory).preprocessing(preprocessing.clone()).classes_of(model.class_names());
    let (calibration, measured) = load::with_progress(folder, false).draw([CALIBRATION, MEASURED])?;
    check_classes(&directory, &calibration, model)?;
    load::describe(&directory, &[("the ranges of numbers", &calibration), ("accuracy", &measured)]);
    load::warn(&[&calibration, &measured]);
    let quantized = model.quantize(&calibration)?;
    let accuracy = [model.predict_classes(&measured)?, quantized.predict_classes(&measured)?]
        .map(|predictions| accuracy(&predictions, measured.labels()));
    Ok((quantized, Cost { accuracy, photos: measured.len() }))
}

impl Cost {
    /// Says what it is, with a warning if it is high.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub fn tell(&self) -> Result<(), Failure> {
        let Cost { accuracy: [before, after], photos } = *self;
        answer!(
            "  right on {photos} other photos: {:.1} %, with floats {:.1} %",
            100.0 * after,
            100.0 * before
        )?;
        if before - after > LOSS {
            warn(format_args!(
                "8-bit numbers cost {:.1} percentage points of accuracy; if that is too much, export the model without \
                 --int8",
                100.0 * (before - after)
            ));
        }
        Ok(())
    }
}

/// Refuses photos of classes that the model doesn't have: the folder is another model's.
fn check_classes(directory: &Path, photos: &ImageDataset, model: &Model) -> Result<(), Failure> {
    let unknown = |doubt: &Doubt| match doubt {
        Doubt::UnknownClass { folder, photos: 1.. } => {
            Some(folder.file_name().map_or_else(String::new, |name| PathText::new(name).to_string()))
        }
        _ => None,
    };
    let unknown: Vec<String> = photos.doubts().iter().filter_map(unknown).take(10).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} has photos of classes that the model doesn't have: {}; it has {}. Give --int8 photos like those that the \
         model was trained on",
        PathText::new(directory),
        unknown.join(", "),
        model.class_names().join(", ")
    )
    .into())
}

fn accuracy(predictions: &[Prediction], labels: &[usize]) -> f64 {
    let right = predictions.iter().zip(labels).filter(|(prediction, label)| prediction.class == **label);
    right.count() as f64 / labels.len().max(1) as f64
}
