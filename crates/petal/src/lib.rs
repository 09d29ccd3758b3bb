//! Petal trains and fine-tunes image classifiers from a folder of photos, with Keras' semantics, on the CPU.
//!
//! ```no_run
//! use petal::prelude::*;
//!
//! fn main() -> petal::Result<()> {
//!     // One sub-folder a class: flower_photos/daisy/1.jpg, flower_photos/roses/2.jpg …
//!     let (train, val) = ImageFolder::new("flower_photos").image_size(180, 180).seed(42).validation_split(0.2).split()?;
//!     let x = Input::image(180, 180, 3);
//!     let h = Rescaling::new(1.0 / 255.0).on(&x)?;
//!     let h = Conv2D::new(16, 3).same().relu().on(&h)?;
//!     let h = MaxPooling2D::new(2).on(&h)?;
//!     let h = Flatten::new().on(&h)?;
//!     let mut model = Model::new(&x, &Dense::new(train.class_names().len()).on(&h)?)?;
//!     model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
//!     model.fit(&train, Fit::epochs(10).validation(&val))?;
//!     model.set_class_names(train.class_names().to_vec())?;
//!     model.set_preprocessing(train.preprocessing().clone())?;
//!     model.save("flowers.petal")
//! }
//! ```
//!
//! and where it is used:
//!
//! ```no_run
//! use petal::model::Model;
//!
//! # fn main() -> petal::Result<()> {
//! let model = Model::load("flowers.petal")?;
//! let pixels = model.preprocessing().expect("it was set").load("tulip.jpg")?;
//! let probabilities = model.predictor(1)?.probabilities(&pixels)?;
//! # let _ = probabilities;
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a photo
//!
//! [`data`] lists the folder, decodes and resizes each photo once and gives batches. [`layers`] make a graph, a
//! [`model`] is one with its weights, and becomes a [`program`] of operations, which an engine runs: [`cpu`], unless the
//! model was told another. [`training`] goes forward, computes the loss ([`losses`]), goes backward and moves the weights
//! ([`optimizers`]); its [`history`] is drawn by [`plot`] and told by [`report`]. [`saving`] writes one file that is enough
//! to predict, reads and writes Keras' too, and writes ONNX for other programs. [`applications`] are architectures with
//! ImageNet's weights, which [`download`] fetches; [`explain`] shows what a model looks at.
//!
//! # In Keras, in Petal
//!
//! | in Keras | in Petal |
//! |---|---|
//! | `image_dataset_from_directory(dir, validation_split=0.2, subset="both", seed=42)` | [`ImageFolder::new(dir).validation_split(0.2).seed(42).split()`](data::ImageFolder) |
//! | `train_ds.class_names` | [`train.class_names()`](data::Dataset::class_names) |
//! | `for images, labels in train_ds.take(1)` | [`for batch in train.batches(0).take(1)`](data::Dataset::batches) |
//! | `train_ds.cache().prefetch(AUTOTUNE)` | as it is |
//! | `keras.Input(shape=(180, 180, 3))` | [`Input::image(180, 180, 3)`](layers::Input::image) |
//! | `layers.Conv2D(16, 3, padding="same", activation="relu")(x)` | [`Conv2D::new(16, 3).same().relu().on(&x)?`](layers::Conv2D) |
//! | `layers.Add()([a, b])` | [`Add::new().on([&a, &b])?`](layers::Add) |
//! | `keras.Sequential([…])` | [`Sequential::new(input).add(…).build()?`](model::Sequential) |
//! | `keras.Model(inputs, outputs)` | [`Model::new(&x, &y)?`](model::Model::new) |
//! | `model.summary()` | [`println!("{}", model.summary())`](model::Model) |
//! | `model.compile(optimizer="adam", loss=SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])` | [`model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?`](model::Model::compile) |
//! | `keras.config.set_dtype_policy("mixed_bfloat16")` | [`model.set_dtype_policy(DTypePolicy::MixedBfloat16)`](model::Model::set_dtype_policy) |
//! | `model.fit(train_ds, validation_data=val_ds, epochs=10, callbacks=[…])` | [`model.fit(&train, Fit::epochs(10).validation(&val).callback(…))?`](model::Model::fit) |
//! | `history.history["val_accuracy"]` | [`history.get("val_accuracy")?`](history::History::get) |
//! | `plt.plot(history.history["loss"])` … | [`history.plot().save("curves.png")?`](history::History::plot) |
//! | `RandomFlip`, `RandomRotation`, `RandomZoom`, `Dropout` | [the same](layers) |
//! | `EarlyStopping(patience=5, restore_best_weights=True)` | [`EarlyStopping::new().patience(5).restore_best_weights(true)`](training::callbacks::EarlyStopping) |
//! | `LambdaCallback`, `LearningRateScheduler`, `ReduceLROnPlateau`, `ModelCheckpoint`, `BackupAndRestore`, `CSVLogger`, `TerminateOnNaN` | [the same](training::callbacks) |
//! | `TensorBoard(log_dir="logs")` | [`TensorBoard::new("logs")`](tensorboard::TensorBoard) |
//! | `MobileNetV2(input_shape=…, include_top=False, weights="imagenet")` | [`MobileNetV2::new(180, 180).include_top(false).build()?`](applications::MobileNetV2) |
//! | `base_model.trainable = False` | [`base.set_trainable(false)`](model::Model::set_trainable) |
//! | `base_model(x, training=False)` | [`base.with_training(false).on(&x)?`](model::Model::with_training) |
//! | `for layer in base_model.layers[:100]: layer.trainable = False` | `for layer in &mut base.layers_mut()[..100] { layer.set_trainable(false) }` |
//! | `model.fit(…, initial_epoch=history.epoch[-1])` | [`Fit::epochs(20).initial_epoch(history.next_epoch())`](training::Fit::initial_epoch) |
//! | `model.evaluate(val_ds)` | [`model.evaluate(&val)?`](model::Model::evaluate) |
//! | `model.predict(images)` | [`model.predict_array(images)?`](model::Model::predict_array), [`model.classify(&data)?`](model::Model::classify) |
//! | `model.save("m.keras")`, `keras.models.load_model("m.keras")` | [`model.save("m.petal")?`, or `"m.keras"`](model::Model::save), [`Model::load("m.keras")?`](model::Model::load) |
//! | `model.save_weights("m.weights.h5")`, `model.load_weights(…)` | [`model.save("m.weights.h5")?`](model::Model::save), [`model.load_weights(…)?`](model::Model::load_weights) |
//! | `model.export("m.onnx", format="onnx")` | [`model.export("m.onnx", &Onnx::new())?`](model::Model::export) |

// Both panic where the output is closed or full, which is no reason to end a training.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod applications;
pub mod calibration;
#[cfg(feature = "report")]
pub mod clean;
pub mod conformance;
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
pub mod profile;
pub mod program;
#[cfg(feature = "onnx")]
mod protobuf;
mod python_float;
pub mod random;
#[cfg(feature = "report")]
pub mod report;
pub mod saving;
mod shape;
pub mod shell;
#[cfg(feature = "tensorboard")]
pub mod tensorboard;
pub mod training;

pub use error::{Error, Result};
pub use path_text::PathText;
/// In the versions whose types Petal takes and gives.
pub use {image, ndarray};

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
