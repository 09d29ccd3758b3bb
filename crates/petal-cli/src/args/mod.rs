//! What can be typed: one struct a command.

mod clean;
mod compare;
mod effect;
mod export;
mod lecture;
mod models;
mod quantize;
#[cfg(feature = "serve")]
mod serve;
mod sets;
mod train;
mod unsaid;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use petal::applications::{Architecture, Augmentation};

pub use clean::Clean;
pub use compare::Compare;
pub use export::{Export, Format};
pub use lecture::Lecture;
pub use models::Models;
pub use quantize::Quantize;
#[cfg(feature = "serve")]
pub use serve::Serve;
pub use sets::{Labels, Sets};
pub use train::Train;
pub use unsaid::{Names, PreprocessInput, Unsaid};
pub use values::{Pretrained, aspect_ratio};

use effect::Typed;
use values::{MOST, at_least_one, augmentation, image_size, share};

/// Train image classifiers from a folder of photos.
///
/// A folder of photos has one sub-folder for each class: flowers/daisy/1.jpg, flowers/roses/2.jpg …
/// Begin with `petal train FOLDER`, or with `petal train` alone to see it work on sample photos.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Number of threads, up to 4 for each core [default: all cores]. Results don't depend on it
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one::<{ usize::MAX }>, hide_short_help = true)]
    pub threads: Option<usize>,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What was typed: these words, the command's own name first.
    ///
    /// # Errors
    /// If it cannot be understood, an option has no effect, or it asks for help.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> clap::error::Result<Self> {
        let mut command = Cli::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        if let Some((name, matches)) = matches.subcommand()
            && let Some(command) = command.find_subcommand_mut(name)
            && let Some(problem) = effect::missing(&cli.command, &Typed { command, matches })
        {
            return Err(command.error(ErrorKind::ArgumentConflict, problem));
        }
        Ok(cli)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Train(Box<Train>),
    Lecture(Lecture),
    Models(Models),
    Clean(Clean),
    Evaluate(Evaluate),
    Compare(Compare),
    Predict(Predict),
    Summary(Summary),
    Explain(Explain),
    Export(Export),
    Quantize(Quantize),
    #[cfg(feature = "serve")]
    Serve(Serve),
    Show(Show),
    Download(Download),
    SampleData(SampleData),
}

/// How good a model is on a folder of labelled photos: loss, accuracy, a table of the classes, and a page of all
///
/// The page, evaluation.html, has the confusion matrix, how far probabilities are right, ROC and precision–recall
/// curves, and the mistakes with their photos besides.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// The model: a .petal file, the folder of a run, or a .keras or .h5 file of Keras
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The folder of photos, one sub-folder a class; of one that holds train, val and test, test is taken
    #[arg(value_name = "DIR", required_unless_present = "labels")]
    pub directory: Option<PathBuf>,
    #[command(flatten)]
    pub labels: Labels,
    /// Where to write evaluation.html [default: the run's folder, or the present one]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Photos at a time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one::<MOST>)]
    pub batch_size: usize,
    /// Follow links to folders inside the class folders
    #[arg(long, hide_short_help = true)]
    pub follow_links: bool,
    /// Fail on a broken photo, and on whatever else is doubtful about the photos, instead of going on with a warning
    #[arg(long)]
    pub strict: bool,
    /// Measure what `petal predict --unknown` would do: it answers `unknown` where a photo looks like none of the
    /// classes, so seldom that this share of photos that are of one keep their class, like 0.95
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub unknown: Option<f64>,
    /// Take the mean over N views of each photo, 1 to 12, which is often a little more right and takes N times as long:
    /// itself, its mirror image, and parts of nine tenths
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one::<12>)]
    pub tta: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub trace: Trace,
    #[command(flatten)]
    pub unsaid: Unsaid,
}

/// Where the time of a command without a folder of its own goes.
#[derive(Debug, Args)]
pub struct Trace {
    /// Say at the end where the time went, step by step, and write a trace, which ui.perfetto.dev and chrome://tracing
    /// show
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "trace.json",
        hide_short_help = true
    )]
    pub profile: Option<PathBuf>,
}

/// The classes of photos, with probabilities
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal predict runs/flower_photos-1 tulip.jpg
  petal predict model.petal photos/ --csv > classes.csv
  petal predict model.petal *.jpg --json --top 3
  petal predict keras_model.h5 photos/ --class-names labels.txt --preprocess-input tf")]
pub struct Predict {
    /// The model: a .petal file, the folder of a run, or a .keras or .h5 file of Keras
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Photos, or folders of photos at any depth
    #[arg(value_name = "PHOTO", required = true)]
    pub photos: Vec<PathBuf>,
    /// Show this many classes of each photo
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one::<MOST>)]
    pub top: usize,
    /// Answer `unknown` where a photo looks like none of the classes, so seldom that this share of photos that are of
    /// one keep their class, like 0.95
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub unknown: Option<f64>,
    /// Take the mean over N views of each photo, 1 to 12, which is often a little more right and takes N times as long:
    /// itself, its mirror image, and parts of nine tenths
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one::<12>)]
    pub tta: usize,
    /// Print JSON, one object a line, with the probabilities of all classes
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV, one line a photo, with the probabilities of all classes
    #[arg(long)]
    pub csv: bool,
    /// Follow links to folders inside the class folders
    #[arg(long, hide_short_help = true)]
    pub follow_links: bool,
    /// Fail on a broken photo, and on whatever else is doubtful about the photos, instead of going on with a warning
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub trace: Trace,
    #[command(flatten)]
    pub unsaid: Unsaid,
}

/// A model's layers, shapes and parameters
#[derive(Debug, Args)]
pub struct Summary {
    /// A .petal file, the folder of a run, a .keras or .h5 file of Keras, or the name of a network: cnn,
    /// cnn-regularized, mobilenet-v2 …
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Show the layers of nested models
    #[arg(long)]
    pub expand_nested: bool,
    /// Show which layers train
    #[arg(long)]
    pub show_trainable: bool,
    /// Show the operations that the model is computed by instead, with the shapes of all values
    #[arg(
        long,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "infer",
        conflicts_with_all = ["expand_nested", "show_trainable"]
    )]
    pub program: Option<ProgramMode>,
    /// The image size of a network by name [default: 180], or of a model that takes any: 180, or HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", value_parser = image_size)]
    pub image_size: Option<(usize, usize)>,
    /// The number of classes of a network by name [default: 5]
    #[arg(long, value_name = "N", value_parser = at_least_one::<MOST>)]
    pub classes: Option<usize>,
}

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgramMode {
    /// Prediction
    Infer,
    /// Prediction with augmentation
    Augment,
    /// Training
    Train,
}

impl Summary {
    /// Whether MODEL is the name of a network and no file.
    pub fn names_network(&self) -> bool {
        self.model.parse::<Architecture>().is_ok() && !Path::new(&self.model).exists()
    }
}

/// What a model looks at in a photo: a picture with a heat map (Grad-CAM)
///
/// Prints the class and its probability, and where the picture is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal explain runs/flower_photos-1 tulip.jpg
  petal explain model.petal tulip.jpg --class roses -o why-roses.png")]
pub struct Explain {
    /// The model: a .petal file, the folder of a run, or a .keras or .h5 file of Keras
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The photo
    #[arg(value_name = "PHOTO")]
    pub photo: PathBuf,
    /// Explain this class [default: the most probable one]
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// Look at the output of this layer, like conv2d_2, or mobilenetv2_1.00_224/out_relu for one of a nested model
    /// [default: the last one whose output is an image]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// The picture's file, .png or .svg
    #[arg(long, short, value_name = "FILE", default_value = "explanation.png")]
    pub output: PathBuf,
    #[command(flatten)]
    pub unsaid: Unsaid,
}

/// Pictures of a folder of photos: nine photos with their classes, and one photo's augmentations; or of one photo
///
/// Of one photo it prints format, size, colours and EXIF orientation, and writes a picture of its pixels.
#[derive(Debug, Args)]
pub struct Show {
    /// A photo, or a folder of photos, one sub-folder a class [default: sample photos]
    #[arg(value_name = "PHOTO|DIR")]
    pub path: Option<PathBuf>,
    #[command(flatten)]
    pub labels: Labels,
    /// Where to write photos.png and augmentations.png, or photo.png
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Write SVG instead of PNG
    #[arg(long)]
    pub svg: bool,
    /// The augmentations that one photo is shown with: none, light, strong, or a TOML file that names layers,
    /// [RandomFlip] for example, with their settings
    #[arg(long, value_name = "none|light|strong|FILE", value_parser = augmentation, default_value = "light")]
    pub augment: Augmentation,
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
/// all, and what is there already is not downloaded again. After an interruption, what came is in NAME.part, and the same
/// command goes on from there. Prints where it is.
///
/// An archive is unpacked if its checksums are right and it does no harm: no links, nothing outside of its folder, no
/// more than 100 times its own size.
///
/// Wherever a command takes a folder of photos, the word flower_photos means what was downloaded, if there is no such
/// folder here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal download flower_photos                     3,670 photos of five kinds of flowers, 229 MB
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
    /// The most that is downloaded, in millions of bytes [default: what the server says and the disk has room for; 8000
    /// where the server doesn't say]
    #[arg(long, value_name = "MB", value_parser = at_least_one::<{ u32::MAX as usize }>)]
    pub max_size: Option<usize>,
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
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = at_least_one::<MOST>)]
    pub per_class: usize,
    /// The same seed draws the same photos
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
