use std::path::PathBuf;

use clap::Args;

use super::Unsaid;

/// Make a model that computes with 8-bit numbers: a quarter of the size, and several times faster
///
/// What range the model's numbers have is measured on 100 photos, and what it costs in accuracy on others: of a run on
/// its own training and validation photos. The file is a model as any other, to predict, evaluate, serve and export.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal quantize runs/flower_photos-1
  petal predict runs/flower_photos-1/model-int8.petal photo.jpg
  petal quantize model.keras flower_photos -o flowers-int8.petal")]
pub struct Quantize {
    /// The model: the folder of a run, a .petal file, or a .keras or .h5 file of Keras
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Photos like those that the model is for, one sub-folder a class [default: those of the run]
    #[arg(value_name = "PHOTOS")]
    pub photos: Option<PathBuf>,
    /// The file [default: beside the model, with -int8 in its name]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub unsaid: Unsaid,
}
