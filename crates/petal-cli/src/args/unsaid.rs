use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::values::{image_size, interpolation};

/// What a model of Keras doesn't say of the photos that it takes and of the classes that it gives.
#[derive(Debug, Args)]
#[command(next_help_heading = "For models of Keras, whose files don't say it")]
pub struct Unsaid {
    /// The classes in the order of the outputs: a,b,c, or a file with a name a line (labels.txt) or as JSON
    /// [default: class 0, class 1 …; ImageNet's where there are 1,000]
    #[arg(long, value_name = "NAMES|FILE")]
    pub class_names: Option<Names>,
    /// The size to which photos are shrunk, where the model takes any: 180, or HEIGHTxWIDTH
    #[arg(long, value_name = "SIZE", value_parser = image_size)]
    pub image_size: Option<(usize, usize)>,
    /// What the model expects of pixels, where it doesn't rescale them itself [default: 0 to 255]
    #[arg(long, value_enum, value_name = "MODE")]
    pub preprocess_input: Option<PreprocessInput>,
    /// How pixels are weighed when photos are shrunk [default: bilinear]
    #[arg(long, value_name = "RULE", value_parser = interpolation, hide_short_help = true)]
    pub interpolation: Option<petal::data::Interpolation>,
    /// Cut photos to the right proportions instead of stretching them
    #[arg(long, hide_short_help = true)]
    pub crop_to_aspect_ratio: bool,
    /// Add black bars instead of stretching photos
    #[arg(long, conflicts_with = "crop_to_aspect_ratio", hide_short_help = true)]
    pub pad_to_aspect_ratio: bool,
}

impl Unsaid {
    /// Whether any of the options was given.
    pub fn is_given(&self) -> bool {
        self.class_names.is_some() || self.preprocessing_option().is_some()
    }

    /// The first of the options that was given and says how photos become the model's input.
    pub fn preprocessing_option(&self) -> Option<&'static str> {
        let given = [
            (self.image_size.is_some(), "--image-size"),
            (self.preprocess_input.is_some(), "--preprocess-input"),
            (self.interpolation.is_some(), "--interpolation"),
            (self.crop_to_aspect_ratio, "--crop-to-aspect-ratio"),
            (self.pad_to_aspect_ratio, "--pad-to-aspect-ratio"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, name)| name)
    }
}

/// Class names, or the file that they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    List(Vec<String>),
    File(PathBuf),
}

impl FromStr for Names {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        if path.exists() {
            return Ok(Names::File(path));
        }
        if !text.contains(',') {
            return Err("there is no such file; expected one, or names like daisy,roses,tulips".into());
        }
        Ok(Names::List(text.split(',').map(|name| name.trim().to_owned()).collect()))
    }
}

/// What a model expects of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreprocessInput {
    /// 0 to 1
    Unit,
    /// -1 to 1: MobileNet, Inception, Teachable Machine
    Tf,
    /// BGR minus ImageNet's means: ResNet, VGG
    Caffe,
    /// 0 to 1, by ImageNet's means and deviations: DenseNet, PyTorch
    Torch,
}
