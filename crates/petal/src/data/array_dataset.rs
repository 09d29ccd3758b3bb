use ndarray::{Array, Dimension};

use super::image_dataset::LabelMode;
use super::{Batch, Dataset};
use crate::random::Key;
use crate::{Error, Result};

/// Labelled samples in memory.
///
/// ```
/// use petal::data::{ArrayDataset, Dataset};
///
/// let images = ndarray::Array4::zeros((6, 28, 28, 1));
/// let dataset = ArrayDataset::new(images, &[0, 1, 2, 0, 1, 2])?.batch_size(2).shuffle(42);
/// assert_eq!((dataset.len(), dataset.sample_shape()), (6, &[28, 28, 1][..]));
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArrayDataset {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    len: usize,
    sample_shape: Vec<usize>,
    target_width: usize,
    class_names: Vec<String>,
    batch_size: usize,
    order: Option<Key>,
}

impl ArrayDataset {
    /// Samples `inputs`, `[samples, ...]`, with their class indices. Classes are named by their index, from 0 to the
    /// largest label; batches of 32, not shuffled.
    ///
    /// # Errors
    /// If the numbers of samples and labels differ.
    pub fn new<D: Dimension>(inputs: Array<f32, D>, labels: &[usize]) -> Result<Self> {
        let classes = labels.iter().max().map_or(0, |largest| largest + 1);
        let targets = labels.iter().map(|&label| label as f32).collect();
        let mut dataset = Self::build(inputs, targets, labels.len(), 1)?;
        dataset.class_names = (0..classes).map(|class| class.to_string()).collect();
        Ok(dataset)
    }

    /// Samples `inputs`, `[samples, ...]`, with any targets, `[samples, ...]`, for example for regression. There are
    /// no class names; batches of 32, not shuffled.
    ///
    /// # Errors
    /// If the numbers of samples and targets differ.
    pub fn with_targets<D: Dimension, T: Dimension>(
        inputs: Array<f32, D>,
        targets: Array<f32, T>,
    ) -> Result<Self> {
        let shape = targets.shape().to_vec();
        let width = shape.iter().skip(1).product();
        Self::build(inputs, flat(targets), shape.first().copied().unwrap_or(0), width)
    }

    fn build<D: Dimension>(
        inputs: Array<f32, D>,
        targets: Vec<f32>,
        target_count: usize,
        target_width: usize,
    ) -> Result<Self> {
        let shape = inputs.shape().to_vec();
        match shape.first() {
            Some(&len) if len == target_count => Ok(ArrayDataset {
                inputs: flat(inputs),
                targets,
                len,
                sample_shape: shape[1..].to_vec(),
                target_width,
                class_names: Vec::new(),
                batch_size: 32,
                order: None,
            }),
            _ => Err(Error::Data(format!(
                "inputs have the shape {shape:?} and there are {target_count} targets; \
                 expected one target for each entry of the inputs' first axis"
            ))),
        }
    }

    /// Samples per batch; an epoch's last batch may be shorter. 0 counts as 1.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size.max(1);
        self
    }

    /// Shuffles the samples in each epoch, by this seed.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.order = Some(Key::new(seed).named("order"));
        self
    }

    /// Names the classes, in the order of their indices.
    ///
    /// # Errors
    /// If there are fewer names than classes.
    pub fn class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() < self.class_names.len() {
            return Err(Error::Data(format!(
                "there are {} class names for {} classes; name each class",
                names.len(),
                self.class_names.len()
            )));
        }
        self.class_names = names;
        Ok(self)
    }

    /// One value a class instead of the class' index: 1 for the sample's, 0 for the others. For the labels of
    /// [`new`](Self::new); targets of [`with_targets`](Self::with_targets) stay as they are.
    pub fn one_hot(mut self) -> Self {
        let classes = self.class_names.len();
        if classes > 0 && self.target_width == 1 {
            let mut targets = Vec::with_capacity(self.len * classes);
            for &label in &self.targets {
                LabelMode::Categorical.push(label as usize, classes, &mut targets);
            }
            self.targets = targets;
            self.target_width = classes;
        }
        self
    }
}

impl Dataset for ArrayDataset {
    fn len(&self) -> usize {
        self.len
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn sample_shape(&self) -> &[usize] {
        &self.sample_shape
    }

    fn target_width(&self) -> usize {
        self.target_width
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len).collect();
        if let Some(key) = self.order {
            key.number(epoch as u64).generator().shuffle(&mut order);
        }
        order
    }

    fn load(&self, samples: &[usize], _epoch: usize, batch: &mut Batch) -> Result<()> {
        let size: usize = self.sample_shape.iter().product();
        batch.samples.clear();
        batch.samples.extend_from_slice(samples);
        let inputs = batch.inputs.floats_mut();
        inputs.clear();
        batch.targets.clear();
        for &sample in samples {
            inputs.extend_from_slice(&self.inputs[sample * size..][..size]);
            batch.targets.extend_from_slice(&self.targets[sample * self.target_width..][..self.target_width]);
        }
        Ok(())
    }
}

/// The elements in the order of their indices, the last axis fastest.
fn flat<D: Dimension>(array: Array<f32, D>) -> Vec<f32> {
    if array.is_standard_layout() { array.into_iter().collect() } else { array.iter().copied().collect() }
}
