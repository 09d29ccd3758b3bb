//! Following a training in TensorBoard while it runs.

mod event_file;

use std::fmt;
use std::path::PathBuf;

use event_file::{EventFile, Summary};

use crate::data::ImageDataset;
use crate::model::Model;
use crate::plot::{Confusion, Figure, confusion_matrix};
use crate::training::{Callback, Logs, Training};
use crate::{Error, Result};

/// Writes what happens in training as TensorBoard reads it: `tensorboard --logdir DIR`.
///
/// As Keras' callback, it writes each epoch's figures as `epoch_loss`, `epoch_accuracy` and so on, those of training into
/// the folder's `train`, those of the validation into its `validation`; `epoch_learning_rate` with the former. Defaults:
/// nothing after each step, no histograms, no pictures. Files of earlier trainings in the folder stay; TensorBoard shows
/// them together, so give each training a folder of its own.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::tensorboard::TensorBoard;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let x = Input::new([2]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(0.01), MeanSquaredError::new())?;
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((4, 2)), ndarray::Array2::ones((4, 1)))?;
/// let tensorboard = TensorBoard::new(folder.join("logs")).histogram_freq(1);
/// model.fit(&data, Fit::epochs(3).callback(tensorboard).verbose(Verbose::Silent))?;
/// assert_eq!(std::fs::read_dir(folder.join("logs/train")).unwrap().count(), 1);
/// # Ok::<(), petal::Error>(())
/// ```
pub struct TensorBoard<'a> {
    log_dir: PathBuf,
    histogram_freq: usize,
    update_freq: Option<usize>,
    figures: Vec<(String, Figure)>,
    confusion_matrix: Option<&'a ImageDataset>,
    train: Option<EventFile>,
    /// Made when there is something from validation.
    validation: Option<EventFile>,
    steps: usize,
}

impl<'a> TensorBoard<'a> {
    /// Writes into this folder, which is made where it is missing.
    pub fn new(log_dir: impl Into<PathBuf>) -> Self {
        TensorBoard {
            log_dir: log_dir.into(),
            histogram_freq: 0,
            update_freq: None,
            figures: Vec::new(),
            confusion_matrix: None,
            train: None,
            validation: None,
            steps: 0,
        }
    }

    /// Writes histograms of all weights after every so many epochs, as `PATH/histogram`; 0, the default, never.
    pub fn histogram_freq(self, epochs: usize) -> Self {
        TensorBoard { histogram_freq: epochs, ..self }
    }

    /// Writes the means of the epoch so far after every so many training steps, too, as `batch_loss` and so on.
    pub fn update_freq(self, steps: usize) -> Self {
        TensorBoard { update_freq: Some(steps), ..self }
    }

    /// Writes a picture when the training begins: of photos, of augmentations.
    pub fn figure(mut self, name: impl Into<String>, figure: Figure) -> Self {
        self.figures.push((name.into(), figure));
        self
    }

    /// Writes the confusion matrix of these photos after each epoch. They are classified for it, which takes as long as
    /// a validation.
    pub fn confusion_matrix(self, photos: &'a ImageDataset) -> Self {
        TensorBoard { confusion_matrix: Some(photos), ..self }
    }

    fn train(&mut self) -> &mut EventFile {
        self.train.as_mut().expect("made when the training begins")
    }
}

impl fmt::Debug for TensorBoard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorBoard").field("log_dir", &self.log_dir).finish_non_exhaustive()
    }
}

impl Callback for TensorBoard<'_> {
    fn on_train_begin(&mut self, _training: &mut Training<'_>) -> Result<()> {
        if self.update_freq == Some(0) {
            return Err(Error::argument("update_freq", 0, "at least 1"));
        }
        let mut file = EventFile::create(&self.log_dir.join("train"))?;
        for (name, figure) in self.figures.drain(..) {
            file.write(0, &[(name, Summary::Image(figure.png()?))])?;
        }
        (self.train, self.validation) = (Some(file), None);
        Ok(())
    }

    fn on_batch_end(&mut self, _step: usize, logs: &Logs, _training: &mut Training<'_>) -> Result<()> {
        self.steps += 1;
        let steps = self.steps;
        match self.update_freq {
            Some(every) if steps.is_multiple_of(every) => {
                self.train().write(steps, &scalars("batch", logs.iter()))
            }
            _ => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        let mut values = scalars("epoch", logs.iter().filter(|(name, _)| !name.starts_with("val_")));
        let rate = f64::from(training.learning_rate());
        if !logs.contains_key("learning_rate") {
            values.push(("epoch_learning_rate".into(), Summary::Scalar(rate as f32)));
        }
        if self.histogram_freq > 0 && epoch.is_multiple_of(self.histogram_freq) {
            for (path, weights) in training.model().weights() {
                let histogram = Summary::histogram(weights.iter().copied());
                values.push((format!("{path}/histogram"), histogram));
            }
        }
        self.train().write(epoch, &values)?;

        let validation = logs.iter().filter_map(|(name, value)| Some((name.strip_prefix("val_")?, value)));
        let mut values = scalars("epoch", validation);
        if let Some(photos) = self.confusion_matrix.filter(|_| !training.is_cut_short()) {
            values.push(("confusion_matrix".into(), confusions(training.model(), photos)?));
        }
        if values.is_empty() {
            return Ok(());
        }
        if self.validation.is_none() {
            self.validation = Some(EventFile::create(&self.log_dir.join("validation"))?);
        }
        self.validation.as_mut().map_or(Ok(()), |file| file.write(epoch, &values))
    }

    fn on_train_end(&mut self, _training: &mut Training<'_>) -> Result<()> {
        (self.train, self.validation) = (None, None);
        Ok(())
    }
}

fn scalars<'a, N: AsRef<str>>(
    prefix: &str,
    logs: impl Iterator<Item = (N, &'a f64)>,
) -> Vec<(String, Summary)> {
    logs.map(|(name, &value)| (format!("{prefix}_{}", name.as_ref()), Summary::Scalar(value as f32)))
        .collect()
}

fn confusions(model: &Model, photos: &ImageDataset) -> Result<Summary> {
    let predicted: Vec<usize> = model.predict_classes(photos)?.iter().map(|answer| answer.class).collect();
    let counts = Confusion::count(photos.labels(), &predicted);
    Ok(Summary::Image(confusion_matrix(&counts, crate::data::Dataset::class_names(photos)).png()?))
}
