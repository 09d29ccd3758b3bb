use std::fs;
use std::path::{Path, PathBuf};

use super::{Callback, Logs, Training};
use crate::model::Model;
use crate::{Error, Result};

/// Keeps a backup of the model after each epoch, and goes on with it where a training was interrupted: run the same
/// program again, and it continues after the last whole epoch, with the weights, optimizer state and history of then.
///
/// A training that ends by itself removes its backup. One that is stopped in the middle of an epoch
/// ([`Training::stop_now`], Ctrl-C in `petal train`), or that the power cut ended, leaves it.
///
/// Other callbacks begin anew; where they must not, load the last model and give each its history, as
/// [`callbacks`](super) shows.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::{BackupAndRestore, LambdaCallback};
/// use petal::training::{Adam, Fit, MeanSquaredError, Verbose};
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("backup");
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((4, 2)), ndarray::Array2::ones((4, 1)))?;
/// let train = |stop_in: usize| {
///     let x = Input::new([2]);
///     let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
///     model.compile(Adam::new(0.01), MeanSquaredError::new())?;
///     let stop = LambdaCallback::new().on_epoch_begin(|epoch, training| {
///         if epoch == stop_in { training.stop_now() }
///         Ok(())
///     });
///     let fit = Fit::epochs(5).callback(BackupAndRestore::new(&folder)).callback(stop);
///     model.fit(&data, fit.verbose(Verbose::Silent))
/// };
/// // The fourth epoch is cut short, and trained again.
/// assert_eq!(train(3)?.epochs(), [0, 1, 2, 3]);
/// assert_eq!(train(9)?.epochs(), [3, 4]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BackupAndRestore {
    file: PathBuf,
    delete_checkpoint: bool,
}

impl BackupAndRestore {
    /// Keeps the backup in this folder, which is made where it is missing.
    pub fn new(backup_dir: impl AsRef<Path>) -> Self {
        BackupAndRestore { file: backup_dir.as_ref().join("latest.petal"), delete_checkpoint: true }
    }

    /// Whether the backup is removed at the end of a training; by default it is.
    pub fn delete_checkpoint(self, delete_checkpoint: bool) -> Self {
        BackupAndRestore { delete_checkpoint, ..self }
    }
}

impl Callback for BackupAndRestore {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        }
        if !self.file.exists() {
            return Ok(());
        }
        training.restore(Model::load(&self.file)?).map_err(|problem| {
            let remedy = "remove the folder, or give another, to begin anew";
            Error::file(&self.file, format!("is the backup of another training: {problem}; {remedy}"))
        })
    }

    fn on_epoch_end(&mut self, _epoch: usize, _logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        match training.is_cut_short() {
            true => Ok(()),
            false => training.model().save(&self.file),
        }
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        if self.delete_checkpoint && !training.is_cut_short() && self.file.exists() {
            fs::remove_file(&self.file).map_err(Error::io("remove", &self.file))?;
        }
        Ok(())
    }
}
