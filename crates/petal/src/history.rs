//! What each epoch of a training gave.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::saving::write_atomically;
use crate::{Error, Result};

/// The values of an epoch, or of the epoch so far, by name and in alphabetical order: `accuracy`, `loss`,
/// `val_accuracy`, `val_loss`.
pub type Logs = BTreeMap<String, f64>;

/// What [`fit`](crate::model::Model::fit) saw: each epoch's values by name, as Keras' `History`.
///
/// ```
/// use petal::training::History;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("history.json");
/// let mut history = History::default();
/// history.push(0, &[("loss".to_owned(), 1.5)].into());
/// history.save(&file)?;
/// assert_eq!(History::read(&file)?, history);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct History {
    epochs: Vec<usize>,
    values: BTreeMap<String, Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fine_tuning_starts: Option<usize>,
    /// The epoch whose weights were put back after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<usize>,
}

impl History {
    /// The epochs' numbers, from 0.
    pub fn epochs(&self) -> &[usize] {
        &self.epochs
    }

    /// The names of the values, sorted: `accuracy`, `loss`, `val_accuracy`, `val_loss`.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The values of this name, one an epoch. NaN stands where an epoch had none.
    ///
    /// ```
    /// use petal::training::History;
    /// let error = History::default().get("val_acuracy").unwrap_err();
    /// assert!(error.to_string().starts_with("the history has no 'val_acuracy'"));
    /// ```
    ///
    /// # Errors
    /// If there are none of this name; the error has the names that there are. [`History::series`] gives nothing then.
    pub fn get(&self, key: &str) -> Result<&[f64]> {
        self.values.get(key).map(Vec::as_slice).ok_or_else(|| {
            let known: Vec<&str> = self.keys().collect();
            let known = if known.is_empty() { "nothing yet".into() } else { known.join(", ") };
            Error::Training(format!("the history has no '{key}'; it has {known}"))
        })
    }

    /// The values of this name, one an epoch; empty if there are none, as without validation. NaN stands where an epoch
    /// had none.
    pub fn series(&self, key: &str) -> &[f64] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    /// The number of epochs before fine-tuning began, if it did: see
    /// [`fine_tune_at`](crate::applications::fine_tune_at).
    pub fn fine_tuning_starts(&self) -> Option<usize> {
        self.fine_tuning_starts
    }

    /// From here on it is fine-tuning; said twice, the first time counts.
    pub(crate) fn start_fine_tuning(&mut self) {
        self.start_fine_tuning_after(self.epochs.len());
    }

    pub(crate) fn start_fine_tuning_after(&mut self, epochs: usize) {
        self.fine_tuning_starts.get_or_insert(epochs);
    }

    /// The epoch, from 0, whose weights the model has: the last one, unless [`EarlyStopping`] put a better one's back.
    /// None before the first.
    ///
    /// [`EarlyStopping`]: crate::training::callbacks::EarlyStopping
    pub fn weights_of_epoch(&self) -> Option<usize> {
        self.restored.or(self.epochs.last().copied())
    }

    /// The value of this name in the epoch whose weights the model has; none if there is none, or it is no number.
    pub fn of_the_weights(&self, key: &str) -> Option<f64> {
        let epoch = self.weights_of_epoch()?;
        let place = self.epochs.iter().rposition(|&other| other == epoch)?;
        self.series(key).get(place).copied().filter(|value| value.is_finite())
    }

    /// The epoch of [`History::weights_of_epoch`] if it isn't the last.
    pub(crate) fn restored(&self) -> Option<usize> {
        self.restored
    }

    /// The model has the weights of this epoch again; nothing is noted of the last one, or one that there was not.
    pub(crate) fn restore(&mut self, epoch: usize) {
        self.restored =
            Some(epoch).filter(|epoch| self.epochs.contains(epoch) && self.epochs.last() != Some(epoch));
    }

    /// The history without its first `epochs` epochs.
    pub fn after(&self, epochs: usize) -> History {
        let epochs = epochs.min(self.epochs.len());
        let values = self.values.iter().map(|(key, values)| (key.clone(), values[epochs..].to_vec()));
        let left = self.epochs[epochs..].to_vec();
        let restored = self.restored.filter(|epoch| left.contains(epoch));
        History { epochs: left, values: values.collect(), fine_tuning_starts: None, restored }
    }

    /// Adds an epoch.
    pub fn push(&mut self, epoch: usize, logs: &BTreeMap<String, f64>) {
        let before = self.epochs.len();
        for key in logs.keys() {
            self.values.entry(key.clone()).or_insert_with(|| vec![f64::NAN; before]);
        }
        for (key, values) in &mut self.values {
            values.push(logs.get(key).copied().unwrap_or(f64::NAN));
        }
        self.epochs.push(epoch);
        self.restored = None;
    }

    /// The number of the epoch after the last: 0 at first. To go on with a training, give it to
    /// [`Fit::initial_epoch`](crate::training::Fit::initial_epoch).
    pub fn next_epoch(&self) -> usize {
        self.epochs.last().map_or(0, |last| last.saturating_add(1))
    }

    /// Replaces the last epoch's values.
    pub(crate) fn replace_last(&mut self, logs: &BTreeMap<String, f64>) {
        if let Some(epoch) = self.epochs.pop() {
            self.values.values_mut().for_each(|values| {
                values.pop();
            });
            self.push(epoch, logs);
        }
    }

    /// Appends the epochs of a later run.
    pub fn extend(&mut self, later: &History) {
        for (i, &epoch) in later.epochs.iter().enumerate() {
            let logs = later.values.iter().map(|(key, values)| (key.clone(), values[i])).collect();
            self.push(epoch, &logs);
        }
    }

    /// A table with one line an epoch: `epoch` (from 0), then the values.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("epoch");
        self.values.keys().for_each(|key| text.extend([",", key]));
        text.push('\n');
        for (i, epoch) in self.epochs.iter().enumerate() {
            text += &epoch.to_string();
            for values in self.values.values() {
                text.push(',');
                if !values[i].is_nan() {
                    text += &values[i].to_string();
                }
            }
            text.push('\n');
        }
        text
    }

    /// The history as JSON: `{"epochs": [0, 1], "values": {"loss": [1.6, 1.1], …}}`; `null` stands for NaN.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings can always be written")
    }

    /// Reads what [`History::save`] wrote as JSON; `null` becomes NaN.
    ///
    /// # Errors
    /// If the file cannot be read or isn't such a history.
    pub fn read(path: impl AsRef<Path>) -> Result<History> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        serde_json::from_str(&text).map_err(|problem| {
            Error::file(path, format!("is not a history as JSON, as History::save writes it: {problem}"))
        })
    }

    /// Writes the history, as CSV or JSON by the file's ending.
    ///
    /// # Errors
    /// If the ending is another or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => self.to_csv(),
            Some("json") => self.to_json(),
            _ => return Err(Error::file(path, "the name of a history ends in .csv or .json")),
        };
        write_atomically(path, |file| file.write_all(text.as_bytes()))
    }
}

/// A history as it stands in a file.
#[derive(Deserialize)]
struct Stored {
    epochs: Vec<usize>,
    values: BTreeMap<String, Vec<Option<f64>>>,
    #[serde(default)]
    fine_tuning_starts: Option<usize>,
    #[serde(default)]
    restored: Option<usize>,
}

impl TryFrom<Stored> for History {
    type Error = String;

    fn try_from(stored: Stored) -> Result<History, String> {
        let epochs = stored.epochs.len();
        if let Some((key, values)) = stored.values.iter().find(|(_, values)| values.len() != epochs) {
            return Err(format!("{} values of {key} for {epochs} epochs", values.len()));
        }
        let or_nan = |values: Vec<Option<f64>>| values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
        let values = stored.values.into_iter().map(|(key, values)| (key, or_nan(values))).collect();
        if let Some(starts) = stored.fine_tuning_starts.filter(|&starts| starts > epochs) {
            return Err(format!("fine-tuning begins after {starts} of {epochs} epochs"));
        }
        if let Some(epoch) = stored.restored.filter(|epoch| !stored.epochs.contains(epoch)) {
            return Err(format!("the weights are those of epoch {epoch}, which is not among its epochs"));
        }
        Ok(History {
            epochs: stored.epochs,
            values,
            fine_tuning_starts: stored.fine_tuning_starts,
            restored: stored.restored,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
    }

    #[test]
    fn two_runs_join_and_a_value_that_came_late_is_empty_before() {
        let mut history = History::default();
        history.push(0, &logs(&[("loss", 1.5), ("accuracy", 0.25)]));
        let mut later = History::default();
        later.push(1, &logs(&[("loss", 1.0), ("accuracy", 0.5), ("learning_rate", 0.001)]));
        history.extend(&later);
        assert_eq!(history.to_csv(), "epoch,accuracy,learning_rate,loss\n0,0.25,,1.5\n1,0.5,0.001,1\n");
        assert_eq!(history.series("loss"), [1.5, 1.0]);
        assert!(history.to_json().contains("null"));
    }

    #[test]
    fn a_history_is_read_as_it_was_written_with_its_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.json");
        let mut history = History::default();
        history.push(3, &logs(&[("loss", 0.1), ("val_loss", f64::from(1.1_f32))]));
        history.push(4, &logs(&[("loss", f64::NAN)]));
        history.save(&file).unwrap();
        let read = History::read(&file).unwrap();
        assert_eq!(read.epochs(), [3, 4]);
        assert_eq!(read.series("val_loss")[0], f64::from(1.1_f32));
        assert!(read.series("val_loss")[1].is_nan() && read.series("loss")[1].is_nan());
    }

    #[test]
    fn where_fine_tuning_begins_is_kept_and_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.json");
        let mut history = History::default();
        history.push(0, &logs(&[("loss", 1.0)]));
        history.start_fine_tuning();
        history.push(1, &logs(&[("loss", 0.5)]));
        history.start_fine_tuning();
        history.save(&file).unwrap();
        assert_eq!(History::read(&file).unwrap().fine_tuning_starts(), Some(1));
        assert!(history.plot().svg().contains("fine-tuning"));
        let after = history.after(1);
        assert_eq!((after.epochs(), after.series("loss")), (&[1][..], &[0.5][..]));
    }

    #[test]
    fn the_weights_are_those_of_the_last_epoch_unless_others_were_put_back() {
        let mut history = History::default();
        assert_eq!(history.weights_of_epoch(), None);
        for (epoch, accuracy) in [0.5, 0.7, 0.6].into_iter().enumerate() {
            history.push(epoch, &logs(&[("val_accuracy", accuracy)]));
        }
        assert_eq!(
            (history.weights_of_epoch(), history.of_the_weights("val_accuracy")),
            (Some(2), Some(0.6))
        );
        history.restore(1);
        let folder = tempfile::tempdir().unwrap();
        history.save(folder.path().join("history.json")).unwrap();
        let mut history = History::read(folder.path().join("history.json")).unwrap();
        assert_eq!(
            (history.weights_of_epoch(), history.of_the_weights("val_accuracy")),
            (Some(1), Some(0.7))
        );
        assert_eq!(history.after(1).weights_of_epoch(), Some(1));
        assert_eq!(history.after(2).weights_of_epoch(), Some(2));
        history.push(3, &logs(&[("loss", 0.1)]));
        assert_eq!((history.weights_of_epoch(), history.of_the_weights("val_accuracy")), (Some(3), None));
    }

    #[test]
    fn a_file_that_is_no_history_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.json");
        for text in [
            "",
            "{}",
            r#"{"epochs": [0, 1], "values": {"loss": [1.0]}}"#,
            r#"{"epochs": [0, 1], "values": {}, "restored": 2}"#,
        ] {
            std::fs::write(&file, text).unwrap();
            let error = History::read(&file).unwrap_err().to_string();
            assert!(error.contains("history.json: is not a history"), "{error}");
        }
        assert!(History::default().save(folder.path().join("history.txt")).is_err());
    }
}
