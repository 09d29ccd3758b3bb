use std::path::PathBuf;

use clap::Args;

use super::Pretrained;

/// What is wrong with a folder of photos: copies, wrong labels, outliers, blurred, dark and tiny ones, on a page
///
/// Nothing is moved until the page's list is given back with --apply.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal clean flower_photos
  petal clean flower_photos --apply petal-clean.json
  petal clean flower_photos --undo")]
pub struct Clean {
    /// The folder of photos: one sub-folder a class, or train, val and test with these in them
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// The page's file
    #[arg(long, short, value_name = "FILE", default_value = "clean.html", conflicts_with_all = ["apply", "undo"])]
    pub output: PathBuf,
    /// The weights of MobileNetV2, by which labels, outliers and classes are judged: imagenet, none, or a file that Keras
    /// wrote
    #[arg(long, value_name = "WEIGHTS", default_value = "imagenet", conflicts_with_all = ["apply", "undo"])]
    pub weights: Pretrained,
    /// Write what models that haven't seen a photo take it for, as CSV: file, class, and a column a class
    #[arg(long, value_name = "FILE", conflicts_with_all = ["apply", "undo"])]
    pub probabilities: Option<PathBuf>,
    /// Write the features of all photos, in the order of --probabilities, as .npy for NumPy
    #[arg(long, value_name = "FILE", conflicts_with_all = ["apply", "undo"])]
    pub features: Option<PathBuf>,
    /// Move the photos that this list names, which the page has saved, to DIR-set-aside beside the folder
    #[arg(long, value_name = "FILE", conflicts_with = "undo")]
    pub apply: Option<PathBuf>,
    /// Move all photos back that were set aside
    #[arg(long)]
    pub undo: bool,
}
