//! Reading and writing models.
//!
//! [`Model::save`](crate::model::Model::save) writes one file that is enough to predict and to go on training, or Keras'
//! files; [`Model::load`](crate::model::Model::load) reads all of them. Keras' weights are read by
//! [`Model::load_weights`](crate::model::Model::load_weights). [`Model::export`](crate::model::Model::export) writes models
//! for other programs, in ONNX.

pub mod any_path;
mod atomic;
mod bounds;
mod document;
mod format;
#[cfg_attr(not(feature = "keras"), path = "no_keras.rs")]
mod keras;
mod kind;
mod load;
#[cfg(feature = "onnx")]
pub mod onnx;
mod petal_file;
mod save;
#[cfg(feature = "onnx")]
pub mod web;

pub use atomic::{remove_unfinished, write_atomically};
pub(crate) use format::Format;
#[cfg(feature = "keras")]
pub use keras::{LoadWeights, description};
