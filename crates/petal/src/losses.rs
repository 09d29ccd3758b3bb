//! What training makes small, with Keras' formulas.

use petal_kernels as kernels;
use serde::{Deserialize, Serialize};

use crate::program::FinalActivation;
use crate::{Error, Result};

/// What training makes small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Loss {
    /// Cross-entropy of the softmax with class indices.
    SparseCategoricalCrossentropy(SparseCategoricalCrossentropy),
    /// Cross-entropy of the softmax with one-hot labels.
    CategoricalCrossentropy(CategoricalCrossentropy),
    /// Cross-entropy of the sigmoid with labels 0 and 1.
    BinaryCrossentropy(BinaryCrossentropy),
    /// The mean of the squared differences.
    MeanSquaredError(MeanSquaredError),
}

/// `logsumexp(z) - z[label]` for logits `z` `[batch, classes]` and labels that are class indices.
///
/// Labels of a batch that a layer of the model mixes, [`MixUp`](crate::layers::MixUp) for instance, are taken in the same
/// shares.
///
/// ```
/// use petal::training::SparseCategoricalCrossentropy;
/// let loss = SparseCategoricalCrossentropy::from_logits();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseCategoricalCrossentropy {
    from_logits: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    label_smoothing: f32,
}

impl SparseCategoricalCrossentropy {
    /// For a model that ends without an activation.
    pub fn from_logits() -> Self {
        SparseCategoricalCrossentropy { from_logits: true, label_smoothing: 0.0 }
    }

    /// For a model that ends with a softmax; the loss is computed from what goes into it.
    pub fn from_probabilities() -> Self {
        SparseCategoricalCrossentropy { from_logits: false, label_smoothing: 0.0 }
    }

    /// The label's class has `1 - s + s / classes` of the sample, each other one `s / classes` (Szegedy et al. 2016); 0 by
    /// default. In Keras only [`CategoricalCrossentropy`] has it.
    pub fn label_smoothing(self, label_smoothing: f32) -> Self {
        SparseCategoricalCrossentropy { label_smoothing, ..self }
    }
}

/// `-Σ label · log softmax(z)` for logits `z` `[batch, classes]` and one-hot labels `[batch, classes]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f32,
}

impl CategoricalCrossentropy {
    /// For a model that ends without an activation.
    pub fn from_logits() -> Self {
        CategoricalCrossentropy { from_logits: true, label_smoothing: 0.0 }
    }

    /// For a model that ends with a softmax; the loss is computed from what goes into it.
    pub fn from_probabilities() -> Self {
        CategoricalCrossentropy { from_logits: false, label_smoothing: 0.0 }
    }

    /// Labels become `label · (1 - s) + s / classes` (Szegedy et al. 2016); 0 by default.
    pub fn label_smoothing(self, label_smoothing: f32) -> Self {
        CategoricalCrossentropy { label_smoothing, ..self }
    }
}

/// `-(label · log p + (1 - label) · log(1 - p))`, the mean over the last axis, for labels 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f32,
}

impl BinaryCrossentropy {
    /// For a model that ends without an activation.
    pub fn from_logits() -> Self {
        BinaryCrossentropy { from_logits: true, label_smoothing: 0.0 }
    }

    /// For a model that ends with a sigmoid; the loss is computed from what goes into it.
    pub fn from_probabilities() -> Self {
        BinaryCrossentropy { from_logits: false, label_smoothing: 0.0 }
    }

    /// Labels become `label · (1 - s) + s / 2`; 0 by default.
    pub fn label_smoothing(self, label_smoothing: f32) -> Self {
        BinaryCrossentropy { label_smoothing, ..self }
    }
}

/// `(label - prediction)²`, the mean over the last axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanSquaredError {}

impl MeanSquaredError {
    /// The loss; it has no settings.
    pub fn new() -> Self {
        MeanSquaredError {}
    }
}

macro_rules! into_loss {
    ($($loss:ident),*) => {
        $(impl From<$loss> for Loss {
            fn from(loss: $loss) -> Self {
                Loss::$loss(loss)
            }
        })*
    };
}

into_loss!(SparseCategoricalCrossentropy, CategoricalCrossentropy, BinaryCrossentropy, MeanSquaredError);

fn is_zero(number: &f32) -> bool {
    *number == 0.0
}

/// Predictions and targets of a batch.
pub(crate) struct Predicted<'a> {
    pub rows: usize,
    pub width: usize,
    /// Logits where `on_logits`, else the model's output; `[rows, width]`.
    pub values: &'a [f32],
    pub on_logits: bool,
    /// Of each row; for losses of class indices their shares, `[rows, width]`, as well.
    pub targets: &'a [f32],
    /// A factor for each row's loss.
    pub weights: Option<&'a [f32]>,
}

impl Loss {
    /// Whether the loss, told that it gets what this activation made, computes from what went into it.
    pub(crate) fn sees_through(&self, activation: FinalActivation) -> bool {
        match self {
            Loss::SparseCategoricalCrossentropy(loss) => {
                !loss.from_logits && activation == FinalActivation::Softmax
            }
            Loss::CategoricalCrossentropy(loss) => {
                !loss.from_logits && activation == FinalActivation::Softmax
            }
            Loss::BinaryCrossentropy(loss) => !loss.from_logits && activation == FinalActivation::Sigmoid,
            Loss::MeanSquaredError(_) => false,
        }
    }

    /// Why the loss and what the model ends with don't go together, if they don't: a loss that takes logits after a
    /// softmax, or one that takes probabilities without.
    pub(crate) fn doubt(&self, are_probabilities: bool) -> Option<String> {
        let (from_logits, last) = match self {
            Loss::SparseCategoricalCrossentropy(loss) => (loss.from_logits, "softmax"),
            Loss::CategoricalCrossentropy(loss) => (loss.from_logits, "softmax"),
            Loss::BinaryCrossentropy(loss) => (loss.from_logits, "sigmoid"),
            Loss::MeanSquaredError(_) => return None,
        };
        let name = self.name();
        match (from_logits, are_probabilities) {
            (true, true) => Some(format!(
                "{name}::from_logits() applies a {last} to the outputs, which are probabilities already: training will \
                 learn little. Use {name}::from_probabilities(), or leave the model's last activation out"
            )),
            (false, false) => Some(format!(
                "{name}::from_probabilities() takes the outputs for probabilities, but the model doesn't end with a {last}. Use \
                 {name}::from_logits(), or end the model with a {last}"
            )),
            _ => None,
        }
    }

    /// Refuses settings out of their range.
    pub(crate) fn check_settings(&self) -> Result<()> {
        let smoothing = match self {
            Loss::SparseCategoricalCrossentropy(loss) => loss.label_smoothing,
            Loss::CategoricalCrossentropy(loss) => loss.label_smoothing,
            Loss::BinaryCrossentropy(loss) => loss.label_smoothing,
            Loss::MeanSquaredError(_) => return Ok(()),
        };
        match (0.0..=1.0).contains(&smoothing) {
            true => Ok(()),
            false => Err(Error::argument("label_smoothing", smoothing, "between 0 and 1")),
        }
    }

    /// Whether it takes the shares of all classes where the data has the index of one.
    pub(crate) fn wants_shares(&self) -> bool {
        matches!(self, Loss::SparseCategoricalCrossentropy(loss) if loss.label_smoothing > 0.0)
    }

    /// Refuses targets that don't go with the loss or the model's output.
    pub(crate) fn check(&self, output_width: usize, target_width: usize) -> Result<()> {
        let sparse = matches!(self, Loss::SparseCategoricalCrossentropy(_));
        let expected = if sparse { 1 } else { output_width };
        if sparse && output_width == 1 {
            return Err(Error::Training(format!(
                "{} needs an output for each class, but the model has one; end it with Dense::new(classes), or for two \
                 classes use BinaryCrossentropy and LabelMode::Binary",
                self.name()
            )));
        }
        if target_width == expected {
            return Ok(());
        }
        let advice = match self {
            Loss::SparseCategoricalCrossentropy(_) => {
                "use class indices (LabelMode::Int) or CategoricalCrossentropy"
            }
            Loss::CategoricalCrossentropy(_) if target_width == 1 => {
                "use one-hot labels (LabelMode::Categorical) or SparseCategoricalCrossentropy"
            }
            Loss::BinaryCrossentropy(_) => "end the model with Dense::new(1) and use LabelMode::Binary",
            _ => "give the model's last layer as many outputs as there are target values",
        };
        Err(Error::Training(format!(
            "{} got {target_width} target values a sample for a model with {output_width} outputs; expected {expected}: {advice}",
            self.name()
        )))
    }

    /// Keras' class name.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::SparseCategoricalCrossentropy(_) => "SparseCategoricalCrossentropy",
            Loss::CategoricalCrossentropy(_) => "CategoricalCrossentropy",
            Loss::BinaryCrossentropy(_) => "BinaryCrossentropy",
            Loss::MeanSquaredError(_) => "MeanSquaredError",
        }
    }

    /// Writes each row's weighted loss, and the gradient of their mean with respect to the predictions.
    pub(crate) fn compute(
        &self,
        predicted: &Predicted<'_>,
        losses: &mut [f32],
        gradient: Option<&mut [f32]>,
    ) {
        let &Predicted { rows, width, values, on_logits, targets, weights } = predicted;
        match self {
            Loss::SparseCategoricalCrossentropy(loss) if targets.len() == rows * width => {
                let SparseCategoricalCrossentropy { from_logits, label_smoothing } = *loss;
                let dense = Loss::from(CategoricalCrossentropy { from_logits, label_smoothing });
                dense.compute(predicted, losses, gradient);
            }
            Loss::SparseCategoricalCrossentropy(loss) => {
                let kernel = if loss.from_logits || on_logits {
                    kernels::sparse_softmax_cross_entropy
                } else {
                    kernels::sparse_categorical_cross_entropy
                };
                kernel(rows, width, values, targets, weights, losses, gradient);
            }
            Loss::CategoricalCrossentropy(loss) => {
                let kernel = if loss.from_logits || on_logits {
                    kernels::softmax_cross_entropy
                } else {
                    kernels::categorical_cross_entropy
                };
                kernel(rows, width, values, targets, loss.label_smoothing, weights, losses, gradient);
            }
            Loss::BinaryCrossentropy(loss) => {
                let from_logits = loss.from_logits || on_logits;
                let smoothing = loss.label_smoothing;
                kernels::binary_cross_entropy(
                    rows,
                    width,
                    from_logits,
                    smoothing,
                    values,
                    targets,
                    weights,
                    losses,
                    gradient,
                );
            }
            Loss::MeanSquaredError(_) => {
                kernels::mean_squared_error(rows, width, values, targets, weights, losses, gradient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn logits_of_probabilities_and_probabilities_of_logits_are_doubted() {
        let (logits, probabilities) = (
            SparseCategoricalCrossentropy::from_logits(),
            SparseCategoricalCrossentropy::from_probabilities(),
        );
        let doubt = |loss: SparseCategoricalCrossentropy, are| Loss::from(loss).doubt(are);
        assert!(doubt(logits.clone(), true).unwrap().contains("leave the model's last activation out"));
        assert!(doubt(probabilities.clone(), false).unwrap().contains("doesn't end with a softmax"));
        assert_eq!((doubt(logits, false), doubt(probabilities, true)), (None, None));
        let binary = Loss::from(BinaryCrossentropy::from_logits());
        assert!(binary.doubt(true).unwrap().contains("applies a sigmoid"));
        assert_eq!(Loss::from(MeanSquaredError::new()).doubt(true), None);
    }

    #[test]
    fn losses_and_their_gradients_are_those_of_keras() {
        for case in fixture::cases("loss") {
            let name = fixture::name(&case);
            let config = &case["loss"]["config"];
            let from_logits = config["from_logits"] == true;
            let label_smoothing = config["label_smoothing"].as_f64().unwrap_or(0.0) as f32;
            let loss: Loss = match case["loss"]["class_name"].as_str().unwrap() {
                "SparseCategoricalCrossentropy" => {
                    SparseCategoricalCrossentropy { from_logits, label_smoothing }.into()
                }
                "CategoricalCrossentropy" => CategoricalCrossentropy { from_logits, label_smoothing }.into(),
                "BinaryCrossentropy" => BinaryCrossentropy { from_logits, label_smoothing }.into(),
                "MeanSquaredError" => MeanSquaredError::new().into(),
                other => panic!("{name} is of {other}"),
            };
            let [rows, width] = fixture::shape(&case, "prediction")[..] else { panic!("{name}") };
            let values = fixture::values(&case, "prediction");
            let targets = fixture::values(&case, "target");
            let weights =
                case["sample_weight"].as_bool().unwrap().then(|| fixture::values(&case, "sample_weight"));
            let (mut losses, mut gradient) = (vec![0.0; rows], vec![0.0; values.len()]);
            let mut predicted = Predicted {
                rows,
                width,
                values: &values,
                on_logits: !case["activation"].is_null(),
                targets: &targets,
                weights: None,
            };
            loss.compute(&predicted, &mut losses, None);
            fixture::assert_close(&losses, &fixture::values(&case, "per_sample"), 1e-5, name);
            predicted.weights = weights.as_deref();
            loss.compute(&predicted, &mut losses, Some(&mut gradient));
            let mean = losses.iter().sum::<f32>() / rows as f32;
            fixture::assert_close(&[mean], &fixture::values(&case, "loss"), 1e-5, name);
            fixture::assert_close(&gradient, &fixture::values(&case, "grad"), 1e-5, name);
        }
    }
}
