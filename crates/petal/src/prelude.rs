//! What a training program needs: `use petal::prelude::*;`.

pub use crate::Result;
pub use crate::applications::{
    EfficientNetB0, EfficientNetV2B0, MobileNet, MobileNetV2, Pooling, ResNet50, VGG16, Weights,
    decode_predictions,
};
pub use crate::data::{ArrayDataset, Dataset, ImageDataset, ImageFolder, ImageSets, LabelFile, LabelMode};
pub use crate::explain::GradCam;
pub use crate::layers::*;
pub use crate::model::{Model, Sequential, Tensor};
#[cfg(feature = "plot")]
pub use crate::plot::{augmentation_grid, heat_map, photo_grid};
#[cfg(feature = "report")]
pub use crate::report::{LectureReport, TrainingReport};
#[cfg(feature = "onnx")]
pub use crate::saving::onnx::Onnx;
#[cfg(feature = "tensorboard")]
pub use crate::tensorboard::TensorBoard;
pub use crate::training::callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
    ReduceLROnPlateau, TerminateOnNaN,
};
pub use crate::training::*;
