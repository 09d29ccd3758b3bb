//! `summary()` is Keras' text, byte for byte: tests/fixtures/summaries, made by fixtures/summaries.py.

use petal::Result;
use petal::applications::{MobileNetV2, Weights};
use petal::data::{Batch, Dataset};
use petal::layers::*;
use petal::model::{Model, Sequential, Summary, Tensor};
use petal::training::{Adam, Fit, Optimizer, RMSprop, SparseCategoricalCrossentropy, Verbose};

#[track_caller]
fn assert_is_keras(summary: Summary<'_>, name: &str) {
    let path = format!("{}/tests/fixtures/summaries/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let (ours, theirs) = (summary.to_string(), std::fs::read_to_string(path).unwrap());
    assert!(ours == theirs, "{name}: Petal's text\n{ours}\nKeras' text\n{theirs}");
}

fn augmentation(size: usize) -> Result<Model> {
    Sequential::new(Input::image(size, size, 3))
        .name("data_augmentation")
        .add(RandomFlip::new(FlipMode::Horizontal))
        .add(RandomRotation::new(0.1))
        .add(RandomZoom::new(0.1))
        .build()
}

fn cnn_layers(regularized: bool) -> Result<Vec<LayerSpec>> {
    let mut layers: Vec<LayerSpec> = Vec::new();
    if regularized {
        layers.push(augmentation(180)?.into());
    }
    layers.push(Rescaling::new(1.0 / 255.0).into());
    for filters in [16, 32, 64] {
        layers.push(Conv2D::new(filters, 3).same().relu().into());
        layers.push(MaxPooling2D::new(2).into());
    }
    if regularized {
        layers.push(Dropout::new(0.2).into());
    }
    layers.extend([Flatten::new().into(), Dense::new(128).relu().into(), Dense::new(5).into()]);
    Ok(layers)
}

fn sequential(regularized: bool) -> Result<Model> {
    let layers = cnn_layers(regularized)?;
    layers.into_iter().fold(Sequential::new(Input::image(180, 180, 3)), Sequential::add).build()
}

fn functional(regularized: bool) -> Result<Model> {
    let x = Input::image(180, 180, 3);
    let y = cnn_layers(regularized)?.into_iter().try_fold(x.clone(), |h: Tensor, layer| layer.on(&h))?;
    Model::new(&x, &y)
}

fn branched() -> Result<Model> {
    let inputs = Input::image(32, 32, 3);
    let stem = Conv2D::new(8, 3).same().use_bias(false).on(&inputs)?;
    let x = BatchNormalization::new().on(&stem)?;
    let x = ReLU::new().max_value(6.0).on(&x)?;
    let x = DepthwiseConv2D::new(3).same().name("a_rather_long_depthwise_name").on(&x)?;
    let x = Add::new().on([&stem, &x])?;
    let y = SeparableConv2D::new(4, 3).same().on(&inputs)?;
    let x = Concatenate::new().on([&x, &y, &inputs])?;
    let x = GlobalAveragePooling2D::new().on(&x)?;
    Model::new(&inputs, &Dense::new(5).softmax().on(&x)?)
}

/// A model as a layer of another, with all but its last two layers frozen.
fn frozen_base() -> Result<Model> {
    let base_inputs = Input::image(32, 32, 3);
    let x = Conv2D::new(8, 3).strides(2).same().use_bias(false).on(&base_inputs)?;
    let x = BatchNormalization::new().on(&x)?;
    let x = ReLU::new().max_value(6.0).on(&x)?;
    let x = Conv2D::new(16, 1).name("project").on(&x)?;
    let x = BatchNormalization::new().name("project_BN").on(&x)?;
    let mut base = Model::named("base", 0, &base_inputs, &x)?;
    let layers = base.layers().len();
    base.layers_mut()[..layers - 2].iter_mut().for_each(|layer| layer.set_trainable(false));

    // Keras numbers layers by session, Petal by model.
    let inputs = Input::with_name([32, 32, 3], "input_layer_1");
    let x = augmentation(32)?.on(&inputs)?;
    let x = Rescaling::new(1.0 / 127.5).offset(-1.0).on(&x)?;
    let x = base.with_training(false).on(&x)?;
    let x = GlobalAveragePooling2D::new().on(&x)?;
    let x = Dropout::new(0.2).on(&x)?;
    Model::new(&inputs, &Dense::new(5).on(&x)?)
}

/// One sample of zeros.
struct OneSample(Vec<usize>);

impl Dataset for OneSample {
    fn len(&self) -> usize {
        1
    }

    fn batch_size(&self) -> usize {
        1
    }

    fn sample_shape(&self) -> &[usize] {
        &self.0
    }

    fn target_width(&self) -> usize {
        1
    }

    fn class_names(&self) -> &[String] {
        &[]
    }

    fn order(&self, _epoch: usize) -> Vec<usize> {
        vec![0]
    }

    fn load(&self, samples: &[usize], _epoch: usize, batch: &mut Batch) -> Result<()> {
        batch.samples = samples.to_vec();
        batch.inputs = vec![0.0; self.0.iter().product()].into();
        batch.targets = vec![0.0];
        Ok(())
    }
}

/// Takes one training step, after which the optimizer has its state.
fn with_optimizer(mut model: Model, optimizer: impl Into<Optimizer>) -> Result<Model> {
    model.compile(optimizer, SparseCategoricalCrossentropy::from_logits())?;
    let data = OneSample(model.input_shape().to_vec());
    model.fit(&data, Fit::epochs(1).verbose(Verbose::Silent))?;
    Ok(model)
}

#[test]
fn the_lectures_cnns() -> Result<()> {
    for (name, regularized) in [("cnn", false), ("cnn_regularized", true)] {
        for (kind, model) in
            [("sequential", sequential(regularized)?), ("functional", functional(regularized)?)]
        {
            let name = format!("{name}_{kind}");
            assert_is_keras(model.summary(), &name);
            assert_is_keras(model.summary().line_length(88), &format!("{name}_120_columns"));
            assert_is_keras(model.summary().show_trainable(true), &format!("{name}_show_trainable"));
            if regularized {
                assert_is_keras(model.summary().expand_nested(true), &format!("{name}_expand_nested"));
            }
            assert_is_keras(with_optimizer(model, Adam::new(1e-3))?.summary(), &format!("{name}_adam"));
        }
    }
    Ok(())
}

#[test]
fn branches_and_a_model_in_a_model() -> Result<()> {
    for (name, model, columns_120) in [("branched", branched()?, 108), ("frozen_base", frozen_base()?, 88)] {
        let summary = || model.summary();
        assert_is_keras(summary(), name);
        assert_is_keras(summary().show_trainable(true), &format!("{name}_show_trainable"));
        assert_is_keras(
            summary().expand_nested(true).show_trainable(true),
            &format!("{name}_expand_nested_show_trainable"),
        );
        assert_is_keras(summary().line_length(columns_120), &format!("{name}_120_columns"));
        let mut model = with_optimizer(model, RMSprop::new(1e-3))?;
        assert_is_keras(model.summary(), &format!("{name}_rmsprop"));
        if name == "frozen_base" {
            model.set_trainable(false);
            assert_is_keras(model.summary(), "frozen_base_all_frozen");
        }
    }
    Ok(())
}

/// MobileNetV2 frozen, trainable from layer 100 on, and as a whole.
#[test]
fn the_lectures_transfer_model() -> Result<()> {
    const BASE: &str = "mobilenetv2_1.00_180";
    let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
    let x = Input::with_name([180, 180, 3], "input_layer");
    let h = augmentation(180)?.on(&x)?;
    let h = MobileNetV2::preprocess_input(&h)?;
    let h = base.with_training(false).on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    let h = Dropout::new(0.2).on(&h)?;
    let mut model = Model::new(&x, &Dense::new(5).on(&h)?)?;
    assert_is_keras(model.summary(), "transfer_all");
    model.get_layer_mut(BASE)?.set_trainable(false);
    assert_is_keras(model.summary(), "transfer_frozen");
    assert_is_keras(model.summary().show_trainable(true), "transfer_frozen_show_trainable");
    let mut model = with_optimizer(model, Adam::new(1e-4))?;
    assert_is_keras(model.summary(), "transfer_frozen_adam");

    let base = model.get_model_mut(BASE)?;
    base.set_trainable(true);
    base.layers_mut()[..100].iter_mut().for_each(|layer| layer.set_trainable(false));
    assert_is_keras(model.summary().show_trainable(true), "transfer_from_100_show_trainable");
    let model = with_optimizer(model, RMSprop::new(1e-5))?;
    assert_is_keras(model.summary(), "transfer_from_100_rmsprop");
    let model = with_optimizer(model, Adam::new(1e-5))?;
    assert_is_keras(model.summary(), "transfer_from_100_adam");
    Ok(())
}

#[test]
fn counts_follow_the_flags_and_a_nested_models_layers_have_rows_on_request() -> Result<()> {
    let base = Sequential::new(Input::new([4]))
        .name("base")
        .add(Dense::new(3))
        .add(BatchNormalization::new())
        .build()?;
    let x = Input::new([4]);
    let mut model = Model::new(&x, &Dense::new(2).on(&base.on(&x)?)?)?;
    let counts = |model: &Model| {
        let text = model.summary().to_string();
        text.lines().filter_map(|line| line.strip_prefix(' ')).map(str::to_owned).collect::<Vec<_>>()
    };
    let total = "Total params: 35 (140.00 B)";
    assert_eq!(
        counts(&model),
        [total, "Trainable params: 29 (116.00 B)", "Non-trainable params: 6 (24.00 B)"]
    );
    model.get_layer_mut("base")?.set_trainable(false);
    assert_eq!(
        counts(&model),
        [total, "Trainable params: 8 (32.00 B)", "Non-trainable params: 27 (108.00 B)"]
    );
    let rows = model.summary().expand_nested(true).show_trainable(true).to_string();
    assert!(
        rows.contains("│    └ dense (Dense)          │ (None, 3)             │         15 │   N   │"),
        "{rows}"
    );
    assert!(
        rows.contains("│ dense (Dense)               │ (None, 2)             │          8 │   Y   │"),
        "{rows}"
    );
    Ok(())
}

#[test]
fn narrow_lines_and_long_names_keep_the_table_straight() -> Result<()> {
    let x = Input::with_name([4], "ein Eingang mit Übermaß und Leerzeichen");
    let model = Model::new(&x, &Dense::new(3).name("a".repeat(200)).on(&x)?)?;
    for length in [0, 40, 41, 57, 76, 300] {
        for summary in [model.summary(), model.summary().show_trainable(true)] {
            let text = summary.line_length(length).to_string();
            let widths: Vec<usize> =
                text.lines().skip(1).filter(|l| !l.starts_with(' ')).map(|l| l.chars().count()).collect();
            assert!(widths.iter().all(|&width| width == length.max(40)), "{text}");
        }
    }
    Ok(())
}
