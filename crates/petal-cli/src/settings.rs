//! A training run's settings, complete and checked.

use std::time::Duration;

use petal::applications::{Application, Architecture, Augmentation};
use petal::data::{ColorMode, Preprocessing};
use petal::layers::{CutMix, MixUp, MixUpOrCutMix};
use petal::model::Model;
use petal::program::DTypePolicy;
use petal::training::SparseCategoricalCrossentropy;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::args::{Pretrained, Train, aspect_ratio};
use crate::data::DataSettings;
use crate::optimization::{Algorithm, Optimization, Scale, Schedule};
use crate::sets::Sets;

/// What a run was asked to do; written to its folder, so that it can be gone on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Which command goes on with the run.
    #[serde(default = "command")]
    command: String,
    #[serde(flatten)]
    pub data: DataSettings,
    /// The photos' classes.
    pub class_names: Vec<String>,
    /// After which epochs the run went on with other photos than before.
    #[serde(default)]
    pub photos_changed_after: Vec<usize>,
    #[serde(default)]
    pub recipe: Recipe,
    pub model: Architecture,
    /// How training photos are changed; none for the network's own.
    #[serde(default)]
    pub augment: Option<Augmentation>,
    /// What labels give to all classes.
    #[serde(default)]
    pub label_smoothing: f32,
    #[serde(default)]
    pub weights: Pretrained,
    /// The numbers that are multiplied.
    #[serde(default)]
    pub precision: DTypePolicy,
    /// Whether the last layer is found by regression on features, as the one epoch before fine-tuning.
    #[serde(default)]
    pub fit_head: bool,
    /// The last epoch's number, before fine-tuning.
    pub epochs: usize,
    pub learning_rate: f32,
    #[serde(default)]
    pub optimization: Optimization,
    #[serde(default)]
    pub fine_tuning: Option<FineTuning>,
    /// Epochs without improvement before training ends; none for never.
    pub early_stopping: Option<usize>,
    pub balance_classes: bool,
    /// The time for all of it.
    #[serde(default)]
    pub time: Option<Duration>,
}

/// Who has chosen the network and how it is trained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// The user.
    #[default]
    Options,
    /// Petal: the best that it knows.
    Auto,
    /// Petal, which for this reason could not take the best.
    Instead(String),
}

/// The command that has these settings.
pub fn command() -> String {
    "train".into()
}

/// What follows when the new layer is trained.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FineTuning {
    /// The number of the base's first layer that trains.
    pub at: usize,
    /// Its own epochs.
    pub epochs: usize,
    #[serde(default)]
    pub optimizer: Algorithm,
    pub learning_rate: f32,
}

/// The recipe's network, and the layer from which on it is fine-tuned.
const AUTO: (Architecture, usize) = (Architecture::Transfer(Application::MobileNetV2), 100);
/// The recipe's highest learning rate in fine-tuning.
const AUTO_RATE: f32 = 1e-3;

/// Photos that the recipe shows in fine-tuning, unless that is less than 3 epochs or more than 20.
const AUTO_SAMPLES: usize = 5_000;

/// Why the recipe cannot be followed, whether or not there are weights.
fn no_auto(args: &Train) -> Option<&'static str> {
    match args.weights {
        Pretrained::None => Some("--weights none was asked for"),
        _ => unlike_imagenet(args.photos.image_size, args.photos.color_mode),
    }
}

/// Why networks that know ImageNet cannot take such photos.
pub fn unlike_imagenet((height, width): (usize, usize), color_mode: ColorMode) -> Option<&'static str> {
    if color_mode != ColorMode::Rgb {
        Some("networks that know ImageNet take photos in colours, --color-mode rgb")
    } else if height.min(width) < 32 {
        Some("networks that know ImageNet take photos of at least 32 pixels a side")
    } else {
        None
    }
}

/// How training photos are changed, where that isn't as the network has it.
fn augmentation(args: &Train, model: Architecture, auto: bool) -> Option<Augmentation> {
    let chosen = args.augment.clone().or(auto.then_some(Augmentation::None));
    let or_own = |chosen: Option<Augmentation>| chosen.unwrap_or(model.augmentation());
    match (args.mixup, args.cutmix) {
        (None, None) => chosen,
        (Some(alpha), None) => Some(or_own(chosen).with(MixUp::new(alpha))),
        (None, Some(alpha)) => Some(or_own(chosen).with(CutMix::new((alpha, alpha)))),
        (Some(mixup), Some(cutmix)) => Some(or_own(chosen).with(MixUpOrCutMix::new(mixup, cutmix))),
    }
}

impl Settings {
    /// The settings that these arguments ask for.
    ///
    /// # Errors
    /// Those of [`Sets::new`].
    pub fn new(args: &Train) -> Result<Self, Failure> {
        match args.model {
            Some(model) => Settings::with(args, Recipe::Options, model),
            None => match no_auto(args) {
                Some(reason) if args.asks_for_fine_tuning() => {
                    Err(format!("there is no network to fine-tune: {reason}; say one by --model").into())
                }
                Some(reason) => Settings::instead_of_auto(args, reason),
                None => Settings::with(args, Recipe::Auto, AUTO.0),
            },
        }
    }

    /// Those where the recipe cannot be followed.
    ///
    /// # Errors
    /// See [`Settings::new`].
    pub fn instead_of_auto(args: &Train, reason: impl Into<String>) -> Result<Self, Failure> {
        Settings::with(args, Recipe::Instead(reason.into()), Architecture::CnnRegularized)
    }

    fn with(args: &Train, recipe: Recipe, model: Architecture) -> Result<Self, Failure> {
        let auto = recipe == Recipe::Auto;
        let fit_head = args.fit_head || auto;
        let regularized = model == Architecture::CnnRegularized;
        let photos = &args.photos;
        Ok(Settings {
            command: command(),
            class_names: Vec::new(),
            photos_changed_after: Vec::new(),
            data: DataSettings {
                sets: Sets::new(args.directory.as_deref(), &args.sets, args.validation_split)?,
                seed: args.seed,
                batch_size: photos.batch_size,
                preprocessing: Preprocessing {
                    image_size: photos.image_size,
                    color_mode: photos.color_mode,
                    interpolation: photos.interpolation,
                    aspect_ratio: aspect_ratio(photos.crop_to_aspect_ratio, photos.pad_to_aspect_ratio),
                    exif_orientation: photos.exif_orientation,
                    average_large: !photos.exact_pixels,
                },
                follow_links: photos.follow_links,
                strict: photos.strict,
                memory_budget_mib: photos.memory_budget,
            },
            recipe,
            model,
            augment: augmentation(args, model, auto),
            label_smoothing: args.label_smoothing.unwrap_or(0.0),
            weights: args.weights.absolute()?,
            precision: args.precision,
            fit_head,
            epochs: match args.epochs {
                _ if fit_head => 1,
                Some(epochs) => epochs,
                None if regularized => 15,
                None => 10,
            },
            learning_rate: args.learning_rate.unwrap_or(1e-3),
            optimization: Optimization {
                schedule: args.schedule.unwrap_or(if auto { Schedule::OneCycle } else { Schedule::Constant }),
                layer_decay: args.layer_decay,
                gradient_accumulation: args.gradient_accumulation,
                ema: args.ema,
                scale: args.scale_learning_rate,
            },
            fine_tuning: args.fine_tune_at.or(auto.then_some(AUTO.1)).map(|at| FineTuning {
                at,
                epochs: args.fine_tune_epochs.unwrap_or(10),
                optimizer: args.fine_tune_optimizer.unwrap_or(match auto {
                    true => Algorithm::Adam,
                    false => Algorithm::Rmsprop,
                }),
                learning_rate: args
                    .fine_tune_learning_rate
                    .or(args.learning_rate.filter(|_| auto))
                    .unwrap_or(if auto { AUTO_RATE } else { 1e-5 }),
            }),
            early_stopping: match args.early_stopping {
                Some(0) => None,
                Some(patience) => Some(patience),
                // The recipe's last epochs are its best; what this keeps is the best of all.
                None if auto => Some(10),
                None => regularized.then_some(5),
            },
            balance_classes: args.balance_classes,
            time: args.time,
        })
    }

    /// Sets the recipe's epochs, for this many photos to train on, where the arguments don't say them.
    pub fn choose_epochs(&mut self, args: &Train, photos: usize) {
        if self.recipe != Recipe::Auto {
            return;
        }
        let epochs = match (args.fine_tune_epochs, args.epochs) {
            (Some(epochs), _) => epochs,
            (None, Some(all)) => all - 1,
            (None, None) => AUTO_SAMPLES.div_ceil(photos.max(1)).clamp(3, 20),
        };
        if epochs == 0 {
            self.fine_tuning = None;
        } else if let Some(fine_tuning) = &mut self.fine_tuning {
            fine_tuning.epochs = epochs;
        }
    }

    /// The model before training.
    ///
    /// # Errors
    /// If the photos' size is too small for it, or its weights cannot be had.
    pub fn build(&self) -> petal::Result<Model> {
        let (image, classes) = (self.data.preprocessing.shape(), self.class_names.len());
        let augmentation = self.augmentation();
        let (weights, seed) = ((&self.weights).into(), u64::from(self.data.seed));
        let mut model = self.model.build_with(image, classes, &weights, &augmentation, seed)?;
        model.set_dtype_policy(self.precision);
        Ok(model)
    }

    /// How training photos are changed.
    fn augmentation(&self) -> Augmentation {
        self.augment.clone().unwrap_or(self.model.augmentation())
    }

    /// What training makes small.
    pub fn loss(&self) -> SparseCategoricalCrossentropy {
        SparseCategoricalCrossentropy::from_logits().label_smoothing(self.label_smoothing)
    }

    /// The settings as a table for the report.
    pub fn rows(&self) -> Vec<(String, String)> {
        let mut rows = self.data.rows();
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
        match &self.recipe {
            Recipe::Options => {}
            Recipe::Auto => row(
                "Recipe",
                "auto: ImageNet's weights are at hand, so the last layer is found by regression, and upper layers of \
                 the base are trained after that in one cycle of the learning rate"
                    .into(),
            ),
            Recipe::Instead(reason) => {
                row("Recipe", format!("the lecture's CNN with augmentation and dropout, since {reason}"));
            }
        }
        row("Model", self.model.to_string());
        if self.model.is_pretrained() {
            row(
                "First weights",
                match &self.weights {
                    Pretrained::Imagenet => "trained on ImageNet".into(),
                    Pretrained::None => "random".into(),
                    Pretrained::File(file) => file.display().to_string(),
                },
            );
        }
        row("Augmentation", self.augmentation().name().into());
        if self.label_smoothing > 0.0 {
            row("Label smoothing", self.label_smoothing.to_string());
        }
        if self.precision != DTypePolicy::default() {
            row("Precision", self.precision.to_string());
        }
        if self.fit_head {
            row("Last layer", "logistic regression on the features of all training photos".into());
        } else {
            row("Epochs", self.epochs.to_string());
            row("Optimizer", format!("Adam, learning rate {}", self.learning_rate));
        }
        if let Some(FineTuning { at, epochs, optimizer, learning_rate }) = self.fine_tuning {
            row(
                "Fine-tuning",
                format!(
                    "from layer {at} on, {epochs} epochs, {}, learning rate {learning_rate:e}",
                    optimizer.name()
                ),
            );
        }
        let Optimization { schedule, layer_decay, gradient_accumulation, ema, scale } = self.optimization;
        if schedule != Schedule::Constant {
            row("Learning rates", format!("{}; those above are the highest", schedule.name()));
        }
        match scale {
            Scale::None => {}
            Scale::Linear => row("Rates scaled", "by batch size / 32".into()),
            Scale::Sqrt => row("Rates scaled", "by the square root of batch size / 32".into()),
        }
        if let Some(factor) = layer_decay {
            row(
                "Layer decay",
                format!("{factor}: the rate of a layer as a share of that of the layer after it"),
            );
        }
        if let Some(batches) = gradient_accumulation {
            row("Gradients accumulated", format!("over {batches} batches"));
        }
        if let Some(momentum) = ema {
            row("Weights averaged", format!("with momentum {momentum}"));
        }
        if let Some(time) = self.time {
            row("Time", format!("{} s at most", time.as_secs_f64()));
        }
        row(
            "Early stopping",
            match self.early_stopping {
                Some(patience) => format!("after {patience} epochs without a better val_accuracy"),
                None => "off".into(),
            },
        );
        row("Classes balanced", if self.balance_classes { "yes" } else { "no" }.into());
        row("Seed", self.data.seed.to_string());
        for epoch in &self.photos_changed_after {
            row("Other photos", format!("after epoch {epoch}"));
        }
        rows
    }
}
