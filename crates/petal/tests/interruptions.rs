//! What comes between a training and its end: numbers that are none, photos that vanish, too little memory, Ctrl-C.

use std::fs;
use std::path::Path;

use ndarray::{Array2, ArrayD};
use petal::data::{ArrayDataset, Batch, Dataset, ImageDataset, ImageFolder};
use petal::layers::*;
use petal::model::Model;
use petal::training::*;
use petal::{Error, Result};
use tempfile::TempDir;

fn dense() -> Model {
    let x = Input::new([4]);
    let mut model = Model::with_seed(3, &x, &Dense::new(3).on(&x).unwrap()).unwrap();
    model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits()).unwrap();
    model
}

fn numbers() -> ArrayDataset {
    let inputs = Array2::from_shape_fn((24, 4), |(i, j)| ((i * 7 + j * 3) % 11) as f32 / 11.0);
    let labels: Vec<usize> = (0..24).map(|i| i % 3).collect();
    ArrayDataset::new(inputs, &labels).unwrap().batch_size(8)
}

fn silent<'a>(epochs: usize) -> Fit<'a> {
    Fit::epochs(epochs).verbose(Verbose::Silent)
}

/// Spoils the weights before an epoch, or at its end.
struct Spoil {
    epoch: usize,
    at_end: bool,
}

impl Spoil {
    fn spoil(&self, training: &mut Training<'_>) -> Result<()> {
        let mut weights = training.weights().to_vec();
        weights[1] = f32::NAN;
        training.set_weights(&weights)
    }
}

impl Callback for Spoil {
    fn on_epoch_begin(&mut self, epoch: usize, training: &mut Training<'_>) -> Result<()> {
        if epoch == self.epoch && !self.at_end { self.spoil(training) } else { Ok(()) }
    }

    fn on_batch_end(&mut self, step: usize, logs: &Logs, training: &mut Training<'_>) -> Result<()> {
        let _ = logs;
        if step == 2 && self.at_end { self.spoil(training) } else { Ok(()) }
    }
}

#[test]
fn a_training_that_diverges_goes_back_to_the_last_whole_epoch() {
    let data = numbers();
    let mut expected = dense();
    expected.fit(&data, silent(1)).unwrap();

    let mut model = dense();
    let error = model.fit(&data, silent(3).callback(Spoil { epoch: 1, at_end: false })).unwrap_err();
    assert!(matches!(error, Error::Diverged(_)));
    let text = error.to_string();
    assert!(text.contains("step 1 of epoch 2") && text.contains("weights of epoch 1"), "{text}");
    assert_eq!(model.weights(), expected.weights());
    assert_eq!(model.history().epochs(), [0]);
    // Training goes on from there, with numbers.
    model.fit(&data, silent(3).initial_epoch(1)).unwrap();
    assert!(model.history().series("loss").iter().all(|loss| loss.is_finite()));

    // The last step's loss says nothing of the weights after it.
    let mut model = dense();
    let error =
        model.fit(&data, silent(1).callback(Spoil { epoch: 0, at_end: true })).unwrap_err().to_string();
    assert!(error.contains("weight 'dense/kernel' is no number") && error.contains("before"), "{error}");
    assert_eq!(model.weights(), dense().weights());
}

#[test]
fn a_training_may_be_let_diverge_and_its_model_answers_nothing() {
    let data = numbers();
    let mut model = dense();
    let fit = silent(2).terminate_on_nan(false).callback(Spoil { epoch: 0, at_end: false });
    let history = model.fit(&data, fit).unwrap();
    assert!(history.series("loss").iter().all(|loss| loss.is_nan()));
    assert!(!history.to_json().contains("NaN"));
    for error in [
        model.evaluate(&data).unwrap_err(),
        model.predict(&data).unwrap_err(),
        model.predictor(8).unwrap_err(),
        model.classify(&data).unwrap_err(),
        model.predict_array(ArrayD::zeros(vec![1, 4]).view()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("'dense/kernel'"), "{error}");
    }
}

#[test]
fn answers_that_are_no_numbers_are_an_error() {
    let mut model = dense();
    model.set_weight("dense/kernel", ArrayD::from_elem(vec![4, 3], f32::MAX).view()).unwrap();
    let inputs = ArrayD::from_elem(vec![1, 4], 100.0);
    assert!(model.predict_probabilities(inputs.view()).unwrap_err().to_string().contains("no numbers"));
}

/// Ends the training in a step of the validation.
#[derive(Default)]
struct StopInValidation {
    steps: usize,
    cut_short: bool,
}

impl Callback for StopInValidation {
    fn on_test_batch_end(&mut self, step: usize, training: &mut Training<'_>) -> Result<()> {
        self.steps += 1;
        if step == 1 {
            training.stop_now();
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, _epoch: usize, logs: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        assert!(!logs.contains_key("val_loss"), "half a validation says nothing");
        self.cut_short = training.is_cut_short();
        Ok(())
    }
}

#[test]
fn a_training_can_be_ended_in_its_validation() {
    let data = numbers();
    let mut stop = StopInValidation::default();
    let history = dense().fit(&data, silent(5).validation(&data).callback(&mut stop)).unwrap();
    assert_eq!((history.epochs().len(), stop.steps, stop.cut_short), (1, 2, true));
}

/// Two classes of `each` gray pictures.
fn photos(each: usize) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (class, shade) in [("cat", 0), ("dog", 100)] {
        fs::create_dir(root.path().join(class)).unwrap();
        for i in 0..each {
            let picture = image::RgbImage::from_pixel(6, 6, image::Rgb([shade + i as u8; 3]));
            picture.save(root.path().join(class).join(format!("{i:03}.png"))).unwrap();
        }
    }
    root
}

fn open(root: &Path) -> ImageFolder {
    ImageFolder::new(root).image_size(6, 6).batch_size(4).shuffle(false)
}

fn remove(data: &ImageDataset, sample: usize) {
    fs::remove_file(&data.file_paths()[sample]).unwrap();
}

#[test]
fn photos_that_vanish_or_change_leave_their_batches() {
    let root = photos(6);
    // The first photo's pixels are kept, so it cannot be lost.
    let mut data = open(root.path()).memory_budget(6 * 6 * 3).load().unwrap();
    let sizes = |data: &ImageDataset, samples: &[usize]| {
        let mut batch = Batch::default();
        data.load(samples, 0, &mut batch).unwrap();
        assert_eq!((batch.targets.len(), batch.inputs.to_floats().len()), (batch.len(), batch.len() * 108));
        let shade = |i: usize| batch.inputs.to_floats()[i * 108];
        (batch.samples.clone(), (0..batch.len()).map(shade).collect::<Vec<_>>())
    };
    assert_eq!(sizes(&data, &[0, 3, 1, 2]), (vec![0, 3, 1, 2], vec![0.0, 3.0, 1.0, 2.0]));
    let bytes = fs::read(&data.file_paths()[3]).unwrap();
    for sample in [0, 3] {
        remove(&data, sample);
    }
    fs::copy(&data.file_paths()[7], &data.file_paths()[2]).unwrap();
    assert_eq!(sizes(&data, &[0, 3, 1, 2]), (vec![0, 1], vec![0.0, 1.0]));
    // What is lost stays lost, or an epoch's photos would depend on the moment.
    fs::write(&data.file_paths()[3], bytes).unwrap();
    assert_eq!(sizes(&data, &[3, 2]), (vec![], vec![]));
    let lost = data.lost();
    assert_eq!(lost.len(), 2);
    assert!(lost.iter().any(|file| file.path == data.file_paths()[2] && file.reason.contains("changed")));

    let last = data.file_paths()[11].clone();
    assert!(data.leave_out_lost() && !data.leave_out_lost());
    assert_eq!((data.len(), data.lost().len(), data.skipped().len()), (10, 0, 2));
    assert_eq!((&data.file_paths()[9], data.labels()[3]), (&last, 0));
    assert_eq!(sizes(&data, &[0, 2, 4]), (vec![0, 2, 4], vec![0.0, 4.0, 100.0]));
}

#[test]
fn too_many_lost_photos_are_an_error_and_with_strict_one_is() {
    let root = photos(8);
    let strict = open(root.path()).memory_budget(0).strict(true).load().unwrap();
    let data = open(root.path()).memory_budget(0).load().unwrap();
    let mut batch = Batch::default();
    for sample in 0..10 {
        remove(&data, sample);
    }
    data.load(&(0..16).collect::<Vec<_>>(), 0, &mut batch).unwrap();
    assert_eq!(batch.samples, [10, 11, 12, 13, 14, 15]);
    remove(&data, 10);
    let error = data.load(&[9, 10, 11], 0, &mut batch).unwrap_err().to_string();
    assert!(error.contains("11 of 16 photos"), "{error}");
    let error = strict.load(&[0], 0, &mut batch).unwrap_err().to_string();
    assert!(error.contains("000.png") && error.contains("1 of 16"), "{error}");
}

/// A frozen convolution, whose features are kept, under a layer that trains.
fn network(frozen: bool) -> Model {
    let x = Input::image(6, 6, 3);
    let h = Conv2D::new(4, 3).on(&Rescaling::new(1.0 / 255.0).on(&x).unwrap()).unwrap();
    let h = Flatten::new().on(&h).unwrap();
    let mut model = Model::with_seed(1, &x, &Dense::new(2).on(&h).unwrap()).unwrap();
    model.get_layer_mut("conv2d").unwrap().set_trainable(!frozen);
    model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits()).unwrap();
    model
}

#[test]
fn training_goes_on_without_lost_photos_and_counts_only_those_there() {
    for frozen in [false, true] {
        let root = photos(8);
        let train = open(root.path()).memory_budget(0).load().unwrap();
        // A whole batch of the validation, and one photo of another.
        let mut validation = open(root.path()).memory_budget(0).load().unwrap();
        for sample in [4, 5, 6, 7, 9] {
            remove(&train, sample);
        }
        let mut model = network(frozen);
        let history = model.fit(&train, silent(3).validation(&validation)).unwrap();
        assert_eq!((train.lost().len(), validation.lost().len()), (5, 5));

        assert!(model.predict(&validation).unwrap_err().to_string().contains("5 of 16 samples"));
        assert!(model.bottleneck_features(&validation).is_err());
        let seen = model.evaluate(&validation).unwrap();
        assert_eq!(history.series("val_loss")[2], seen.loss);
        validation.leave_out_lost();
        let alone = model.evaluate(&validation).unwrap();
        assert_eq!(seen.accuracy(), alone.accuracy());
        assert!((seen.loss - alone.loss).abs() < 1e-6, "{seen:?} {alone:?}");
    }
}

#[test]
fn memory_that_there_is_not_is_refused_before_it_is_taken() {
    let model = network(false);
    for error in [
        model.predictor(usize::MAX).unwrap_err(),
        model.predictor(1 << 40).unwrap_err(),
        model.check_training_memory(1 << 40).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains(" GB") && text.contains("batch size"), "{text}");
    }
    model.check_training_memory(32).unwrap();
}
