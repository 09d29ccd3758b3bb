//! Compile, fit, evaluate, predict: training with Keras' semantics.

pub mod callbacks;
mod classify;
mod evaluate;
mod feature_reuse;
mod fit;
mod memory;
mod predictor;
mod progress;
mod session;
mod step;

pub use crate::history::{History, Logs};
pub use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError, SparseCategoricalCrossentropy,
};
pub use crate::metrics::Metric;
pub use crate::model::Compiled;
pub use crate::optimizers::{Adam, AdamW, LearningRate, Optimizer, OptimizerSettings, RMSprop, SGD};
pub use callbacks::{Callback, Training};
pub use classify::Prediction;
pub use evaluate::Evaluation;
pub(crate) use evaluate::largest_batch;
pub use fit::{Fit, Verbose};
pub use predictor::Predictor;
