//! What a model file says beside the weights: a JSON document in the header.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bounds;
use crate::calibration::Familiarity;
use crate::data::Preprocessing;
use crate::history::History;
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::model::{Graph, Model};
use crate::optimizers::Optimizer;
use crate::program::Ranges;

/// The newest layout that this version reads, which it writes for models with 8-bit numbers.
const FORMAT_VERSION: u64 = 2;
/// The layout that it writes for others, so that older versions read them.
const WITHOUT_BYTES: u64 = 1;

/// All of a model but the numbers in its weights and its optimizer.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    pub format_version: u64,
    pub petal_version: String,
    pub seed: u64,
    pub graph: Graph,
    pub class_names: Vec<String>,
    pub preprocessing: Option<Preprocessing>,
    pub training: Option<TrainingState>,
    pub history: Epochs,
    /// The number of epochs before fine-tuning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning_starts: Option<usize>,
    /// The epoch whose weights these are, if they were put back after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<usize>,
    /// What logits are divided by before they become probabilities, if that isn't 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// How familiar the validation photos looked, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<Familiarity>,
    /// The ranges of 8-bit numbers, of a model that computes with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Ranges>,
}

/// How a compiled model is trained, and how far it is.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TrainingState {
    pub optimizer: Optimizer,
    pub loss: Loss,
    pub metrics: Vec<Metric>,
    /// Whether each weight, in the graph's order, trained when the model was compiled.
    pub trainable: Vec<bool>,
    /// The number of steps taken; none before the optimizer has a state.
    pub iterations: Option<u64>,
}

/// A [`History`] in which `null` stands for values that are not finite, which JSON cannot say.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Epochs(Vec<(usize, BTreeMap<String, Option<f64>>)>);

impl From<&History> for Epochs {
    fn from(history: &History) -> Self {
        let epoch = |(i, &epoch)| {
            let value = |key: &str| Some(history.series(key)[i]).filter(|value: &f64| value.is_finite());
            (epoch, history.keys().map(|key| (key.to_owned(), value(key))).collect())
        };
        Epochs(history.epochs().iter().enumerate().map(epoch).collect())
    }
}

impl Document {
    /// The epochs so far.
    pub(super) fn history(&mut self) -> History {
        let epochs = std::mem::take(&mut self.history.0);
        let mut history = History::default();
        for (epoch, values) in epochs {
            let logs = values.into_iter().map(|(key, value)| (key, value.unwrap_or(f64::NAN))).collect();
            history.push(epoch, &logs);
        }
        if let Some(epochs) = self.fine_tuning_starts {
            history.start_fine_tuning_after(epochs);
        }
        if let Some(epoch) = self.restored {
            history.restore(epoch);
        }
        history
    }

    /// Of a model that is compiled as `training` says.
    pub(super) fn new(model: &Model, training: Option<TrainingState>) -> Self {
        let (ranges, history) = (model.ranges.as_deref().cloned(), model.history());
        Document {
            format_version: if ranges.is_some() { FORMAT_VERSION } else { WITHOUT_BYTES },
            petal_version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: model.seed(),
            graph: model.graph().clone(),
            class_names: model.class_names().to_vec(),
            preprocessing: model.preprocessing().cloned(),
            training,
            history: history.into(),
            fine_tuning_starts: history.fine_tuning_starts(),
            restored: history.restored(),
            temperature: Some(model.temperature()).filter(|&temperature| temperature != 1.0),
            familiarity: model.familiarity().cloned(),
            ranges,
        }
    }

    /// The document in `text`, which anybody may have written; the graph in it is sound.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("its description is damaged: {error}"))?;
        match value.get("format_version").and_then(Value::as_u64) {
            Some(WITHOUT_BYTES..=FORMAT_VERSION) => {}
            Some(newer) if newer > FORMAT_VERSION => {
                let petal = value.get("petal_version").and_then(Value::as_str).unwrap_or("a newer version");
                return Err(format!(
                    "its format has version {newer}, written by Petal {petal}; this Petal, {}, reads up to \
                     version {FORMAT_VERSION}: use a newer one",
                    env!("CARGO_PKG_VERSION")
                ));
            }
            _ => return Err("its description has no valid format_version".into()),
        }
        bounds::check(&value["graph"])?;
        let mut document: Document =
            serde_json::from_value(value).map_err(|error| format!("its description is damaged: {error}"))?;
        document.graph.rebuild().map_err(|error| error.to_string())?;
        Ok(document)
    }
}
