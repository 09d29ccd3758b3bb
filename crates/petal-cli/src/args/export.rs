use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use petal::saving::onnx;

use super::Unsaid;

/// Write a model for others: ONNX, for onnxruntime, OpenVINO and phones, a file of Keras, or a page for the browser
///
/// An ONNX file has the photos' size and the classes' names in it. Keras trains its files on; `petal` opens them, too, and
/// finds names and size. Prints what it takes and gives.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal export runs/flower_photos-1 -o flowers.onnx
  petal export runs/flower_photos-1 -o flowers.onnx --input any-size
  petal export runs/flower_photos-1 -o flowers.onnx --int8 flower_photos
  petal export keras_model.h5 --to onnx --class-names labels.txt --preprocess-input tf
  petal export runs/flower_photos-1 -o flowers.keras
  petal export runs/flower_photos-1 --to web -o site --runtime node_modules/onnxruntime-web/dist")]
pub struct Export {
    /// The model: a .petal file, the folder of a run, or a .keras or .h5 file of Keras
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The format [default: that of the ending of --output, else onnx]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Option<Format>,
    /// The file, or for web the folder [default: beside the model, with the format's ending]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the input's channels are; for ONNX
    #[arg(long, value_enum, value_name = "LAYOUT", default_value = "nhwc")]
    pub layout: Layout,
    /// What photos are given as; for ONNX
    #[arg(long, value_enum, value_name = "INPUT", default_value = "float32")]
    pub input: Input,
    /// Compute with 8-bit numbers, a quarter of the size: what range the model's numbers have is measured on some photos
    /// of this folder, which has one sub-folder a class, and what it costs in accuracy on others; for ONNX
    #[arg(long, value_name = "PHOTOS")]
    pub int8: Option<PathBuf>,
    /// Give what the last softmax or sigmoid is applied to instead of probabilities; for ONNX
    #[arg(long)]
    pub logits: bool,
    /// Where the page's onnxruntime-web is: the folder dist of the npm package, which is copied, or an https:// address;
    /// for web
    #[arg(long, value_name = "DIR|ADDRESS")]
    pub runtime: Option<String>,
    #[command(flatten)]
    pub unsaid: Unsaid,
}

/// What a model can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// ONNX, operator set 17
    Onnx,
    /// Keras 3: the whole model, how it is compiled with it
    Keras,
    /// Keras 3: the weights alone
    WeightsH5,
    /// Keras' older format: the whole model in HDF5
    H5,
    /// A folder with a page that classifies photos in the browser
    Web,
}

impl Format {
    /// The format that files with this path's ending have. A longer ending comes before one that it ends in.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let ends = |format: &Format| format.ending().is_some_and(|ending| name.ends_with(ending));
        Format::value_variants().iter().copied().find(ends)
    }

    /// With the dot; none of a folder.
    pub fn ending(self) -> Option<&'static str> {
        match self {
            Format::Onnx => Some(".onnx"),
            Format::Keras => Some(".keras"),
            Format::WeightsH5 => Some(".weights.h5"),
            Format::H5 => Some(".h5"),
            Format::Web => None,
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

impl Export {
    /// The first given option that is for ONNX alone.
    pub fn onnx_option(&self) -> Option<&'static str> {
        let given = [
            ("--layout", self.layout != Layout::Nhwc),
            ("--input", self.input != Input::Float32),
            ("--logits", self.logits),
            ("--int8", self.int8.is_some()),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }
}
