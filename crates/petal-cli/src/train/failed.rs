//! What a training that fails leaves behind.

use std::path::Path;

use petal::Error;
use petal::model::Model;

use super::phases::CHECKPOINT;
use crate::Failure;
use crate::run_folder::{MODEL, RunFolder};
use crate::settings::Settings;

/// Saves what was learned until the last finished epoch, and adds to the error where it is and what to do.
pub fn keep(error: Failure, folder: &RunFolder, settings: &Settings) -> Failure {
    let folder = folder.path();
    let (learned, fine_tunes) = match save(&folder.join(CHECKPOINT), folder) {
        Ok(Some(model)) => {
            let (epochs, path) = (model.history().next_epoch(), folder.join(MODEL));
            let learned = format!("what was learned until epoch {epochs} is in {}", path.display());
            (learned, model.history().fine_tuning_starts().is_some())
        }
        Ok(None) => ("no epoch was finished, so there is no model".into(), false),
        Err(problem) => (format!("what was learned cannot be saved: {problem}"), false),
    };
    // A tenth, and no more than the defaults.
    let diverged = matches!(error.downcast_ref(), Some(Error::Diverged(_)));
    let advice = match &settings.fine_tuning {
        Some(fine_tuning) if diverged && fine_tunes => {
            let rate = (fine_tuning.learning_rate / 10.0).min(1e-5);
            format!("train anew, for example with --fine-tune-learning-rate {rate:e}")
        }
        _ if diverged => {
            let rate = (settings.learning_rate / 10.0).min(1e-3);
            format!("train anew, for example with --learning-rate {rate:e}")
        }
        _ => format!("then `petal train --resume {}` goes on", folder.display()),
    };
    format!("{error}\n{learned}; {advice}").into()
}

/// Makes the run's model of its checkpoint; none if there is no finished epoch.
fn save(checkpoint: &Path, folder: &Path) -> petal::Result<Option<Model>> {
    if !checkpoint.exists() {
        return Ok(None);
    }
    let mut model = Model::load(checkpoint)?;
    model.forget_optimizer_state();
    super::write(&model, folder)?;
    Ok(Some(model))
}
