//! Photos in, batches out.
//!
//! ```no_run
//! use petal::data::{Dataset, ImageFolder};
//! let (train, val) = ImageFolder::new("flower_photos").image_size(180, 180).seed(42).validation_split(0.2).split()?;
//! println!("{} photos of {:?}", train.len() + val.len(), train.class_names());
//! # Ok::<(), petal::Error>(())
//! ```
//!
//! [`ImageFolder`] makes [`ImageDataset`]s of a folder of photos; [`ArrayDataset`] holds samples that are in memory
//! already. Both are [`Dataset`]s, whose batches [`prefetch`](fn@prefetch) loads ahead of their use.

mod array_dataset;
mod batches;
mod dataset;
mod decode;
mod doubt;
mod examine;
mod foreign_format;
mod found;
mod image_dataset;
mod image_folder;
mod image_sets;
mod inputs;
mod labels;
mod layout;
mod listing;
mod numpy_random;
mod part;
mod photo;
mod prefetch;
mod preprocessing;
mod resize;
#[cfg(feature = "sample-data")]
pub mod sample;
mod set_folders;
mod subset;

pub use array_dataset::ArrayDataset;
pub use batches::Batches;
pub(crate) use dataset::check_complete;
pub use dataset::{Batch, Dataset};
pub use decode::ColorMode;
pub use doubt::{Doubt, Doubts};
pub use image_dataset::{ImageDataset, LabelMode, Skipped};
pub use image_folder::ImageFolder;
pub use image_sets::ImageSets;
pub use inputs::Inputs;
pub use labels::LabelFile;
pub use listing::{FoundPhotos, Listing, OUTPUT_MARK, find_photos};
pub(crate) use part::Part;
pub use photo::Photo;
pub(crate) use prefetch::measured_prefetch;
pub use prefetch::prefetch;
pub use preprocessing::{AspectRatio, Preprocessing};
pub use resize::Interpolation;
pub use set_folders::{PhotoSet, SetFolders};
pub use subset::Subset;
