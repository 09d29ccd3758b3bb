//! Features of frozen layers are computed once for each sample, and change nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array4;
use petal::Result;
use petal::data::{ArrayDataset, Batch, Dataset};
use petal::layers::*;
use petal::model::Model;
use petal::training::*;

const SIZE: usize = 20;

/// Random images, and a count of how often one is loaded.
struct Images {
    data: ArrayDataset,
    loads: AtomicUsize,
}

impl Images {
    fn new(samples: usize, seed: u64) -> Self {
        let mut generator = petal::random::Key::new(seed).generator();
        let images = Array4::from_shape_simple_fn((samples, SIZE, SIZE, 3), || 255.0 * generator.uniform());
        let labels: Vec<usize> = (0..samples).map(|i| i * 7 % 3).collect();
        let data = ArrayDataset::new(images, &labels).unwrap().batch_size(8).shuffle(seed);
        Images { data, loads: AtomicUsize::new(0) }
    }
}

impl Dataset for Images {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn batch_size(&self) -> usize {
        Dataset::batch_size(&self.data)
    }

    fn sample_shape(&self) -> &[usize] {
        self.data.sample_shape()
    }

    fn target_width(&self) -> usize {
        self.data.target_width()
    }

    fn class_names(&self) -> &[String] {
        Dataset::class_names(&self.data)
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        self.data.order(epoch)
    }

    fn load(&self, samples: &[usize], epoch: usize, batch: &mut Batch) -> Result<()> {
        self.loads.fetch_add(samples.len(), Ordering::Relaxed);
        self.data.load(samples, epoch, batch)
    }
}

/// A small base in MobileNetV2's manner under the lecture's head; the base's first layers are frozen.
fn model(frozen: usize, augmented: bool) -> Result<Model> {
    let x = Input::image(SIZE, SIZE, 3);
    let relu6 = || ReLU::new().max_value(6.0);
    let h = Conv2D::new(8, 3).strides(2).same().use_bias(false).on(&x)?;
    let a = relu6().on(&BatchNormalization::new().on(&h)?)?;
    let h = Conv2D::new(19, 1).use_bias(false).on(&a)?;
    let h = relu6().on(&BatchNormalization::new().on(&h)?)?;
    let h = DepthwiseConv2D::new(3).same().use_bias(false).on(&h)?;
    let h = relu6().on(&BatchNormalization::new().on(&h)?)?;
    let h = BatchNormalization::new().on(&Conv2D::new(8, 1).use_bias(false).on(&h)?)?;
    let mut base = Model::new(&x, &Add::new().on([&a, &h])?)?;
    for layer in &mut base.layers_mut()[..frozen] {
        layer.set_trainable(false);
    }
    let x = Input::image(SIZE, SIZE, 3);
    let mut h = Rescaling::new(1.0 / 127.5).offset(-1.0).on(&x)?;
    if augmented {
        h = RandomFlip::new(FlipMode::Horizontal).on(&h)?;
    }
    let h = base.with_training(false).on(&h)?;
    let h = Dropout::new(0.2).on(&GlobalAveragePooling2D::new().on(&h)?)?;
    let mut model = Model::with_seed(5, &x, &Dense::new(3).on(&h)?)?;
    model.compile(RMSprop::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    Ok(model)
}

const EPOCHS: usize = 4;

/// Everything that training gave, and how often a training and a validation image were loaded.
fn train(frozen: usize, augmented: bool, reuse: bool) -> Result<(Vec<u32>, History, [usize; 2])> {
    let (train, val) = (Images::new(37, 1), Images::new(13, 2));
    let mut model = model(frozen, augmented)?;
    let fit = Fit::epochs(EPOCHS).validation(&val).reuse_features(reuse).verbose(Verbose::Silent);
    let history = model.fit(&train, fit)?;
    let file = tempfile::tempdir().expect("a folder for temporary files");
    let path = file.path().join("model.petal");
    model.save(&path)?;
    let mut bits = Vec::new();
    let loaded = std::fs::read(&path).expect("the model was saved");
    let tensors = safetensors::SafeTensors::deserialize(&loaded).expect("a model file is a safetensors file");
    let mut names = tensors.names();
    names.sort();
    for name in names {
        bits.extend(tensors.tensor(name).unwrap().data().iter().map(|&byte| u32::from(byte)));
    }
    let loads = [&train, &val].map(|images| images.loads.load(Ordering::Relaxed));
    Ok((bits, history, loads))
}

#[test]
fn results_are_the_same_bit_for_bit() -> Result<()> {
    for (frozen, augmented) in [(13, false), (13, true), (7, false), (3, true), (0, false)] {
        let (with, without) = (train(frozen, augmented, true)?, train(frozen, augmented, false)?);
        let case = format!("{frozen} layers frozen, augmented: {augmented}");
        assert!(with.0 == without.0, "{case}: weights");
        assert_eq!(with.1, without.1, "{case}: history");
        assert_eq!(without.2, [37 * EPOCHS, 13 * EPOCHS], "{case}");
    }
    Ok(())
}

#[test]
fn a_sample_before_frozen_layers_is_loaded_once() -> Result<()> {
    assert_eq!(train(13, false, true)?.2, [37, 13]);
    // Each epoch draws other augmentations, but never of validation data.
    assert_eq!(train(13, true, true)?.2, [37 * EPOCHS, 13]);
    assert_eq!(train(4, true, true)?.2, [37 * EPOCHS, 13]);
    // Nothing is frozen.
    assert_eq!(train(0, false, true)?.2, [37 * EPOCHS, 13 * EPOCHS]);
    Ok(())
}
