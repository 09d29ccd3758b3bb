//! Petal trains and fine-tunes image classifiers from a folder of photos, with Keras' semantics, on the CPU.

// Both panic where the output is closed or full, which is no reason to end a training.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod applications;
pub mod cpu;
pub mod data;
#[cfg(feature = "download")]
pub mod download;
mod error;
pub mod explain;
#[cfg(test)]
mod fixture;
pub mod history;
pub mod layers;
pub mod losses;
mod memory;
pub mod metrics;
pub mod model;
pub mod optimizers;
mod path_text;
#[cfg(feature = "plot")]
pub mod plot;
pub mod prelude;
pub mod printable;
pub mod program;
mod python_float;
pub mod random;
#[cfg(feature = "report")]
pub mod report;
pub mod saving;
mod shape;
pub mod shell;
pub mod training;

pub use error::{Error, Result};
pub use path_text::PathText;
/// In the versions whose types Petal takes and gives.
pub use {image, ndarray};

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
