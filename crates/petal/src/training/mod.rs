//! Compile, fit, evaluate, predict: training with Keras' semantics.

pub mod callbacks;
mod classify;
mod compile;
mod evaluate;
mod feature_reuse;
mod fit;
#[cfg(test)]
mod fixture;
mod history;
mod loss;
mod memory;
mod metric;
pub mod optimizer;
mod predictor;
mod progress;
mod python_float;
mod schedule;

pub use callbacks::{Callback, Logs, Training};
pub use classify::Prediction;
pub use compile::Compiled;
pub use evaluate::Evaluation;
pub(crate) use evaluate::largest_batch;
pub use fit::{Fit, Verbose};
pub use history::History;
pub use loss::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError, SparseCategoricalCrossentropy,
};
pub use metric::Metric;
pub(crate) use metric::arg_max;
pub use optimizer::{Adam, AdamW, Optimizer, OptimizerSettings, RMSprop, SGD};
pub use predictor::Predictor;
pub use schedule::LearningRate;
