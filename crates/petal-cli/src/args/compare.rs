use std::path::PathBuf;

use clap::Args;

use super::{Labels, Unsaid};

/// Which of two models is better, on the same photos: a page with both runs' curves and what they differ on
///
/// The page, comparison.html, has a table of metrics with their 95 % intervals and McNemar's exact test, which says
/// whether chance alone would make such a difference. Photos that one of the models was trained on are told: they
/// flatter it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal compare runs/flower_photos-1 runs/flower_photos-2
  petal compare runs/flower_photos-1 runs/flower_photos-1/model-int8.petal new_photos")]
pub struct Compare {
    /// The first model: the folder of a run, a .petal file, or a .keras or .h5 file of Keras
    #[arg(value_name = "FIRST")]
    pub first: PathBuf,
    /// The second
    #[arg(value_name = "SECOND")]
    pub second: PathBuf,
    /// A folder of photos, one sub-folder a class; of one that holds train, val and test, test is taken [default: the
    /// validation photos of the first run]
    #[arg(value_name = "PHOTOS")]
    pub photos: Option<PathBuf>,
    #[command(flatten)]
    pub labels: Labels,
    /// Where to write comparison.html [default: the present folder]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub unsaid: Unsaid,
}
