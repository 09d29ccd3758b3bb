//! `petal quantize`: models with 8-bit numbers, and what they cost in accuracy.

use std::fs;
use std::path::{Path, PathBuf};

use petal::PathText;
use petal::data::{Dataset, Doubt, ImageDataset, Subset};
use petal::model::Model;
use petal::training::Prediction;

use crate::args::Quantize;
use crate::data::{Data, DataSettings};
use crate::terminal::{answer, warn};
use crate::{Failure, Outcome, SUCCESS, calibrate, load, model_file, photo_folder, run_folder, sets};

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
    /// Which photos these are.
    which: &'static str,
}

pub fn run(args: &Quantize) -> Outcome {
    let file = run_folder::model_file(&args.model);
    let model = model_file::open(&args.model, &args.unsaid)?;
    let (quantized, cost) = match &args.photos {
        Some(photos) => quantize(photos, &model)?,
        None => quantize_by_run(&args.model, &model)?,
    };
    let output = args.output.clone().unwrap_or_else(|| beside(&file));
    quantized.save(&output)?;
    let megabytes = |file: &Path| fs::metadata(file).map_or(0.0, |file| file.len() as f64 / 1e6);
    answer!("{}: {:.1} MB, before {:.1} MB", PathText::new(&output), megabytes(&output), megabytes(&file))?;
    cost.tell()?;
    answer!("  to use it: petal predict {} PHOTO", PathText::new(&output))?;
    Ok(SUCCESS)
}

/// The file that is written unless another is named.
fn beside(model: &Path) -> PathBuf {
    let mut name = model.file_stem().unwrap_or_default().to_owned();
    name.push("-int8.petal");
    model.with_file_name(name)
}

/// With ranges for photos that the run was trained on, measured on those that it was validated on.
fn quantize_by_run(run: &Path, model: &Model) -> Result<(Model, Cost), Failure> {
    let settings = DataSettings::of_run(run)?.ok_or_else(|| {
        format!(
            "{} is not the folder of a run, which says what its photos were; name some after it: petal quantize {} PHOTOS",
            PathText::new(run),
            PathText::new(run)
        )
    })?;
    let Data { train, validation, .. } = Data::load(&settings, false)?;
    // In an order of their own: photos of a folder come class by class.
    let some = Subset::new(&train, train.order(0).into_iter().take(CALIBRATION))?;
    let mut quantized = model.quantize(&some)?;
    recalibrate(model, &mut quantized, &validation);
    let cost = Cost::measure(model, &quantized, &validation, "validation photos")?;
    Ok((quantized, cost))
}

/// The model with numbers of the ranges that they have for photos of this folder.
///
/// # Errors
/// If the model takes no photos or names no classes, or the folder has no photos of its classes, or of others.
pub fn quantize(photos: &Path, model: &Model) -> Result<(Model, Cost), Failure> {
    let Some(preprocessing) = model.preprocessing() else {
        return Err(
            "8-bit numbers need a model that takes photos and gives classes, to measure both on photos"
                .into(),
        );
    };
    if model.class_names().is_empty() {
        return Err(
            "what 8-bit numbers cost is measured on photos of the model's classes, but it doesn't say what its \
                    classes are; name them by --class-names a,b,c"
                .into(),
        );
    }
    let (directory, folder) = sets::to_measure_on(photo_folder::find(Some(photos))?, None)?;
    let folder = folder.preprocessing(preprocessing.clone()).classes_of(model.class_names());
    let (calibration, measured) = load::with_progress(folder, false).draw([CALIBRATION, MEASURED])?;
    check_classes(&directory, &calibration, model)?;
    load::describe(&directory, &[("the ranges of numbers", &calibration), ("accuracy", &measured)]);
    load::warn(&[&calibration, &measured]);
    let mut quantized = model.quantize(&calibration)?;
    recalibrate(model, &mut quantized, &measured);
    let cost = Cost::measure(model, &quantized, &measured, "other photos")?;
    Ok((quantized, cost))
}

/// Makes the rounded model's probabilities right, where those of the model it is made of were.
fn recalibrate(model: &Model, quantized: &mut Model, photos: &ImageDataset) {
    if model.familiarity().is_some() {
        calibrate::on(quantized, photos);
    }
}

impl Cost {
    fn measure(
        model: &Model,
        quantized: &Model,
        photos: &ImageDataset,
        which: &'static str,
    ) -> petal::Result<Self> {
        let accuracy = [model.predict_classes(photos)?, quantized.predict_classes(photos)?]
            .map(|predictions| accuracy(&predictions, photos.labels()));
        Ok(Cost { accuracy, photos: photos.len(), which })
    }

    /// Says what it is, with a warning if it is high.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub fn tell(&self) -> Result<(), Failure> {
        let Cost { accuracy: [before, after], photos, which } = *self;
        answer!("  right on {photos} {which}: {:.1} %, with floats {:.1} %", 100.0 * after, 100.0 * before)?;
        if before - after > LOSS {
            warn(format_args!(
                "8-bit numbers cost {:.1} percentage points of accuracy; if that is too much, use the model as it is",
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
        "{} has photos of classes that the model doesn't have: {}; it has {}. Give photos like those that the \
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
