//! How far a training is.

use serde::{Deserialize, Serialize};

/// Kept in the run's folder beside the checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How long each epoch took.
    pub seconds: Vec<f64>,
    /// Why the training is over, if it is and all that it gives was written.
    pub ended: Option<Ended>,
}

/// Why no further epoch is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    AllEpochs,
    EarlyStopping,
}

impl Progress {
    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &std::path::Path) -> petal::Result<()> {
        let text = serde_json::to_string(self).expect("numbers can always be written");
        petal::saving::write_atomically(path, |file| writeln!(file, "{text}"))
    }
}
