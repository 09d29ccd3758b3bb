//! What can be typed: one struct a command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// Train image classifiers from a folder of photos.
///
/// A folder of photos has one sub-folder for each class: flowers/daisy/1.jpg, flowers/roses/2.jpg …
/// Begin with `petal train FOLDER`, or with `petal train` alone to see it work on sample photos.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Number of threads [default: all cores]. Results don't depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one, hide_short_help = true)]
    pub threads: Option<usize>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Train(Box<Train>),
    Evaluate(Evaluate),
    Predict(Predict),
    Summary(Summary),
    Show(Show),
    Download(Download),
    SampleData(SampleData),
}

/// The lecture's networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Three convolutions and two dense layers; overfits small folders
    Cnn,
    /// The same with augmentation, dropout and early stopping
    CnnRegularized,
}

/// Train a classifier on a folder of photos
///
/// Splits the photos, trains, and writes one folder with the model, its curves, its history and a report to open in
/// the browser. Without a folder, sample photos of flowers are drawn and used.
///
/// Ctrl-C ends after the current step; what has been learned is saved. After a crash or a power cut,
/// `petal train --resume RUN` goes on from the last finished epoch.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal train                                      see it work on sample photos
  petal train flower_photos                        train the lecture's CNN
  petal train flower_photos --model cnn-regularized --epochs 30
  petal train train/ --validation val/             with a validation folder of its own
  petal train --resume runs/flower_photos-1        go on after an interruption")]
pub struct Train {
    /// The folder of photos, one sub-folder a class [default: sample photos]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The network
    #[arg(long, value_enum, default_value_t = Architecture::Cnn)]
    pub model: Architecture,
    /// The last epoch's number [default: 10, for cnn-regularized 15]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub epochs: Option<usize>,
    /// The step size of Adam
    #[arg(long, value_name = "RATE", default_value_t = 1e-3, value_parser = positive)]
    pub learning_rate: f32,
    /// Stop when val_accuracy hasn't improved for N epochs, and keep the best weights; 0 turns it off
    /// [default: 5 for cnn-regularized, else 0]
    #[arg(long, value_name = "N")]
    pub early_stopping: Option<usize>,
    /// Weigh each class's samples so that rare classes count as much as common ones
    #[arg(long)]
    pub balance_classes: bool,
    /// Decides the split, the order of the photos and the first weights
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u32,
    #[command(flatten)]
    pub photos: Photos,
    /// The share of the photos that is kept for validation
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, conflicts_with = "validation")]
    pub validation_split: f64,
    /// A folder of its own for validation, instead of a share
    #[arg(long, value_name = "DIR")]
    pub validation: Option<PathBuf>,
    /// Where to write [default: runs/NAME-1, -2, …]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Go on with an interrupted run; its settings hold, only --epochs may be given anew
    #[arg(long, value_name = "RUN", conflicts_with_all = ["directory", "output"])]
    pub resume: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// How photos become a model's input.
#[derive(Debug, Args)]
pub struct Photos {
    /// Photos in a training step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    pub batch_size: usize,
    /// The size to which photos are shrunk: 180, or HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", default_value = "180", value_parser = image_size)]
    pub image_size: (usize, usize),
    /// How pixels are weighed when photos are shrunk
    #[arg(long, value_name = "RULE", default_value = "bilinear", value_parser = interpolation, hide_short_help = true)]
    pub interpolation: petal::data::Interpolation,
    /// The colours that the network sees
    #[arg(long, value_name = "MODE", default_value = "rgb", value_parser = color_mode, hide_short_help = true)]
    pub color_mode: petal::data::ColorMode,
    /// Cut photos to the right proportions instead of stretching them
    #[arg(long, hide_short_help = true)]
    pub crop_to_aspect_ratio: bool,
    /// Add black bars instead of stretching photos
    #[arg(long, conflicts_with = "crop_to_aspect_ratio", hide_short_help = true)]
    pub pad_to_aspect_ratio: bool,
    /// Turn photos as the camera noted (EXIF orientation)
    #[arg(long, hide_short_help = true)]
    pub exif_orientation: bool,
    /// Follow links to folders inside the class folders
    #[arg(long, hide_short_help = true)]
    pub follow_links: bool,
    /// Fail on a broken photo instead of leaving it out
    #[arg(long)]
    pub strict: bool,
    /// Memory for decoded photos in MiB; past it they are decoded in each epoch [default: a quarter of the machine's]
    #[arg(long, value_name = "MIB", hide_short_help = true)]
    pub memory_budget: Option<usize>,
}

/// Loss, accuracy and a table of the classes for a folder of labelled photos
#[derive(Debug, Args)]
pub struct Evaluate {
    /// The model: a .petal file or the folder of a run
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The folder of photos, one sub-folder a class
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Photos at a time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    pub batch_size: usize,
    /// Fail on a broken photo instead of leaving it out
    #[arg(long)]
    pub strict: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The classes of photos, with probabilities
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal predict runs/flower_photos-1 tulip.jpg
  petal predict model.petal photos/ --csv > classes.csv
  petal predict model.petal *.jpg --json --top 3")]
pub struct Predict {
    /// The model: a .petal file or the folder of a run
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Photos, or folders of photos at any depth
    #[arg(value_name = "PHOTO", required = true)]
    pub photos: Vec<PathBuf>,
    /// Show this many classes of each photo
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub top: usize,
    /// Print JSON, one object a line, with the probabilities of all classes
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV, one line a photo, with the probabilities of all classes
    #[arg(long)]
    pub csv: bool,
    /// Fail on a broken photo instead of leaving it out
    #[arg(long)]
    pub strict: bool,
}

/// A model's layers, shapes and parameters
#[derive(Debug, Args)]
pub struct Summary {
    /// A .petal file, the folder of a run, or the name of a network: cnn, cnn-regularized
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Show the layers of nested models
    #[arg(long)]
    pub expand_nested: bool,
    /// Show which layers train
    #[arg(long)]
    pub show_trainable: bool,
    /// The image size of a network by name: 180, or HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", default_value = "180", value_parser = image_size)]
    pub image_size: (usize, usize),
    /// The number of classes of a network by name
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub classes: usize,
}

/// Pictures of a folder of photos: nine photos with their classes, and one photo's augmentations; or of one photo
///
/// Of one photo it prints format, size, colours and EXIF orientation, and writes a picture of its pixels.
#[derive(Debug, Args)]
pub struct Show {
    /// A photo, or a folder of photos, one sub-folder a class [default: sample photos]
    #[arg(value_name = "PHOTO|DIR")]
    pub path: Option<PathBuf>,
    /// Where to write photos.png and augmentations.png, or photo.png
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Write SVG instead of PNG
    #[arg(long)]
    pub svg: bool,
    /// Decides which photos and which augmentations
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u32,
    /// The size to which photos are shrunk: 180, or HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", default_value = "180", value_parser = image_size)]
    pub image_size: (usize, usize),
}

/// Download the lecture's photos of flowers, or any file
///
/// What is downloaded lies where Keras has it: in ~/.keras/datasets, or below $KERAS_HOME. It is there whole or not at
/// all, and what is there already is not downloaded again. Prints where it is.
///
/// Wherever a command takes a folder of photos, the word flower_photos means what was downloaded, if there is no such
/// folder here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal download flower_photos                     3,670 photos of five kinds of flowers, 218 MB
  petal download https://example.org/birds.zip --extract")]
pub struct Download {
    /// flower_photos, or the address of a file
    #[arg(value_name = "flower_photos|URL")]
    pub what: String,
    /// Unpack the archive (.tar, .tar.gz, .tgz or .zip) and print the folder
    #[arg(long)]
    pub extract: bool,
    /// The SHA-256 or MD5 that the file must have
    #[arg(long, value_name = "HEX")]
    pub hash: Option<String>,
    /// The name of the file, or of the unpacked folder [default: the address's last part]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where to put it instead of Keras' folder
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// Draw sample photos: five classes of flowers
#[derive(Debug, Args)]
pub struct SampleData {
    /// Where to write; the folder must be new or empty
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Photos of each class
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = at_least_one)]
    pub per_class: usize,
    /// The same seed draws the same photos
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number of at least 1".into()),
    }
}

fn positive(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0, like 0.001 or 1e-4".into()),
    }
}

fn image_size(text: &str) -> Result<(usize, usize), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=4096).contains(side));
    let size = match text.split_once(['x', '×']) {
        Some((height, width)) => side(height).zip(side(width)),
        None => side(text).map(|side| (side, side)),
    };
    size.ok_or_else(|| "expected pixels, 1 to 4096: 180, or HEIGHTxWIDTH like 180x240".into())
}

/// Reads a word as serde does, so that the choices are those of the library.
fn word<T: serde::de::DeserializeOwned>(text: &str, choices: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| format!("expected one of {choices}"))
}

fn interpolation(text: &str) -> Result<petal::data::Interpolation, String> {
    word(text, "nearest, bilinear, bicubic, area, lanczos3, lanczos5, gaussian, mitchellcubic")
}

fn color_mode(text: &str) -> Result<petal::data::ColorMode, String> {
    word(text, "rgb, grayscale, rgba")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_square_or_height_by_width() {
        assert_eq!(image_size("180"), Ok((180, 180)));
        assert_eq!(image_size("180x240"), Ok((180, 240)));
        for wrong in ["0", "180x", "x", "-3", "180x0", "99999"] {
            assert!(image_size(wrong).is_err(), "{wrong}");
        }
    }
}
