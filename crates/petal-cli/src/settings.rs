//! A run's settings, complete and checked.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use petal::applications::{lecture_cnn, lecture_cnn_regularized};
use petal::data::{AspectRatio, Preprocessing};
use petal::model::Model;
use serde::{Deserialize, Serialize};

use crate::args::{Architecture, Train};
use crate::photo_folder;
use crate::run_folder::SETTINGS;

/// What a run was asked to do; written to its folder, so that it can be gone on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub photos: PathBuf,
    pub validation: Validation,
    pub model: Architecture,
    pub epochs: usize,
    pub learning_rate: f32,
    /// Epochs without improvement before training ends; none for never.
    pub early_stopping: Option<usize>,
    pub balance_classes: bool,
    pub seed: u32,
    pub batch_size: usize,
    pub preprocessing: Preprocessing,
    pub follow_links: bool,
    pub strict: bool,
    pub memory_budget_mib: Option<usize>,
}

/// Where the validation photos come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    Split(f64),
    Folder(PathBuf),
}

impl Settings {
    /// The settings that these arguments ask for.
    ///
    /// # Errors
    /// If the photos are those to be downloaded and aren't, or the sample photos cannot be drawn.
    pub fn new(args: &Train) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let regularized = args.model == Architecture::CnnRegularized;
        let photos = &args.photos;
        Ok(Settings {
            photos: photo_folder::find(args.directory.as_deref())?,
            validation: match &args.validation {
                Some(folder) => Validation::Folder(photo_folder::find(Some(folder))?),
                None => Validation::Split(args.validation_split),
            },
            model: args.model,
            epochs: args.epochs.unwrap_or(if regularized { 15 } else { 10 }),
            learning_rate: args.learning_rate,
            early_stopping: match args.early_stopping {
                Some(0) => None,
                Some(patience) => Some(patience),
                None => regularized.then_some(5),
            },
            balance_classes: args.balance_classes,
            seed: args.seed,
            batch_size: photos.batch_size,
            preprocessing: Preprocessing {
                image_size: photos.image_size,
                color_mode: photos.color_mode,
                interpolation: photos.interpolation,
                aspect_ratio: match (photos.crop_to_aspect_ratio, photos.pad_to_aspect_ratio) {
                    (true, _) => AspectRatio::Crop,
                    (_, true) => AspectRatio::Pad,
                    _ => AspectRatio::Stretch,
                },
                exif_orientation: photos.exif_orientation,
            },
            follow_links: photos.follow_links,
            strict: photos.strict,
            memory_budget_mib: photos.memory_budget,
        })
    }

    /// The settings of an earlier run.
    ///
    /// # Errors
    /// If the folder isn't one of a run.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(SETTINGS);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!("{} is not the folder of a run: {}: {error}", folder.display(), path.display())
        })?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Writes the settings to the folder of the run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> petal::Result<()> {
        let text = serde_json::to_string_pretty(self).expect("settings are plain data");
        petal::saving::write_atomically(folder.join(SETTINGS), |file| writeln!(file, "{text}"))
    }

    /// The model before training.
    ///
    /// # Errors
    /// If the photos' size is too small for it.
    pub fn build(&self, classes: usize) -> petal::Result<Model> {
        build(self.model, self.preprocessing.shape(), classes, u64::from(self.seed))
    }

    /// The settings as a table for the report.
    pub fn rows(&self) -> Vec<(String, String)> {
        let row = |name: &str, value: String| (name.to_owned(), value);
        let (height, width) = self.preprocessing.image_size;
        vec![
            row("Photos", self.photos.display().to_string()),
            row(
                "Validation",
                match &self.validation {
                    Validation::Split(share) => format!("{:.0} % of the photos", 100.0 * share),
                    Validation::Folder(folder) => folder.display().to_string(),
                },
            ),
            row("Model", name(self.model)),
            row("Image size", format!("{height} × {width}")),
            row("Batch size", self.batch_size.to_string()),
            row("Epochs", self.epochs.to_string()),
            row("Optimizer", format!("Adam, learning rate {}", self.learning_rate)),
            row(
                "Early stopping",
                match self.early_stopping {
                    Some(patience) => format!("after {patience} epochs without a better val_accuracy"),
                    None => "off".into(),
                },
            ),
            row("Classes balanced", if self.balance_classes { "yes" } else { "no" }.into()),
            row("Seed", self.seed.to_string()),
        ]
    }
}

/// A network by its name, before training.
///
/// # Errors
/// If the image is too small for it.
pub fn build(
    architecture: Architecture,
    image: [usize; 3],
    classes: usize,
    seed: u64,
) -> petal::Result<Model> {
    match architecture {
        Architecture::Cnn => lecture_cnn(image, classes, seed),
        Architecture::CnnRegularized => lecture_cnn_regularized(image, classes, seed),
    }
}

/// The name by which the command knows a network.
pub fn name(architecture: Architecture) -> String {
    architecture.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
