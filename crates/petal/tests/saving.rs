//! A saved model predicts and trains on as the one that was saved; a damaged file is refused, with a reason.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use ndarray::{Array, Array4, ArrayD};
use petal::data::{ArrayDataset, Preprocessing};
use petal::layers::*;
use petal::model::{Model, Sequential, Tensor};
use petal::random::Key;
use petal::saving::write_atomically;
use petal::training::{Adam, Callback, Fit, LearningRate, Logs, Metric, OptimizerSettings, SGD};
use petal::training::{SparseCategoricalCrossentropy, Training, Verbose};
use petal::{Error, Result};
use proptest::prelude::*;

/// Every kind of thing that a file has to keep: models in models, frozen layers, moving statistics, random layers,
/// branches, names.
fn model() -> Result<Model> {
    let augmentation = Sequential::new(Input::image(6, 6, 3))
        .name("data_augmentation")
        .add(RandomFlip::new(FlipMode::Horizontal));
    let base_input = Input::image(6, 6, 3);
    let h = Conv2D::new(4, 3).use_bias(false).on(&base_input)?;
    let h = BatchNormalization::new().name("base_BN").on(&h)?;
    let mut base = Model::named("base", 1, &base_input, &h)?;
    base.get_layer_mut("conv2d")?.set_trainable(false);
    let x = Input::image(6, 6, 3);
    let h = augmentation.build()?.on(&x)?;
    let h = Rescaling::new(1.0 / 255.0).on(&h)?;
    let h = base.on(&h)?;
    let a = Conv2D::new(4, 1).relu().on(&h)?;
    let h = Add::new().on([&h, &a])?;
    let h = Dropout::new(0.3).on(&MaxPooling2D::new(2).on(&h)?)?;
    let mut model = Model::with_seed(7, &x, &Dense::new(3).on(&Flatten::new().on(&h)?)?)?;
    model.set_class_names(["daisy", "roses", "tulips"])?;
    model.set_preprocessing(Preprocessing::new(6, 6))?;
    Ok(model)
}

/// A model with each layer that `model` does without.
fn other_layers() -> Result<Model> {
    let x = Input::image(6, 6, 3);
    let augmented: Vec<LayerSpec> = vec![
        RandomRotation::new(0.1).into(),
        RandomTranslation::new(0.1, 0.2).into(),
        RandomZoom::new(0.1).into(),
        RandomContrast::new(0.2).into(),
        RandomBrightness::new(0.1).into(),
        RandomCrop::new(5, 5).into(),
        Resizing::new(7, 6).into(),
        CenterCrop::new(6, 6).into(),
        Normalization::new([1.5, 2.5, 3.5], [0.1, 0.2, 0.3]).into(),
        ZeroPadding2D::new(1).into(),
        DepthwiseConv2D::new(3).into(),
        SeparableConv2D::new(4, 3).same().into(),
        LayerNormalization::new().into(),
        ReLU::new().max_value(6.0).into(),
        SpatialDropout2D::new(0.2).into(),
        AveragePooling2D::new(2).into(),
    ];
    let h = augmented.into_iter().try_fold(x.clone(), |h: Tensor, layer| layer.on(&h))?;
    let average = GlobalAveragePooling2D::new().on(&h)?;
    let max = GlobalMaxPooling2D::new().on(&h)?;
    let h = Concatenate::new().on([&average, &max, &Multiply::new().on([&average, &max])?])?;
    let h = Reshape::new([12]).on(&Softmax::new().on(&Reshape::new([-1, 4]).on(&h)?)?)?;
    Model::new(&x, &Activation::new(Function::Tanh).on(&Dense::new(3).on(&h)?)?)
}

/// A model with each layer that neither has.
fn more_layers() -> Result<Model> {
    let x = Input::image(6, 6, 3);
    let chain: Vec<LayerSpec> = vec![
        AutoContrast::new().into(),
        RandomColorDegeneration::new(0.5).into(),
        RandomErasing::new(0.5).into(),
        RandomGrayscale::new(0.5).into(),
        RandomInvert::new(0.5).into(),
        RandomPosterization::new((3.0, 6.0)).into(),
        RandomShear::new(0.1, 0.2).into(),
        Solarization::new(0.3, 0.5).into(),
        Identity::new().into(),
        GaussianNoise::new(0.1).into(),
        GaussianDropout::new(0.1).into(),
        AlphaDropout::new(0.1).into(),
        StochasticDepth::new(0.1).into(),
        UpSampling2D::new(2).into(),
        Cropping2D::new(3).into(),
        Permute::new([2, 1, 3]).into(),
        PReLU::new().into(),
        LeakyReLU::new(0.3).into(),
        ELU::new(1.0).into(),
        GroupNormalization::new().groups(3).into(),
        RMSNormalization::new().into(),
        UnitNormalization::new().into(),
        LayerScale::new(0.5, 3).into(),
        ActivityRegularization::new(0.0, 0.0).into(),
    ];
    let h = chain.into_iter().try_fold(x.clone(), |h: Tensor, layer| layer.on(&h))?;
    let a = Average::new().on([&h, &x])?;
    let b = Maximum::new().on([&a, &Minimum::new().on([&h, &x])?])?;
    let c = CustomScaleLayer::new(0.2).on([&Subtract::new().on([&a, &b])?, &h])?;
    Model::new(&x, &Dense::new(3).on(&GlobalAveragePooling2D::new().on(&c)?)?)
}

fn photos() -> Array4<f32> {
    let mut generator = Key::new(1).generator();
    Array::from_shape_simple_fn((10, 6, 6, 3), || generator.uniform_in(0.0, 255.0))
}

fn data() -> Result<ArrayDataset> {
    Ok(ArrayDataset::new(photos(), &[0, 1, 2, 0, 1, 2, 0, 1, 2, 0])?.batch_size(4).shuffle(3))
}

fn bits(values: &ArrayD<f32>) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn all_bits(model: &Model) -> Vec<(String, Vec<u32>)> {
    model.weights().into_iter().map(|(path, values)| (path, bits(&values.to_owned()))).collect()
}

fn fit(model: &mut Model, from: usize, to: usize) -> Result<()> {
    model.fit(&data()?, Fit::epochs(to).initial_epoch(from).verbose(Verbose::Silent))?;
    Ok(())
}

#[test]
fn a_loaded_model_predicts_the_same_bits() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    let photos = photos().into_dyn();
    for mut model in [model()?, other_layers()?, more_layers()?] {
        model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits())?;
        fit(&mut model, 0, 1)?;
        model.save(&path)?;
        let loaded = Model::load(&path)?;
        assert_eq!(*loaded, *model);
        assert_eq!(loaded.class_names(), model.class_names());
        assert_eq!(loaded.preprocessing(), model.preprocessing());
        assert_eq!(all_bits(&loaded), all_bits(&model));
        assert_eq!(bits(&loaded.predict_array(photos.view())?), bits(&model.predict_array(photos.view())?));
        assert_eq!(bits(&loaded.augment(photos.view(), 5)?), bits(&model.augment(photos.view(), 5)?));
        assert_eq!(loaded.summary().to_string(), model.summary().to_string());
    }
    Ok(())
}

#[test]
fn the_same_model_gives_the_same_file() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.petal"), folder.path().join("second.petal"));
    model()?.save(&first)?;
    Model::load(&first)?.save(&second)?;
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    Ok(())
}

#[test]
fn training_goes_on_as_if_it_had_not_been_interrupted() -> Result<()> {
    let schedule = LearningRate::exponential_decay(0.013, 5, 0.7);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    for optimizer in
        [Adam::new(schedule.clone()).clipnorm(0.7), SGD::new(schedule).momentum(0.9).weight_decay(0.01)]
    {
        let mut whole = model()?;
        whole.compile(optimizer, SparseCategoricalCrossentropy::from_logits())?;
        whole.metrics([Metric::Accuracy, Metric::TopK(2)]).unwrap();
        let mut halves = whole.clone();
        fit(&mut whole, 0, 4)?;

        fit(&mut halves, 0, 2)?;
        halves.save(&path)?;
        let mut halves = Model::load(&path)?;
        let next = halves.history().next_epoch();
        assert_eq!(next, 2);
        fit(&mut halves, next, 4)?;

        assert_eq!(all_bits(&halves), all_bits(&whole));
        assert_eq!(halves.history(), whole.history());
        assert_eq!(halves.optimizer_params(), whole.optimizer_params());
    }
    Ok(())
}

#[test]
fn a_checkpoint_made_by_a_callback_counts_its_epoch() -> Result<()> {
    struct Checkpoint<'a>(&'a Path);
    impl Callback for Checkpoint<'_> {
        fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
            logs.insert("marked".into(), epoch as f64);
            if epoch == 1 { training.model().save(self.0) } else { Ok(()) }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.petal");
    let mut model = model()?;
    model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits())?;
    model.fit(&data()?, Fit::epochs(3).verbose(Verbose::Silent).callback(Checkpoint(&path)))?;
    assert_eq!(model.history().series("marked"), [0.0, 1.0, 2.0]);
    let mut resumed = Model::load(&path)?;
    let next = resumed.history().next_epoch();
    fit(&mut resumed, next, 3)?;
    assert_eq!(all_bits(&resumed), all_bits(&model));
    Ok(())
}

#[test]
fn what_training_may_change_is_kept() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    let mut model = model()?;
    model.get_layer_mut("base")?.set_trainable(false);
    model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits())?;
    fit(&mut model, 0, 1)?;
    // As in the model itself, flags set after compile ask for another compile.
    model.get_layer_mut("base")?.set_trainable(true);
    model.save(&path)?;
    let mut loaded = Model::load(&path)?;
    assert!(loaded.get_layer("base")?.trainable());
    let error = fit(&mut loaded, 1, 2).unwrap_err().to_string();
    assert!(error.contains("call compile again"), "{error}");
    loaded.get_layer_mut("base")?.set_trainable(false);
    let frozen = loaded.weight("base/conv2d/kernel")?;
    fit(&mut loaded, 1, 2)?;
    assert_eq!(bits(&loaded.weight("base/conv2d/kernel")?), bits(&frozen));
    Ok(())
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    write_atomically(&path, |file| file.write_all(b"old"))?;
    let error = write_atomically(&path, |file| {
        file.write_all(&[0; 100_000])?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert!(error.unwrap_err().to_string().contains("report.html"));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let error = model()?.save(folder.path()).unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("directory"), "{error}");
    assert!(model()?.save(folder.path().join("missing/model.petal")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_permissions_and_its_symbolic_link() -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    write_atomically(&link, |file| file.write_all(b"new"))?;
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    write_atomically("/dev/null", |file| file.write_all(b"nothing"))?;
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    Ok(())
}

fn saved() -> (Vec<u8>, usize) {
    saved_bytes(model().unwrap())
}

/// The model's file after some training: its bytes and the length of its header.
fn saved_bytes(mut model: Model) -> (Vec<u8>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits()).unwrap();
    fit(&mut model, 0, 1).unwrap();
    model.save(&path).unwrap();
    let bytes = fs::read(path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (bytes, header)
}

fn load(bytes: &[u8]) -> Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.petal");
    fs::write(&path, bytes).unwrap();
    let loaded = Model::load(&path);
    if let Err(error) = &loaded {
        assert!(error.to_string().contains("damaged.petal"), "{error}");
    }
    loaded
}

/// The saved model with another text in its header.
fn with_replaced(from: &str, to: &str) -> Result<Model> {
    let (bytes, header) = saved();
    let text = std::str::from_utf8(&bytes[8..8 + header]).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    let text = text.replacen(from, to, 1);
    load(&[&(text.len() as u64).to_le_bytes(), text.as_bytes(), &bytes[8 + header..]].concat())
}

#[track_caller]
fn assert_refused(from: &str, to: &str, reason: &str) {
    let error = with_replaced(from, to).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let (bytes, header) = saved();
    let ends =
        (0..20).chain((20..bytes.len()).step_by(97)).chain(header..header + 20).chain([bytes.len() - 1]);
    for end in ends {
        assert!(load(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    assert!(load(&[&bytes[..], &[0]].concat()).is_err());
    assert!(load(&bytes).is_ok());
}

#[test]
fn an_error_says_what_is_wrong_with_a_file() {
    assert!(matches!(Model::load("missing.petal"), Err(Error::Io { .. })));
    assert!(
        load(&[255; 100])
            .unwrap_err()
            .to_string()
            .contains("is a file of unknown content; expected a .petal file")
    );
    assert_refused(r#"format_version\":1"#, r#"format_version\":3"#, "use a newer one");
    assert_refused(r#"\"filters\":4"#, r#"\"filters\":5"#, "layer 'add'");
    assert_refused(
        r#"\"units\":3"#,
        r#"\"units\":4"#,
        "layer 'dense': weight 'kernel' has shape [16, 3]; expected [16, 4]",
    );
    assert_refused(r#"\"kernel_size\":[3,3]"#, r#"\"kernel_size\":[2,2]"#, "layer 'base/conv2d'");
    assert_refused(r#""dense/bias""#, r#""dense/bios""#, "layer 'dense': weight 'bias' is missing");
    assert_refused(
        r#"\"shape\":[6,6,3]"#,
        r#"\"shape\":[2000000000,2000000000,3]"#,
        "at most 268435456 values",
    );
    assert_refused(r#"\"shape\":[6,6,3]"#, r#"\"shape\":[9999999999,6,3]"#, "expected at most 2147483648");
    assert_refused(r#"\"filters\":4"#, r#"\"filters\":2000000000"#, "expected at most");
    assert_refused(r#"\"inputs\":[0]"#, r#"\"inputs\":[5]"#, "comes later");
    assert_refused(r#"\"inputs\":[0]"#, r#"\"inputs\":[1]"#, "comes later");
    assert_refused(r#"\"name\":\"dense\""#, r#"\"name\":\"dropout\""#, "two layers have this name");
    assert_refused(r#"\"daisy\","#, "", "class_names is 2 names");
    assert_refused(r#"\"iterations\":3"#, r#"\"iterations\":18446744073709551615"#, "which cannot be");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_makes_loading_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[0-9a-z\\[\\]{}:,.\" -]|\\PC"), 1..4),
        insert: bool,
        which in 0usize..3,
    ) {
        static SAVED: LazyLock<[(Vec<u8>, usize); 3]> = LazyLock::new(|| {
            [saved(), saved_bytes(other_layers().unwrap()), saved_bytes(more_layers().unwrap())]
        });
        let (bytes, header) = &SAVED[which];
        let mut text = bytes[8..8 + header].to_vec();
        for (place, new) in changes {
            let place = place.index(text.len());
            text.splice(place..place + usize::from(!insert), new.bytes());
        }
        let length = (text.len() as u64).to_le_bytes();
        if let Ok(model) = load(&[&length, &text[..], &bytes[8 + header..]].concat()) {
            // What is accepted is sound.
            let shape = [&[2], &model.input_shape()[..]].concat();
            model.predict_array(ArrayD::zeros(shape).view()).unwrap();
        }
    }
}

#[test]
fn no_number_in_the_header_makes_loading_panic() {
    for model in [model(), other_layers(), more_layers()] {
        let (bytes, header) = saved_bytes(model.unwrap());
        let text = std::str::from_utf8(&bytes[8..8 + header]).unwrap();
        let is_number = |c: char| c.is_ascii_digit() || "+-.e".contains(c);
        let mut start = text.find("format_version").unwrap();
        while let Some(found) = text[start..].find(|c: char| c.is_ascii_digit()) {
            start += found;
            let end = text[start..].find(|c| !is_number(c)).map_or(text.len(), |at| start + at);
            for number in ["0", "-1", "2147483648", "9223372036854775807"] {
                let text = [&text[..start], number, &text[end..]].concat();
                let length = (text.len() as u64).to_le_bytes();
                let Ok(model) = load(&[&length, text.as_bytes(), &bytes[8 + header..]].concat()) else {
                    continue;
                };
                if model.layers().iter().all(|layer| layer.output_shape().elements() < 10_000) {
                    let shape = [&[2], &model.input_shape()[..]].concat();
                    model.predict_array(ArrayD::zeros(shape).view()).unwrap();
                }
            }
            start = end;
        }
    }
}

#[test]
fn long_chains_are_built_saved_and_loaded() -> Result<()> {
    let x = Input::new([2]);
    let mut h = x.clone();
    for _ in 0..20_000 {
        h = Activation::new(Function::Relu).on(&h)?;
    }
    let model = Model::new(&x, &h)?;
    drop((x, h));
    assert_eq!(model.layers().last().unwrap().name(), "activation_19999");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep.petal");
    model.save(&path)?;
    assert_eq!(Model::load(&path)?.layers().len(), 20_001);
    Ok(())
}

#[test]
fn layers_with_one_name_and_bottomless_nesting_are_refused() -> Result<()> {
    let x = Input::new([2]);
    let h = Dense::new(2).name("twin").on(&x)?;
    let error = Model::new(&x, &Dense::new(2).name("twin").on(&h)?).unwrap_err().to_string();
    assert!(error.contains("'twin'") && error.contains("two layers"), "{error}");
    assert!(Model::new(&x, &Dense::new(2).name("a/b").on(&x)?).is_err());

    let nest = |model: Model| -> Result<Model> {
        let x: Tensor = Input::new([2]);
        Model::new(&x, &model.on(&x)?)
    };
    let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nested.petal");
    let error = loop {
        match nest(model.clone()) {
            Ok(deeper) => {
                deeper.save(&path)?;
                model = Model::load(&path)?;
            }
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("models deep"), "{error}");
    Ok(())
}
