use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::decode::ColorMode;
use super::doubt::Doubts;
use super::preprocessing::{Preprocessing, Scratch};
use super::{Batch, Dataset};
use crate::random::Key;
use crate::saving::any_path;
use crate::{Error, PathText, Result};

/// The photos of a folder, or of one side of its split: made by [`ImageFolder`](super::ImageFolder).
///
/// Every photo was decoded once, so those here are whole; the others are in [`skipped`](Self::skipped). Pixels are kept
/// at the target size as bytes as far as the memory budget goes; photos past it are decoded again when they are
/// wanted. One of those that has vanished or changed by then is left out from there on, and [`lost`](Dataset::lost)
/// names it; with [`strict`](super::ImageFolder::strict), or where they are more than 10 and more than a tenth, this is
/// an error.
#[derive(Clone, Debug)]
pub struct ImageDataset {
    file_paths: Vec<PathBuf>,
    labels: Vec<usize>,
    class_names: Vec<String>,
    skipped: Vec<Skipped>,
    pub(super) doubts: Arc<Doubts>,
    /// Of each file's bytes.
    pub(super) digests: Vec<Digest>,
    settings: Settings,
    sample_shape: [usize; 3],
    /// The pixels of the first photos.
    cache: Vec<u8>,
    lost: Arc<Mutex<Lost>>,
}

/// Photos that were whole once and can no longer be read.
#[derive(Debug, Default)]
struct Lost {
    samples: BTreeSet<usize>,
    /// In the order in which that was found.
    files: Vec<Skipped>,
}

/// A file that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    #[serde(with = "any_path")]
    pub path: PathBuf,
    /// What is wrong with it, for example `the file is empty`.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", PathText::new(&self.path), self.reason)
    }
}

/// The form of the targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelMode {
    /// The class' index, for sparse categorical cross-entropy. The default.
    #[default]
    Int,
    /// One value a class, 1 for the photo's and 0 for the others, for categorical cross-entropy.
    Categorical,
    /// 0 for the first and 1 for the second of exactly two classes, for binary cross-entropy.
    Binary,
}

impl LabelMode {
    pub(super) fn width(self, classes: usize) -> usize {
        if self == LabelMode::Categorical { classes } else { 1 }
    }

    pub(super) fn push(self, label: usize, classes: usize, targets: &mut Vec<f32>) {
        match self {
            LabelMode::Int | LabelMode::Binary => targets.push(label as f32),
            LabelMode::Categorical => {
                targets.extend((0..classes).map(|class| if class == label { 1.0 } else { 0.0 }))
            }
        }
    }
}

impl ImageDataset {
    /// The photos' files, by sample.
    pub fn file_paths(&self) -> &[PathBuf] {
        &self.file_paths
    }

    /// The photos' classes, by sample.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The number of photos of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.class_names.len()];
        self.labels.iter().for_each(|&label| counts[label] += 1);
        counts
    }

    /// Weights for [`Fit::class_weights`](crate::training::Fit::class_weights) by which each class counts the same however
    /// many photos it has: `photos / (classes · the class's photos)`, scikit-learn's `class_weight="balanced"`.
    pub fn balanced_class_weights(&self) -> Vec<f32> {
        let counts = self.class_counts();
        let (photos, classes) = (self.labels.len() as f32, counts.len() as f32);
        counts.iter().map(|&count| photos / (classes * count.max(1) as f32)).collect()
    }

    /// The files that would be here if they were not broken, empty or unreadable.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What a person should know of the folder, and of the other side of the split or the validation folder, which has
    /// the same: before training, in the report, and before a number is believed.
    pub fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// Height and width of the samples, in pixels.
    pub fn image_size(&self) -> (usize, usize) {
        self.settings.preprocessing.image_size
    }

    /// How the photos are made into samples.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.settings.preprocessing
    }

    /// How many photos are kept in memory; the others are decoded again in each epoch.
    pub fn cached(&self) -> usize {
        self.cache.len() / self.sample_size()
    }

    /// A photo at the target size, to be shown: gray becomes RGB, alpha is dropped.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn image(&self, sample: usize) -> Result<RgbImage> {
        let mut pixels = vec![0; self.sample_size()];
        if let Err(reason) = self.read(sample, &mut Scratch::default(), &mut pixels) {
            self.lose(sample, reason.clone());
            return Err(Error::file(&self.file_paths[sample], reason));
        }
        let pixels = match self.settings.preprocessing.color_mode {
            ColorMode::Rgb => pixels,
            ColorMode::Grayscale => pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
            ColorMode::Rgba => pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        };
        let (height, width) = self.image_size();
        Ok(RgbImage::from_raw(width as u32, height as u32, pixels).expect("three bytes a pixel"))
    }

    fn sample_size(&self) -> usize {
        self.sample_shape.iter().product()
    }

    /// Takes out the photos that can no longer be read, as if they had never been whole; the others' numbers change.
    /// Whether there were any.
    pub fn leave_out_lost(&mut self) -> bool {
        let Lost { samples, files } = std::mem::take(&mut *self.lock_lost());
        self.skipped.extend(files);
        // Photos in memory are never lost, so the pixels stay where they are.
        for &sample in samples.iter().rev() {
            self.file_paths.remove(sample);
            self.labels.remove(sample);
            self.digests.remove(sample);
        }
        !samples.is_empty()
    }

    /// Takes out those of these files that are here, as if they had been broken; the others' numbers change. Returns
    /// them.
    ///
    /// For programs on several machines that train together, one of which cannot read them.
    pub fn leave_out(&mut self, files: &[Skipped]) -> Vec<Skipped> {
        let size = self.sample_size();
        let mut left_out = Vec::new();
        for file in files {
            let Some(sample) = self.file_paths.iter().position(|path| *path == file.path) else { continue };
            if sample < self.cached() {
                self.cache.drain(sample * size..(sample + 1) * size);
            }
            self.file_paths.remove(sample);
            self.labels.remove(sample);
            self.digests.remove(sample);
            self.skipped.push(file.clone());
            left_out.push(file.clone());
        }
        left_out
    }

    /// Copies or decodes a sample's pixels to `out`.
    fn read(&self, sample: usize, scratch: &mut Scratch, out: &mut [u8]) -> Result<(), String> {
        if sample < self.cached() {
            out.copy_from_slice(&self.cache[sample * out.len()..][..out.len()]);
            return Ok(());
        }
        scratch.read(&self.file_paths[sample])?;
        if Digest::of(&scratch.bytes) != self.digests[sample] {
            return Err("it has changed since it was read first".into());
        }
        self.settings.preprocessing.prepare_read(scratch, out)
    }

    fn lock_lost(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, sample: usize, reason: String) {
        let mut lost = self.lock_lost();
        if lost.samples.insert(sample) {
            lost.files.push(Skipped { path: self.file_paths[sample].clone(), reason });
        }
    }

    /// Refuses to go on with too few of the photos.
    fn check_lost(&self) -> Result<()> {
        /// Photos that may always be lost.
        const FEW: usize = 10;
        let lost = self.lock_lost();
        let most = if self.settings.strict { 0 } else { FEW.max(self.len() / 10) };
        match lost.files.as_slice() {
            [first, ..] if lost.files.len() > most => {
                let (count, all) = (lost.files.len(), self.len());
                Err(Error::Data(format!(
                    "{first}; {count} of {all} photos were whole when training began and can no longer be used; put \
                     them back and leave the folder as it is"
                )))
            }
            _ => Ok(()),
        }
    }
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.file_paths.len()
    }

    fn batch_size(&self) -> usize {
        self.settings.batch_size
    }

    fn sample_shape(&self) -> &[usize] {
        &self.sample_shape
    }

    fn target_width(&self) -> usize {
        self.settings.label_mode.width(self.class_names.len())
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if let Some(key) = self.settings.order {
            key.number(epoch as u64).generator().shuffle(&mut order);
        }
        order
    }

    fn load(&self, samples: &[usize], _epoch: usize, batch: &mut Batch) -> Result<()> {
        let size = self.sample_size();
        let before = {
            let lost = self.lock_lost();
            batch.samples.clear();
            batch.samples.extend(samples.iter().filter(|sample| !lost.samples.contains(sample)));
            lost.files.len()
        };
        let inputs = batch.inputs.bytes_mut();
        inputs.resize(batch.samples.len() * size, 0);
        let rows = inputs.par_chunks_exact_mut(size).zip(batch.samples.par_iter());
        rows.for_each_init(Default::default, |scratch, (row, &sample)| {
            if let Err(reason) = self.read(sample, scratch, row) {
                self.lose(sample, reason);
            }
        });
        let lost = self.lock_lost();
        if lost.files.len() > before {
            let mut rows = 0;
            for i in 0..batch.samples.len() {
                if !lost.samples.contains(&batch.samples[i]) {
                    inputs.copy_within(i * size..(i + 1) * size, rows * size);
                    rows += 1;
                }
            }
            inputs.truncate(rows * size);
            batch.samples.retain(|sample| !lost.samples.contains(sample));
        }
        drop(lost);
        batch.targets.clear();
        for &sample in &batch.samples {
            self.settings.label_mode.push(self.labels[sample], self.class_names.len(), &mut batch.targets);
        }
        self.check_lost()
    }

    fn lost(&self) -> Vec<Skipped> {
        self.lock_lost().files.clone()
    }
}

/// What a folder's data sets have in common.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub preprocessing: Preprocessing,
    pub label_mode: LabelMode,
    pub batch_size: usize,
    /// Whether a photo that can no longer be read is an error.
    pub strict: bool,
    /// The stream that each epoch's order is drawn from; `None` keeps the order.
    pub order: Option<Key>,
}

/// Equal for files with equal bytes. That others share it is unlikely: among a million photos of one length with a
/// chance of less than one in ten million. It never leaves the process, in whose standard library it alone holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest {
    length: usize,
    hash: u64,
}

impl Digest {
    fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Digest { length: bytes.len(), hash: hasher.finish() }
    }
}

impl ImageDataset {
    /// Decodes every file once, sorts out the broken ones and keeps what fits into `budget` bytes. Calls `seen` after
    /// each file.
    pub(super) fn open(
        files: Vec<(PathBuf, usize)>,
        class_names: Vec<String>,
        settings: Settings,
        budget: usize,
        seen: &(dyn Fn() + Sync),
    ) -> Self {
        let sample_shape = settings.preprocessing.shape();
        let size: usize = sample_shape.iter().product();
        let mut cache = vec![0; (budget / size).min(files.len()) * size];
        let outcomes = decode_all(&files, &settings.preprocessing, &mut cache, size, seen);

        let mut dataset = ImageDataset {
            file_paths: Vec::with_capacity(files.len()),
            labels: Vec::with_capacity(files.len()),
            class_names,
            skipped: Vec::new(),
            doubts: Arc::default(),
            digests: Vec::with_capacity(files.len()),
            settings,
            sample_shape,
            cache: Vec::new(),
            lost: Arc::default(),
        };
        let cached = cache.len() / size;
        let mut kept = 0;
        for (i, ((path, label), outcome)) in files.into_iter().zip(outcomes).enumerate() {
            match outcome {
                Ok(digest) => {
                    if i < cached {
                        cache.copy_within(i * size..(i + 1) * size, kept * size);
                        kept += 1;
                    }
                    dataset.file_paths.push(path);
                    dataset.labels.push(label);
                    dataset.digests.push(digest);
                }
                Err(reason) => dataset.skipped.push(Skipped { path, reason }),
            }
        }
        cache.truncate(kept * size);
        dataset.cache = cache;
        dataset
    }

    /// The memory that the kept pixels take, in bytes.
    pub(super) fn cache_size(&self) -> usize {
        self.cache.len()
    }
}

/// Decodes each file, into its place in `cache` where there is one.
fn decode_all(
    files: &[(PathBuf, usize)],
    preprocessing: &Preprocessing,
    cache: &mut [u8],
    size: usize,
    seen: &(dyn Fn() + Sync),
) -> Vec<Result<Digest, String>> {
    let places = cache.chunks_exact_mut(size).map(Some).chain(std::iter::repeat_with(|| None));
    let work: Vec<(&Path, Option<&mut [u8]>)> =
        files.iter().map(|(path, _)| path.as_path()).zip(places).collect();
    work.into_par_iter()
        .map_init(Default::default, |(scratch, spare): &mut (Scratch, Vec<u8>), (path, place)| {
            let outcome = scratch.read(path).and_then(|()| {
                let out = place.unwrap_or_else(|| {
                    spare.resize(size, 0);
                    spare
                });
                let digest = Digest::of(&scratch.bytes);
                preprocessing.prepare_read(scratch, out)?;
                Ok(digest)
            });
            seen();
            outcome
        })
        .collect()
}
