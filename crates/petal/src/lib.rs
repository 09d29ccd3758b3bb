//! Petal trains and fine-tunes image classifiers from a folder of photos, with Keras' semantics, on the CPU.

pub mod data;
mod error;
pub mod plot;
pub mod random;
pub mod report;

pub use error::{Error, Result};
