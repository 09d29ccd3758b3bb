//! Ready-made architectures: the lecture's networks, and those that Keras has ImageNet weights for.
//!
//! The latter have the layers, names, order and weights of `keras.applications`.
//!
//! ```no_run
//! use petal::applications::{MobileNetV2, Pooling};
//! use petal::layers::{Dense, Input, Layer};
//! use petal::model::Model;
//!
//! let base = MobileNetV2::new(180, 180).include_top(false).pooling(Pooling::Average).build()?;
//! let x = Input::image(180, 180, 3);
//! let h = MobileNetV2::preprocess_input(&x)?;
//! let h = base.with_training(false).on(&h)?;
//! let model = Model::new(&x, &Dense::new(5).on(&h)?)?;
//! # Ok::<(), petal::Error>(())
//! ```

mod architecture;
mod augmentation;
#[cfg(feature = "augmentation-file")]
mod augmentation_file;
mod catalogue;
mod convnext;
mod decode_predictions;
mod densenet;
mod efficientnet;
mod efficientnet_v2;
mod inception_resnet_v2;
mod inception_v3;
mod lecture;
mod mobilenet;
mod mobilenet_v2;
mod mobilenet_v3;
mod nasnet;
mod network;
mod preprocess_input;
mod resnet;
mod settings;
mod transfer;
mod vgg;
mod weights;
mod xception;

pub use architecture::Architecture;
pub use augmentation::Augmentation;
pub use catalogue::*;
pub use decode_predictions::{Prediction, decode_predictions, imagenet_class_names};
pub use lecture::{lecture_augmentation, lecture_cnn, lecture_cnn_regularized};
pub use preprocess_input::PreprocessInput;
pub use settings::Pooling;
pub use transfer::{fine_tune_at, lecture_transfer, transfer};
pub use weights::Weights;
