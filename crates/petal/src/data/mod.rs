//! Photos in, batches out.

mod dataset;

pub use dataset::{Batch, Dataset};
