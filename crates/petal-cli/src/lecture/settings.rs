//! A lecture's settings, complete and checked.

use petal::applications::{Application, Architecture};
use petal::data::Preprocessing;
use petal::program::DTypePolicy;
use serde::{Deserialize, Serialize};

use super::phases::PHASES;
use crate::Failure;
use crate::args::{Lecture, Pretrained};
use crate::data::DataSettings;
use crate::sets::Sets;

/// What a lecture was asked to do; written to its folder, so that it can be gone on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LectureSettings {
    /// Which command goes on with it.
    command: String,
    #[serde(flatten)]
    pub data: DataSettings,
    pub class_names: Vec<String>,
    /// The numbers of the phases.
    pub phases: Vec<usize>,
    pub epochs_scale: f32,
    /// Decides the first weights and the augmentations; the photos have a seed of their own.
    pub weights_seed: u32,
    pub weights: Pretrained,
    /// The numbers that are multiplied.
    #[serde(default)]
    pub precision: DTypePolicy,
}

/// The command that has these settings.
pub fn command() -> String {
    "lecture".into()
}

impl LectureSettings {
    /// The settings that these arguments ask for, not yet with the classes.
    ///
    /// # Errors
    /// Those of [`Sets::new`].
    pub fn new(args: &Lecture) -> Result<Self, Failure> {
        Ok(LectureSettings {
            command: command(),
            data: DataSettings {
                sets: Sets::new(args.directory.as_deref(), &args.sets, None)?,
                seed: 42,
                batch_size: 32,
                preprocessing: Preprocessing::new(180, 180),
                follow_links: false,
                strict: false,
                memory_budget_mib: None,
            },
            class_names: Vec::new(),
            phases: args.phases.0.clone(),
            epochs_scale: args.epochs_scale,
            weights_seed: args.seed,
            weights: args.weights.absolute()?,
            precision: args.precision,
        })
    }

    /// Refuses a file of weights that don't fit, which else would be found out after two phases. Without those of
    /// ImageNet the first phases can still be shown.
    ///
    /// # Errors
    /// If the file cannot be read or is for another network.
    pub fn check_weights(&self) -> petal::Result<()> {
        if self.phases.contains(&3) && matches!(self.weights, Pretrained::File(_)) {
            let (image, classes) = (self.data.preprocessing.shape(), self.class_names.len());
            Architecture::Transfer(Application::MobileNetV2).build(
                image,
                classes,
                &(&self.weights).into(),
                0,
            )?;
        }
        Ok(())
    }

    /// The settings as a table for the report.
    pub fn rows(&self) -> Vec<(String, String)> {
        let mut rows = self.data.rows();
        rows.push(("Seed of the split".into(), self.data.seed.to_string()));
        rows.push(("Seed of the weights".into(), self.weights_seed.to_string()));
        if self.precision != DTypePolicy::default() {
            rows.push(("Precision".into(), self.precision.to_string()));
        }
        rows.push(("Epochs".into(), format!("{} × the lecture's", self.epochs_scale)));
        for (number, phase) in (1..).zip(&PHASES) {
            rows.push((format!("Phase {number}"), phase.training(self.epochs_scale)));
        }
        rows
    }
}
