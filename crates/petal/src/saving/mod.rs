//! Reading and writing models.
//!
//! [`Model::save`](crate::model::Model::save) writes one file that is enough to predict and to go on training,
//! [`Model::load`](crate::model::Model::load) reads it.

mod atomic;
mod document;
mod petal_file;

pub use atomic::write_atomically;
