//! A training run's settings, complete and checked.

use petal::applications::Architecture;
use petal::data::Preprocessing;
use petal::model::Model;
use petal::program::DTypePolicy;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::args::{Pretrained, Train, aspect_ratio};
use crate::data::DataSettings;
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
    pub model: Architecture,
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
    pub fine_tuning: Option<FineTuning>,
    /// Epochs without improvement before training ends; none for never.
    pub early_stopping: Option<usize>,
    pub balance_classes: bool,
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
    pub learning_rate: f32,
}

impl Settings {
    /// The settings that these arguments ask for.
    ///
    /// # Errors
    /// Those of [`Sets::new`].
    pub fn new(args: &Train) -> Result<Self, Failure> {
        let regularized = args.model == Architecture::CnnRegularized;
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
            model: args.model,
            weights: args.weights.absolute()?,
            precision: args.precision,
            fit_head: args.fit_head,
            epochs: match args.epochs {
                Some(epochs) => epochs,
                None if args.fit_head => 1,
                None if regularized => 15,
                None => 10,
            },
            learning_rate: args.learning_rate,
            fine_tuning: args.fine_tune_at.map(|at| FineTuning {
                at,
                epochs: args.fine_tune_epochs.unwrap_or(10),
                learning_rate: args.fine_tune_learning_rate,
            }),
            early_stopping: match args.early_stopping {
                Some(0) => None,
                Some(patience) => Some(patience),
                None => regularized.then_some(5),
            },
            balance_classes: args.balance_classes,
        })
    }

    /// The model before training.
    ///
    /// # Errors
    /// If the photos' size is too small for it, or its weights cannot be had.
    pub fn build(&self) -> petal::Result<Model> {
        let (image, classes) = (self.data.preprocessing.shape(), self.class_names.len());
        let mut model =
            self.model.build(image, classes, &(&self.weights).into(), u64::from(self.data.seed))?;
        model.set_dtype_policy(self.precision);
        Ok(model)
    }

    /// The settings as a table for the report.
    pub fn rows(&self) -> Vec<(String, String)> {
        let mut rows = self.data.rows();
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
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
        if self.precision != DTypePolicy::default() {
            row("Precision", self.precision.to_string());
        }
        if self.fit_head {
            row("Last layer", "logistic regression on the features of all training photos".into());
        } else {
            row("Epochs", self.epochs.to_string());
            row("Optimizer", format!("Adam, learning rate {}", self.learning_rate));
        }
        if let Some(FineTuning { at, epochs, learning_rate }) = self.fine_tuning {
            row(
                "Fine-tuning",
                format!("from layer {at} on, {epochs} epochs, RMSprop, learning rate {learning_rate:e}"),
            );
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
