//! Reading and writing models.
//!
//! [`Model::save`](crate::model::Model::save) writes one file that is enough to predict and to go on training,
//! [`Model::load`](crate::model::Model::load) reads it. Keras' files are read by
//! [`Model::load_weights`](crate::model::Model::load_weights) and
//! [`Model::load_keras`](crate::model::Model::load_keras).

pub mod any_path;
mod atomic;
mod document;
mod keras;
mod petal_file;

pub use atomic::write_atomically;
pub use keras::LoadWeights;
