use std::path::PathBuf;

use clap::Args;
use petal::program::DTypePolicy;

use super::Sets;
use super::values::{Phases, Pretrained, phases, precision, scale};

/// The whole lecture in one command: four networks on one folder of photos, and one report
///
/// 1 a CNN, which overfits; 2 the same with augmentation, dropout and early stopping; 3 transfer learning: MobileNetV2,
/// trained on ImageNet, with a new last layer; 4 its fine-tuning from layer 100 on. All see the same photos: 180 × 180
/// pixels, 80 % for training and 20 % for validation. Where the folder holds train, val and test, these are taken, and
/// the network that is best in validation is tested.
///
/// Each phase's model and history, and a report that compares them, are written into one folder. Ctrl-C ends after the
/// current step; what has been done is saved and reported. `petal lecture --resume FOLDER` goes on with the phase and
/// the epoch that it was at, also after a crash or a power cut.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal lecture                                    on sample photos
  petal download flower_photos && petal lecture flower_photos
  petal lecture flower_photos --phases 1,2         without transfer learning
  petal lecture flower_photos --epochs-scale 0.2   a fifth of the epochs: a first look")]
pub struct Lecture {
    /// The folder of photos, one sub-folder a class [default: sample photos]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    #[command(flatten)]
    pub sets: Sets,
    /// Multiplies the number of epochs of each phase; each has at least one
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = scale)]
    pub epochs_scale: f32,
    /// The phases to run: 1,2,3,4 or a range like 1-3. Fine-tuning, 4, goes on from 3
    #[arg(long, value_name = "LIST", default_value = "1-4", value_parser = phases)]
    pub phases: Phases,
    /// Decides the first weights and the augmentations
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u32,
    /// The weights of MobileNetV2: imagenet, none, or a file that Keras wrote
    #[arg(long, value_name = "imagenet|none|FILE", default_value = "imagenet")]
    pub weights: Pretrained,
    /// The numbers that are multiplied: float32, or mixed_bfloat16, which is faster on processors with AVX512-BF16
    #[arg(long, value_name = "POLICY", default_value_t, value_parser = precision)]
    pub precision: DTypePolicy,
    /// Where to write [default: runs/lecture-NAME-1, -2, …]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Go on with this lecture; its settings hold
    #[arg(long, value_name = "FOLDER")]
    pub resume: Option<PathBuf>,
    /// Say after each phase where its time went, step by step, and write a trace of it, which ui.perfetto.dev and
    /// chrome://tracing show
    #[arg(long, hide_short_help = true)]
    pub profile: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
}
