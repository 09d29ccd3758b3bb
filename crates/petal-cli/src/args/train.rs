use std::path::PathBuf;

use clap::Args;
use petal::applications::{Architecture, Augmentation};
use petal::program::DTypePolicy;

use super::Sets;
use super::values::{
    MOST, Pretrained, architecture, at_least_one, at_least_two, augmentation, color_mode, factor, image_size,
    interpolation, positive, precision, share, share_of_average, smoothing, time, up_to,
};
use crate::optimization::{Algorithm, Scale, Schedule};

/// Train a classifier on a folder of photos
///
/// Splits the photos, trains, and writes one folder with the model, its curves, its history and a report to open in
/// the browser. Without a folder, sample photos of flowers are drawn and used. A folder that holds train and val, perhaps
/// test, with the class folders in each, is split already.
///
/// Without --model the recipe is chosen: MobileNetV2, which knows the photos of ImageNet, gets its new last layer at once,
/// by regression on features that are computed once, and is then fine-tuned from layer 100 on in one cycle of the learning
/// rate. Each part is an option: --fit-head, --fine-tune-at, --fine-tune-optimizer adam, --schedule one-cycle. Where its
/// weights cannot be had, the lecture's CNN with augmentation and dropout is trained instead.
///
/// With --model mobilenet-v2 the network knows photos already: it was trained on the 1.3 million of ImageNet. First only
/// a new last layer is trained (feature extraction); with --fine-tune-at N the layers from number N on are trained
/// after that, gently, for another 10 epochs (fine-tuning). The weights are downloaded at the first use.
///
/// Ctrl-C ends after the current step; what has been learned is saved. After a crash or a power cut,
/// `petal train --resume RUN` goes on from the last finished epoch, and ends with the very model of a run that was never
/// interrupted. It also trains further epochs of a run that has ended, if --epochs is larger than before: for that the
/// run keeps checkpoint.petal and, with early stopping, best.petal, which may be deleted where that isn't wanted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal train                                      see it work on sample photos
  petal train flower_photos                        the best classifier in a minute or few
  petal train flower_photos --time 5m              what can be had in five minutes
  petal train flower_photos --model cnn            the lecture's first network
  petal train flower_photos --model cnn-regularized --epochs 30
  petal train flower_photos --model mobilenet-v2   the lecture's transfer learning
  petal train flower_photos --model mobilenet-v2 --fine-tune-at 100
  petal train flower_photos --model mobilenet-v2 --fit-head   the new last layer at once, in one pass
  petal train photos                               photos/train, photos/val and photos/test, where there are such
  petal train a/ --validation b/ --test c/         with other folders for validation and a last test
  petal train --resume runs/flower_photos-1        go on after an interruption
  petal train --resume runs/flower_photos-1 --epochs 20")]
pub struct Train {
    /// The folder of photos, one sub-folder a class [default: sample photos]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The network, trained as the options below say: cnn, which overfits small folders; cnn-regularized, the same with
    /// augmentation, dropout and early stopping; or for transfer learning mobilenet-v2, efficientnet-v2-b0, resnet50 or
    /// any other that `petal models` lists [default: the best recipe]
    #[arg(long, value_name = "NETWORK", value_parser = architecture())]
    pub model: Option<Architecture>,
    /// The last epoch's number, before fine-tuning; without --model, all epochs
    /// [default: 10, for cnn-regularized 15; without --model by the number of photos]
    #[arg(long, value_name = "N", value_parser = at_least_one::<MOST>)]
    pub epochs: Option<usize>,
    /// The weights that a network for transfer learning begins with: imagenet, none, or a file that Keras wrote
    #[arg(long, value_name = "imagenet|none|FILE", default_value = "imagenet")]
    pub weights: Pretrained,
    /// Find the new last layer of a network for transfer learning at once, by logistic regression with the penalty that
    /// does best in cross-validation, instead of by --epochs: each photo goes through the network a single time
    #[arg(long, conflicts_with_all = ["epochs", "learning_rate"])]
    pub fit_head: bool,
    /// Then fine-tune: train the base's layers from this number on, too. 100 is a good begin for mobilenet-v2
    #[arg(long, value_name = "LAYER", value_parser = up_to::<MOST>)]
    pub fine_tune_at: Option<usize>,
    /// The epochs of fine-tuning [default: 10]
    #[arg(long, value_name = "N", value_parser = at_least_one::<MOST>)]
    pub fine_tune_epochs: Option<usize>,
    /// The step size in fine-tuning, the highest where it changes [default: 1e-5; without --model 1e-3]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    pub fine_tune_learning_rate: Option<f32>,
    /// What moves the weights in fine-tuning [default: rmsprop; without --model adam]
    #[arg(long, value_name = "OPTIMIZER", value_enum)]
    pub fine_tune_optimizer: Option<Algorithm>,
    /// The step size of Adam, the highest where it changes [default: 1e-3]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    pub learning_rate: Option<f32>,
    /// How training photos are changed at random: none, light (the lecture's flips, rotations and zooms), strong, or a
    /// TOML file that names layers, [RandomFlip] for example, with their settings; `petal show --augment` shows it
    /// [default: light, for cnn and without --model none]
    #[arg(long, value_name = "none|light|strong|FILE", value_parser = augmentation)]
    pub augment: Option<Augmentation>,
    /// Then blend each training photo with another one, and their labels: ALPHA 0.2 leaves most photos nearly alone, 1
    /// makes all shares as likely. With --cutmix, each photo gets either
    #[arg(long, value_name = "ALPHA", value_parser = positive)]
    pub mixup: Option<f32>,
    /// Then put a rectangle of another photo into each training photo, and mix their labels by its share; 1 is usual
    #[arg(long, value_name = "ALPHA", value_parser = factor)]
    pub cutmix: Option<f32>,
    /// Teach that a photo is of its class by 1 - X alone, and by X of all classes alike, so that the network is less sure
    /// of itself; 0.1 is usual [default: 0]
    #[arg(long, value_name = "X", value_parser = smoothing)]
    pub label_smoothing: Option<f32>,
    /// How step sizes change within the epochs before fine-tuning, and within those of it
    /// [default: constant; without --model one-cycle]
    #[arg(long, value_name = "SCHEDULE", value_enum)]
    pub schedule: Option<Schedule>,
    /// How step sizes, which are for batches of 32, grow with larger ones. Where they are constant otherwise, they begin
    /// unscaled and grow along a line in the first tenth of the steps
    #[arg(long, value_name = "SCALE", value_enum, default_value_t, hide_short_help = true)]
    pub scale_learning_rate: Scale,
    /// The step size of each layer that trains as a share of that of the layer after it, 0.95 for example
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub layer_decay: Option<f32>,
    /// Move the weights only after so many batches, by the mean of their gradients: a larger batch in less memory
    #[arg(long, value_name = "N", value_parser = at_least_two::<MOST>)]
    pub gradient_accumulation: Option<usize>,
    /// Keep a moving average of the weights, of which this share stays at a step (0.99 for example): it is the model in
    /// the end
    #[arg(long, value_name = "MOMENTUM", value_parser = share_of_average)]
    pub ema: Option<f32>,
    /// Train as long as this allows, reading and the report included: 90s, 5m, 1h. Epochs that don't fit are left out,
    /// which is said
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub time: Option<std::time::Duration>,
    /// Stop when val_accuracy hasn't improved for N epochs, and keep the best weights; 0 turns it off. Fine-tuning
    /// counts by itself
    /// [default: 5 for cnn-regularized, else 0]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST>)]
    pub early_stopping: Option<usize>,
    /// Weigh each class's samples so that rare classes count as much as common ones
    #[arg(long)]
    pub balance_classes: bool,
    /// Decides the split, the order of the photos and the first weights
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u32,
    /// The numbers that are multiplied: float32, or mixed_bfloat16, which is faster on processors with AVX512-BF16
    #[arg(long, value_name = "POLICY", default_value_t, value_parser = precision)]
    pub precision: DTypePolicy,
    #[command(flatten)]
    pub photos: Photos,
    /// The share of the photos that is kept for validation [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "validation")]
    pub validation_split: Option<f64>,
    #[command(flatten)]
    pub sets: Sets,
    /// Where to write [default: runs/NAME-1, -2, …]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Go on with this run; its settings hold, but --epochs and --fine-tune-epochs may be given anew. With DIR (and
    /// --validation, --test): the photos are there now
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Go on although photos were added, removed or changed since the run began
    #[arg(long, requires = "resume")]
    pub accept_changed_data: bool,
    /// Write what TensorBoard shows into this folder while it trains: curves, weights, photos, confusions
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Say at the end where the time went, step by step, and write trace.json into the run's folder, which
    /// ui.perfetto.dev and chrome://tracing show
    #[arg(long, hide_short_help = true)]
    pub profile: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
}

impl Train {
    /// Whether an option asks for fine-tuning, which only a network that knows photos already can have.
    pub fn asks_for_fine_tuning(&self) -> bool {
        self.fine_tune_at.is_some()
            || self.fine_tune_epochs.is_some()
            || self.fine_tune_learning_rate.is_some()
            || self.fine_tune_optimizer.is_some()
    }
}

/// How photos become a model's input.
#[derive(Debug, Args)]
pub struct Photos {
    /// Photos in a training step, of all machines together
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one::<MOST>)]
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
    /// Resize large photos from single pixels of theirs, as Keras does, instead of averaging them while they are decoded
    #[arg(long, hide_short_help = true)]
    pub exact_pixels: bool,
    /// Follow links to folders inside the class folders
    #[arg(long, hide_short_help = true)]
    pub follow_links: bool,
    /// Fail on a broken photo, and on whatever else is doubtful about the photos, instead of going on with a warning
    #[arg(long)]
    pub strict: bool,
    /// Memory for decoded photos in MiB; past it they are decoded in each epoch [default: a quarter of the machine's]
    #[arg(long, value_name = "MIB", hide_short_help = true)]
    pub memory_budget: Option<usize>,
}
