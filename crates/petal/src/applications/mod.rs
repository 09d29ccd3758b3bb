//! Ready-made architectures.

mod lecture;

pub use lecture::{lecture_augmentation, lecture_cnn, lecture_cnn_regularized};
