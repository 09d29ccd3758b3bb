//! Photos in, batches out.

mod dataset;
mod prefetch;

pub use dataset::{Batch, Dataset};
pub use prefetch::prefetch;
