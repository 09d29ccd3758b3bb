//! What a trained model looks at and how it sees the photos.
//!
//! [`Model::grad_cam`](crate::model::Model::grad_cam) shows which parts of a photo a class's score rests on;
//! [`Model::bottleneck_features`](crate::model::Model::bottleneck_features) with [`pca`] lays photos out on a plane, like
//! ones beside each other. [`plot`](crate::plot) draws both.

mod bottleneck;
mod examples;
mod grad_cam;
mod layer_path;
mod pca;

pub use examples::{Example, examples};
pub use grad_cam::{GradCam, HeatMap};
pub use pca::{Pca, pca};
