//! The lecture's four phases with its settings.

use petal::applications::{Application, Architecture, fine_tune_at};
use petal::model::Model;
use petal::report::LecturePhase;
use petal::training::callbacks::EarlyStopping;
use petal::training::{Adam, Fit, Optimizer, RMSprop, SparseCategoricalCrossentropy};

use super::Lecture;
use super::settings::LectureSettings;
use crate::Failure;
use crate::checkpoint::{Checkpoint, Files};
use crate::progress::Progress;

/// A network of the lecture and how it is trained.
pub struct Phase {
    pub name: &'static str,
    /// How its files are called, without the number.
    pub file: &'static str,
    pub about: &'static str,
    network: Network,
    epochs: usize,
    learning_rate: f32,
    /// Early stopping's patience, if it is on.
    patience: Option<usize>,
}

enum Network {
    New(Architecture),
    /// The network of the phase before, its base trained from this layer on.
    FineTuned(usize),
}

pub const PHASES: [Phase; 4] = [
    Phase {
        name: "CNN",
        file: "cnn",
        about: "Three convolutions with max pooling, and two dense layers, learn from nothing but these photos. Where \
                the training accuracy goes on to rise and the validation accuracy does not, the network learns its \
                photos by heart: it overfits.",
        network: Network::New(Architecture::Cnn),
        epochs: 10,
        learning_rate: 1e-3,
        patience: None,
    },
    Phase {
        name: "CNN, regularized",
        file: "cnn-regularized",
        about: "The same network with three remedies: augmentation shows each photo a little differently in every \
                epoch, dropout takes a fifth of the features away at random, and early stopping ends when the \
                validation accuracy has not improved for 5 epochs, and goes back to the best weights.",
        network: Network::New(Architecture::CnnRegularized),
        epochs: 15,
        learning_rate: 1e-3,
        patience: Some(5),
    },
    Phase {
        name: "Feature extraction",
        file: "feature-extraction",
        about: "Transfer learning: MobileNetV2, trained on the 1.3 million photos of ImageNet, knows edges, textures and \
                shapes already. It stays as it is, frozen; only a new last layer learns which of its features make \
                which class.",
        network: Network::New(Architecture::Transfer(Application::MobileNetV2)),
        epochs: 10,
        learning_rate: 1e-4,
        patience: None,
    },
    Phase {
        name: "Fine-tuning",
        file: "fine-tuning",
        about: "The same network, whose upper layers, from number 100 on, now learn too, in steps ten times smaller, so \
                that they adapt to these photos without forgetting what they know. BatchNormalization keeps its \
                statistics.",
        network: Network::FineTuned(100),
        epochs: 10,
        learning_rate: 1e-5,
        patience: None,
    },
];

impl Phase {
    /// The model before its first epoch; none if the phase before, which it goes on from, is not there.
    ///
    /// # Errors
    /// If the model's weights cannot be had.
    pub fn begin(
        &self,
        settings: &LectureSettings,
        before: Option<&LecturePhase>,
    ) -> petal::Result<Option<Model>> {
        let mut model = match self.network {
            Network::New(architecture) => {
                let LectureSettings { data, class_names, weights, weights_seed, precision, .. } = settings;
                let (image, classes) = (data.preprocessing.shape(), class_names.len());
                let seed = u64::from(*weights_seed);
                let mut model = architecture.build(image, classes, &weights.into(), seed)?;
                model.set_dtype_policy(*precision);
                model.set_class_names(class_names)?;
                model.set_preprocessing(data.preprocessing.clone())?;
                model
            }
            Network::FineTuned(layer) => {
                let Some(before) = before.filter(|phase| phase.file.ends_with("feature-extraction")) else {
                    return Ok(None);
                };
                let mut model = before.model.clone();
                fine_tune_at(&mut model, layer)?;
                model
            }
        };
        model.compile(self.optimizer(), SparseCategoricalCrossentropy::from_logits())?;
        Ok(Some(model))
    }

    /// The phase with the model that it gave.
    pub fn done(&self, file: String, model: Model, epoch_seconds: Vec<f64>) -> LecturePhase {
        LecturePhase { name: self.name.to_owned(), file, about: self.about.to_owned(), model, epoch_seconds }
    }

    fn optimizer(&self) -> Optimizer {
        match self.network {
            Network::New(_) => Adam::new(self.learning_rate).into(),
            Network::FineTuned(_) => RMSprop::new(self.learning_rate).into(),
        }
    }

    /// Trains the model from where it is. Returns how far it is then, and why it ended if Ctrl-C did not come.
    ///
    /// # Errors
    /// If a photo can no longer be read, or a file of the phase cannot be read.
    pub fn train(&self, model: &mut Model, lecture: &mut Lecture, files: Files) -> Result<Progress, Failure> {
        let before = model.history().fine_tuning_starts().unwrap_or(0);
        let so_far = model.history().after(before);
        let fit = Fit::epochs(before + scaled(self.epochs, lecture.settings.epochs_scale))
            .initial_epoch(model.history().next_epoch())
            .validation(&lecture.data.validation)
            .verbose(lecture.verbose);
        let early_stopping = self.patience.map(|patience| {
            let stopping = EarlyStopping::new().monitor("val_accuracy").patience(patience);
            stopping.restore_best_weights(true).verbose(true)
        });
        let mut checkpoint = Checkpoint::new(&mut lecture.folder, files, early_stopping, &so_far)?;
        model.fit(&lecture.data.train, fit.callback(&mut checkpoint).callback(lecture.interrupt))?;
        Ok(checkpoint.progress())
    }

    /// Optimizer and epochs, for the report.
    pub fn training(&self, epochs_scale: f32) -> String {
        let epochs = scaled(self.epochs, epochs_scale);
        let name = match self.network {
            Network::New(_) => "Adam",
            Network::FineTuned(_) => "RMSprop",
        };
        let stop = self.patience.map_or(String::new(), |patience| format!(", patience {patience}"));
        format!("{name} {:e}, {epochs} epoch{}{stop}", self.learning_rate, if epochs == 1 { "" } else { "s" })
    }
}

fn scaled(epochs: usize, scale: f32) -> usize {
    ((epochs as f32 * scale).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn every_phase_has_an_epoch() {
        assert_eq!([scaled(10, 1.0), scaled(15, 0.2), scaled(10, 0.01)], [10, 3, 1]);
    }
}
