//! Photos in, batches out.

mod dataset;
pub mod sample;

pub use dataset::{Batch, Dataset};
