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
mod decode_predictions;
mod efficientnet_v2;
mod lecture;
mod mobilenet;
mod mobilenet_v2;
mod preprocess_input;
mod resnet50;
mod settings;
mod transfer;
mod vgg16;
mod weights;

pub use architecture::Architecture;
pub use augmentation::Augmentation;
pub use decode_predictions::{Prediction, decode_predictions, imagenet_class_names};
pub use efficientnet_v2::EfficientNetV2B0;
pub use lecture::{lecture_augmentation, lecture_cnn, lecture_cnn_regularized};
pub use mobilenet::MobileNet;
pub use mobilenet_v2::MobileNetV2;
pub use preprocess_input::PreprocessInput;
pub use resnet50::ResNet50;
pub use settings::Pooling;
pub use transfer::{fine_tune_at, lecture_transfer, transfer};
pub use vgg16::VGG16;
pub use weights::Weights;
