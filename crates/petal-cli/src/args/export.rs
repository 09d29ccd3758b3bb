use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use petal::saving::onnx;

use super::Unsaid;

/// Write a model for other programs: ONNX, for onnxruntime, OpenVINO and phones
///
/// The file has the photos' size and the classes' names in it. Prints what it takes and gives.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal export runs/flower_photos-1 -o flowers.onnx
  petal export runs/flower_photos-1 -o flowers.onnx --input any-size
  petal export runs/flower_photos-1 -o flowers.onnx --int8 flower_photos
  petal export keras_model.h5 --to onnx --class-names labels.txt --preprocess-input tf")]
pub struct Export {
    /// The model: a .petal file, the folder of a run, or a .keras or .h5 file of Keras
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The format [default: that of the ending of --output, else onnx]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Option<Format>,
    /// The file [default: beside the model, with the format's ending]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the input's channels are
    #[arg(long, value_enum, value_name = "LAYOUT", default_value = "nhwc")]
    pub layout: Layout,
    /// What photos are given as
    #[arg(long, value_enum, value_name = "INPUT", default_value = "float32")]
    pub input: Input,
    /// Compute with 8-bit numbers, a quarter of the size: what range the model's numbers have is measured on some photos
    /// of this folder, which has one sub-folder a class, and what it costs in accuracy on others
    #[arg(long, value_name = "PHOTOS")]
    pub int8: Option<PathBuf>,
    /// Give what the last softmax or sigmoid is applied to instead of probabilities
    #[arg(long)]
    pub logits: bool,
    #[command(flatten)]
    pub unsaid: Unsaid,
}

/// What a model can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// ONNX, operator set 17
    Onnx,
}

impl Format {
    /// The format that files with this path's ending have.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        Format::value_variants().iter().copied().find(|format| name.ends_with(format.ending()))
    }

    /// With the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Onnx => ".onnx",
        }
    }
}

/// Where an input's channels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Last: [batch, height, width, channels]
    Nhwc,
    /// First: [batch, channels, height, width]
    Nchw,
}

impl From<Layout> for onnx::Layout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Nhwc => onnx::Layout::Nhwc,
            Layout::Nchw => onnx::Layout::Nchw,
        }
    }
}

/// What photos are given to an exported model as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Input {
    /// Floats of 0 to 255, at the model's size
    Float32,
    /// Bytes, at the model's size
    Uint8,
    /// Bytes, of any height and width: the exported model resizes them
    AnySize,
}

impl From<Input> for onnx::InputKind {
    fn from(input: Input) -> Self {
        match input {
            Input::Float32 => onnx::InputKind::Float32,
            Input::Uint8 => onnx::InputKind::Uint8,
            Input::AnySize => onnx::InputKind::AnySize,
        }
    }
}
