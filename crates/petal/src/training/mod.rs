//! Fit, evaluate, predict: training with Keras' semantics.
//!
//! ```
//! use petal::data::ArrayDataset;
//! use petal::layers::*;
//! use petal::model::Model;
//! use petal::training::*;
//! let x = Input::new([2]);
//! let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
//! model.compile(SGD::new(0.5), SparseCategoricalCrossentropy::from_logits())?;
//! let data = ArrayDataset::new(ndarray::array![[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]], &[0, 1, 0, 1])?;
//! let history = model.fit(&data, Fit::epochs(20).verbose(Verbose::Silent))?;
//! assert_eq!(history.get("accuracy")?.last(), Some(&1.0));
//! # Ok::<(), petal::Error>(())
//! ```

pub mod callbacks;
mod classify;
mod evaluate;
mod feature_reuse;
mod fit;
mod fit_head;
mod logistic_regression;
mod memory;
mod predictor;
mod progress;
mod quantize;
mod ranked_classes;
mod session;
mod step;
mod targets;
mod threads;
mod together;
mod views;

pub use crate::history::{History, Logs};
pub use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError, SparseCategoricalCrossentropy,
};
pub use crate::metrics::Metric;
pub use crate::model::Compiled;
pub use crate::optimizers::{Adam, AdamW, LearningRate, Optimizer, OptimizerSettings, RMSprop, SGD};
pub use crate::program::{Collective, PendingSum};
pub use callbacks::{Callback, Training};
pub use classify::Prediction;
pub use evaluate::Evaluation;
pub(crate) use evaluate::largest_batch;
pub use fit::{Fit, Verbose};
pub use fit_head::{FittedHead, TriedPenalty};
pub use predictor::Predictor;
pub use ranked_classes::RankedClasses;
pub use threads::Threads;
