//! What can be set about the steps of a training: hooks, accumulated gradients, averaged weights, steps of an epoch.

use std::sync::Mutex;

use ndarray::Array2;
use petal::Result;
use petal::data::{ArrayDataset, Batch, Dataset};
use petal::layers::*;
use petal::model::Model;
use petal::training::callbacks::Training;
use petal::training::*;

fn inputs() -> Array2<f32> {
    Array2::from_shape_fn((12, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32 / 11.0 - 0.4)
}

fn data(batch: usize) -> ArrayDataset {
    let labels: Vec<usize> = (0..12).map(|i| i % 3).collect();
    ArrayDataset::new(inputs(), &labels).unwrap().batch_size(batch)
}

fn model(optimizer: impl Into<Optimizer>) -> Model {
    let x = Input::new([3]);
    let h = Dense::new(5).relu().on(&x).unwrap();
    let mut model = Model::new(&x, &Dense::new(3).on(&h).unwrap()).unwrap();
    model.compile(optimizer, SparseCategoricalCrossentropy::from_logits()).unwrap();
    model
}

fn kernel(model: &Model) -> Vec<f32> {
    model.weight("dense/kernel").unwrap().iter().copied().collect()
}

fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance), "{a:?}\n{b:?}");
}

fn silent<'a>(epochs: usize) -> Fit<'a> {
    Fit::epochs(epochs).verbose(Verbose::Silent)
}

#[test]
fn a_hook_sees_the_gradients_of_each_batch_and_may_change_them() {
    let mut sizes = Vec::new();
    let mut doubled = model(SGD::new(0.1));
    let fit = silent(2).on_gradients(|gradients, samples| {
        sizes.push((gradients.len(), samples));
        gradients.iter_mut().for_each(|gradient| *gradient *= 2.0);
        Ok(())
    });
    doubled.fit(&data(5), fit).unwrap();
    assert_eq!(sizes, [(38, 5), (38, 5), (38, 2)].repeat(2));
    let mut faster = model(SGD::new(0.2));
    faster.fit(&data(5), silent(2)).unwrap();
    assert_close(&kernel(&doubled), &kernel(&faster), 1e-6);

    let failing = silent(1).on_gradients(|_, _| Err(petal::Error::Training("the others are gone".into())));
    let before = kernel(&doubled);
    assert_eq!(doubled.fit(&data(5), failing).unwrap_err().to_string(), "the others are gone");
    // The weights are still the model's.
    assert_eq!(kernel(&doubled), before);
}

#[test]
fn accumulated_gradients_move_the_weights_as_one_large_batch() {
    let mut small = model(SGD::new(0.1).gradient_accumulation_steps(3));
    small.fit(&data(4), silent(4)).unwrap();
    let mut large = model(SGD::new(0.1));
    large.fit(&data(12), silent(4)).unwrap();
    assert_close(&kernel(&small), &kernel(&large), 1e-5);
}

#[test]
fn with_layer_decay_each_layer_before_the_last_moves_less() {
    let moved = |optimizer: Optimizer| {
        let x = Input::new([3]);
        let h = Dense::new(4).on(&x).unwrap();
        let h = Dense::new(4).on(&h).unwrap();
        let mut model = Model::with_seed(7, &x, &Dense::new(3).on(&h).unwrap()).unwrap();
        let before: Vec<f32> = model.weights().iter().flat_map(|weight| weight.1.to_owned()).collect();
        model.compile(optimizer, SparseCategoricalCrossentropy::from_logits()).unwrap();
        model.fit(&data(12), silent(1)).unwrap();
        let after: Vec<f32> = model.weights().iter().flat_map(|weight| weight.1.to_owned()).collect();
        let first_two = after.iter().zip(&before).take(16 + 20 + 1);
        let moves: Vec<f32> = first_two.map(|(after, before)| after - before).collect();
        (moves, after)
    };
    let (alike, all_alike) = moved(SGD::new(0.5).into());
    let (decaying, all_decaying) = moved(SGD::new(0.5).layer_decay(0.25));
    // One step: kernel and bias of the first layer, of the second, and the last layer's, which is the optimizer's.
    for (parameters, share) in [(0..16, 0.0625), (16..36, 0.25)] {
        let expected: Vec<f32> = alike[parameters.clone()].iter().map(|moved| share * moved).collect();
        assert_close(&decaying[parameters], &expected, 1e-6);
    }
    assert_eq!(all_alike[36..], all_decaying[36..]);
}

#[test]
fn in_the_end_the_weights_are_their_averages_and_training_goes_on_from_a_file_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.petal");
    let optimizer = || Adam::new(0.05).use_ema(true).ema_momentum(0.5).gradient_accumulation_steps(2);
    let weights = Mutex::new(Vec::new());
    struct Watch<'a>(&'a Mutex<Vec<Vec<f32>>>);
    impl Callback for Watch<'_> {
        fn on_batch_end(&mut self, _: usize, _: &Logs, training: &mut Training<'_>) -> Result<()> {
            assert!(training.batch_loss().is_finite());
            self.0.lock().unwrap().push(training.weights()[..15].to_vec());
            Ok(())
        }
    }
    let mut whole = model(optimizer());
    whole.fit(&data(4), silent(2).callback(Watch(&weights))).unwrap();
    let mut average = Vec::new();
    for (i, seen) in weights.lock().unwrap().iter().enumerate() {
        // Keras counts updates, so the average begins anew until there was one.
        if i < 2 {
            average.clone_from(seen);
        } else {
            average.iter_mut().zip(seen).for_each(|(average, seen)| *average = 0.5 * *average + 0.5 * seen);
        }
    }
    assert_close(&kernel(&whole), &average, 1e-6);

    // A checkpoint holds what is accumulated, too: three steps an epoch, two of them an update.
    let mut first = model(optimizer());
    first
        .fit(
            &data(4),
            silent(2)
                .callback(callbacks::ModelCheckpoint::new(file.display().to_string()))
                .callback(StopAfter(1)),
        )
        .unwrap();
    let mut second = Model::load(&file).unwrap();
    let next = second.history().next_epoch();
    second.fit(&data(4), silent(2).initial_epoch(next)).unwrap();
    assert_eq!(kernel(&second), kernel(&whole));
}

/// Ends the run after so many epochs, before averages are taken.
struct StopAfter(usize);

impl Callback for StopAfter {
    fn on_epoch_end(&mut self, epoch: usize, _: &mut Logs, training: &mut Training<'_>) -> Result<()> {
        if epoch + 1 == self.0 {
            training.stop();
        }
        Ok(())
    }
}

/// Writes down which samples it was asked for, in which epoch.
struct Recording {
    data: ArrayDataset,
    asked: Mutex<Vec<(usize, Vec<usize>)>>,
    varies: bool,
}

impl Dataset for Recording {
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
        (0..12).map(|i| (i + epoch) % 12).collect()
    }

    fn load(&self, samples: &[usize], epoch: usize, batch: &mut Batch) -> Result<()> {
        self.asked.lock().unwrap().push((epoch, samples.to_vec()));
        self.data.load(samples, epoch, batch)
    }

    fn varies(&self) -> bool {
        self.varies
    }
}

#[test]
fn an_epoch_of_some_steps_goes_on_where_the_one_before_has_ended() {
    let data = Recording { data: data(5), asked: Mutex::default(), varies: false };
    let mut model = model(SGD::new(0.1));
    model.fit(&data, silent(3).steps_per_epoch(2)).unwrap();
    let asked = data.asked.into_inner().unwrap();
    // Three batches are a pass, the last one short.
    let expected: Vec<(usize, Vec<usize>)> = vec![
        (0, (0..5).collect()),
        (0, (5..10).collect()),
        (0, vec![10, 11]),
        (1, (1..6).collect()),
        (1, (6..11).collect()),
        (1, vec![11, 0]),
    ];
    assert_eq!(asked, expected);
    assert_eq!(model.history().epochs(), [0, 1, 2]);
    let error = model.fit(&self::data(5), silent(4).steps_per_epoch(0)).unwrap_err().to_string();
    assert!(error.contains("steps_per_epoch"), "{error}");
}

#[test]
fn what_samples_give_is_computed_anew_where_they_vary() {
    for (varies, loads) in [(false, 3), (true, 9)] {
        let x = Input::new([3]);
        let frozen = Dense::new(4).trainable(false).on(&x).unwrap();
        let mut model = Model::new(&x, &Dense::new(3).on(&frozen).unwrap()).unwrap();
        model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits()).unwrap();
        let data = Recording { data: data(5), asked: Mutex::default(), varies };
        model.fit(&data, silent(3)).unwrap();
        assert_eq!(data.asked.lock().unwrap().len(), loads);
    }
}

#[test]
fn a_model_without_operations_is_trained_and_stays_as_it_is() {
    let x = Input::new([3]);
    let mut model = Model::new(&x, &Flatten::new().on(&x).unwrap()).unwrap();
    model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits()).unwrap();
    let history = model.fit(&data(5), silent(2).validation(&data(4))).unwrap();
    assert_eq!(history.series("loss")[0], history.series("loss")[1]);
    assert_eq!(
        model.predict(&data(5)).unwrap().into_raw_vec_and_offset().0,
        inputs().into_raw_vec_and_offset().0
    );
}

#[test]
fn metrics_have_keys_of_their_own_and_need_a_compiled_model() {
    let mut model = model(SGD::new(0.1));
    model.metrics([Metric::TopK(1), Metric::TopK(2)]).unwrap();
    let history = model.fit(&data(5), silent(1)).unwrap();
    let keys: Vec<&str> = history.keys().collect();
    assert_eq!(keys, ["loss", "top_1_categorical_accuracy", "top_2_categorical_accuracy"]);
    assert!(
        history.get("top_1_categorical_accuracy").unwrap()[0]
            <= history.get("top_2_categorical_accuracy").unwrap()[0]
    );
    let x = Input::new([3]);
    let mut model = Model::new(&x, &Dense::new(3).on(&x).unwrap()).unwrap();
    assert!(
        model.metrics([Metric::Accuracy]).unwrap_err().to_string().contains("call compile before metrics")
    );
}

#[test]
fn class_indices_need_an_output_for_each_class() {
    let x = Input::new([3]);
    let mut model = Model::new(&x, &Dense::new(1).on(&x).unwrap()).unwrap();
    model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits()).unwrap();
    let labels: Vec<usize> = (0..12).map(|i| i % 2).collect();
    let error = model.fit(&ArrayDataset::new(inputs(), &labels).unwrap(), silent(1)).unwrap_err().to_string();
    assert!(
        error.contains("needs an output for each class") && error.contains("BinaryCrossentropy"),
        "{error}"
    );
}

#[test]
fn a_model_whose_engine_is_another_kind_trains_and_predicts_on_it() {
    use petal::cpu::Cpu;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let made = Arc::new(AtomicUsize::new(0));
    let mut model = model(SGD::new(0.1));
    let count = made.clone();
    model.set_engine(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Box::new(Cpu::default())
    });
    model.fit(&data(5), silent(1)).unwrap();
    model.evaluate(&data(5)).unwrap();
    // A predictor goes on without the model, elsewhere.
    let mut predictor = model.predictor(1).unwrap();
    let expected = model.predict_array(inputs().into_dyn().view()).unwrap();
    drop(model);
    let found =
        std::thread::spawn(move || predictor.predict(&[0.1, 0.2, 0.3]).unwrap().to_vec()).join().unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(expected.shape(), [12, 3]);
    assert_eq!(made.load(Ordering::Relaxed), 4);
}
