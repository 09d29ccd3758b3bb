//! Writes models as Keras' files, with what they predict, for `bench/export/keras_reads.py`:
//!
//!     cargo run --release --example write_keras -- FOLDER [MODEL…]
//!
//! The models are those of the conformance suite, the lecture's transfer model while its base is frozen, partly and not
//! at all, the applications with random weights, and each file MODEL. Each is written as NAME.keras, NAME.h5 and
//! NAME.weights.h5; NAME.txt is the summary, NAME.safetensors an input and the prediction for it.

use std::borrow::Cow;
use std::path::Path;

use petal::applications::*;
use petal::conformance;
use petal::layers::{BatchNormalization, Dense, GlobalAveragePooling2D, Input, Layer};
use petal::model::Model;
use petal::ndarray::ArrayD;
use petal::random::Key;
use petal::training::{Adam, SparseCategoricalCrossentropy};
use petal::{Error, Result};
use safetensors::tensor::{Dtype, View};

/// A model with its name, and an input where not any will do.
type Named = (String, Model, Option<Vec<f32>>);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("the folder to write to");
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let mut models: Vec<Named> = Vec::new();
    for example in conformance::examples(2)? {
        models.push((example.name.replace(' ', "_"), example.model, Some(example.inputs)));
    }
    for (name, frozen) in
        [("transfer_frozen", usize::MAX), ("transfer_fine_tuned", 100), ("transfer_trained", 0)]
    {
        models.push((name.into(), transfer(frozen)?, None));
    }
    models.extend(applications()?);
    for file in arguments {
        let name = Path::new(&file).file_name().unwrap_or_default().to_string_lossy().replace('.', "_");
        models.push((name, Model::load(&file)?, None));
    }
    for (name, mut model, inputs) in models {
        println!("{name}");
        if !model.is_compiled() {
            model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
        }
        write(folder, &name, &model, inputs)?;
    }
    Ok(())
}

fn applications() -> Result<Vec<Named>> {
    let mut models = vec![
        ("MobileNetV2", MobileNetV2::new(64, 64).weights(Weights::None).build()?),
        ("MobileNet", MobileNet::new(64, 64).weights(Weights::None).build()?),
        ("EfficientNetV2B0", EfficientNetV2B0::new(64, 64).weights(Weights::None).build()?),
        ("ResNet50", ResNet50::new(64, 64).weights(Weights::None).build()?),
        (
            "VGG16",
            VGG16::new(64, 64).weights(Weights::None).include_top(false).pooling(Pooling::Max).build()?,
        ),
    ];
    for (_, model) in &mut models {
        vary_statistics(model)?;
    }
    Ok(models.into_iter().map(|(name, model)| (name.to_owned(), model, None)).collect())
}

/// A base with preprocessing before it and a head behind it.
fn transfer(frozen: usize) -> Result<Model> {
    let mut base = MobileNetV2::new(64, 64).weights(Weights::None).include_top(false).build()?;
    let first = frozen.min(base.layers().len());
    base.layers_mut()[..first].iter_mut().for_each(|layer| layer.set_trainable(false));
    let x = Input::image(64, 64, 3);
    let h = lecture_augmentation([64, 64, 3], 0)?.on(&x)?;
    let h = ResNet50::preprocess_input(&h)?;
    let h = base.with_training(false).on(&h)?;
    let h = BatchNormalization::new().on(&GlobalAveragePooling2D::new().on(&h)?)?;
    let mut model = Model::new(&x, &Dense::new(5).on(&h)?)?;
    vary_statistics(&mut model)?;
    Ok(model)
}

/// Gives batch normalizations other numbers than they begin with, which would hide a mistake.
fn vary_statistics(model: &mut Model) -> Result<()> {
    let paths: Vec<(String, Vec<usize>)> =
        model.weights().iter().map(|(path, values)| (path.clone(), values.shape().to_vec())).collect();
    for (path, shape) in paths {
        let mut generator = Key::new(7).named(&path).generator();
        let [low, high] = match path.rsplit('/').next() {
            Some("gamma" | "moving_variance") => [0.8, 1.2],
            Some("beta" | "moving_mean" | "bias") => [-0.1, 0.1],
            _ => continue,
        };
        let values = ArrayD::from_shape_simple_fn(shape, || generator.uniform_in(low, high));
        model.set_weight(&path, values.view())?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, model: &Model, inputs: Option<Vec<f32>>) -> Result<()> {
    let path = |ending: &str| folder.join(format!("{name}{ending}"));
    for ending in [".keras", ".h5", ".weights.h5"] {
        model.save(path(ending))?;
    }
    std::fs::write(path(".txt"), model.summary().to_string()).expect("the summary can be written");
    let mut shape = vec![2];
    shape.extend(model.input_shape().iter());
    let mut generator = Key::new(1).named(name).generator();
    let drawn = || generator.uniform_in(0.0, 255.0);
    let x = match inputs {
        Some(inputs) => ArrayD::from_shape_vec(shape, inputs).expect("a batch of two samples"),
        None => ArrayD::from_shape_simple_fn(shape, drawn),
    };
    let y = model.predict_array(x.view())?;
    let tensors = [("x", Array(&x)), ("y", Array(&y))];
    safetensors::serialize_to_file(tensors, None, &path(".safetensors"))
        .map_err(|error| Error::File { path: path(".safetensors"), problem: error.to_string() })
}

struct Array<'a>(&'a ArrayD<f32>);

impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.0.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        4 * self.0.len()
    }
}
