//! Several ranks train what one machine trains.

use std::sync::Arc;

use ndarray::Array;
use petal::data::{ArrayDataset, Batch, Dataset, Skipped};
use petal::layers::*;
use petal::model::Model;
use petal::training::callbacks::{EarlyStopping, LambdaCallback};
use petal::training::*;

/// Runs `work` on each of so many ranks.
fn on_ranks<T: Send>(size: usize, work: impl Fn(Arc<dyn Collective>) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let ranks: Vec<_> =
            Threads::ranks(size).into_iter().map(|rank| scope.spawn(|| work(Arc::new(rank)))).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// Images of three classes, in batches of 8 with a last one of `samples % 8`.
fn images(samples: usize) -> ArrayDataset {
    let labels: Vec<usize> = (0..samples).map(|sample| sample % 3).collect();
    let pixel = |(sample, row, column, channel): (usize, usize, usize, usize)| {
        let noise = ((sample * 31 + row * 17 + column * 7 + channel * 3) % 23) as f32;
        (5.0 * noise + 40.0 * ((sample % 3) * (1 + channel)) as f32) % 256.0
    };
    let inputs = Array::from_shape_fn((samples, 12, 12, 3), pixel);
    ArrayDataset::new(inputs, &labels).unwrap().batch_size(8).shuffle(7)
}

/// A CNN with all that draws.
fn cnn() -> Model {
    let x = Input::image(12, 12, 3);
    let h = RandomFlip::new(FlipMode::Horizontal).on(&x).unwrap();
    let h = RandomRotation::new(0.1).on(&h).unwrap();
    let h = Rescaling::new(1.0 / 255.0).on(&h).unwrap();
    let h = Conv2D::new(8, 3).relu().on(&h).unwrap();
    let h = MaxPooling2D::new(2).on(&h).unwrap();
    let h = Flatten::new().on(&h).unwrap();
    let h = Dropout::new(0.2).on(&h).unwrap();
    compiled(Model::new(&x, &Dense::new(3).on(&h).unwrap()).unwrap())
}

/// One whose normalization is by the batch.
fn normalized() -> Model {
    let x = Input::image(12, 12, 3);
    let h = Conv2D::new(8, 3).on(&x).unwrap();
    let h = BatchNormalization::new().momentum(0.5).on(&h).unwrap();
    let h = ReLU::new().on(&h).unwrap();
    let h = Conv2D::new(4, 3).on(&h).unwrap();
    let h = BatchNormalization::new().momentum(0.5).on(&h).unwrap();
    let h = GlobalAveragePooling2D::new().on(&h).unwrap();
    compiled(Model::new(&x, &Dense::new(3).on(&h).unwrap()).unwrap())
}

/// One whose first layers are frozen.
fn on_frozen_base() -> Model {
    let mut model = cnn();
    // Flips and rotations are drawn before the convolution, so nothing could be kept of it.
    let x = Input::image(12, 12, 3);
    let h = Conv2D::new(8, 3).relu().on(&x).unwrap();
    let h = GlobalAveragePooling2D::new().on(&h).unwrap();
    let h = Rescaling::new(0.01).on(&h).unwrap();
    model.clone_from(&Model::new(&x, &Dense::new(3).on(&h).unwrap()).unwrap());
    model.get_layer_mut("conv2d").unwrap().set_trainable(false);
    compiled(model)
}

fn compiled(mut model: Model) -> Model {
    let optimizer = SGD::new(0.05).momentum(0.9);
    model.compile(optimizer, SparseCategoricalCrossentropy::from_logits()).unwrap();
    model
}

fn silent<'a>(epochs: usize, validation: &'a dyn Dataset) -> Fit<'a> {
    Fit::epochs(epochs).validation(validation).verbose(Verbose::Silent)
}

#[track_caller]
fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    let largest = a.iter().map(|value| value.abs()).fold(0.0, f32::max);
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= tolerance * largest, "{apart} apart, the largest is {largest}");
}

/// Trains on one machine, on 2, 3 and 5 ranks, and twice on 3.
fn compare(model: fn() -> Model, data: &(dyn Dataset + Sync)) {
    let validation = images(13);
    let mut alone = model();
    let history = alone.fit(data, silent(3, &validation)).unwrap();
    for size in [2, 3, 5] {
        let train = || {
            on_ranks(size, |rank| {
                let mut model = model();
                let history = model.fit(data, silent(3, &validation).ranks(rank)).unwrap();
                (model.shared_weights(), history)
            })
        };
        let trained = train();
        for (weights, of_rank) in &trained {
            assert_eq!(weights, &trained[0].0, "ranks of {size} differ");
            assert_close(&alone.shared_weights(), weights, 2e-5);
            for key in ["loss", "accuracy", "val_loss", "val_accuracy"] {
                for (a, b) in history.get(key).unwrap().iter().zip(of_rank.get(key).unwrap()) {
                    assert!(
                        (a - b).abs() <= 1e-5 * (1.0 + a.abs()),
                        "{key} is {b} on {size} ranks, {a} on one"
                    );
                }
            }
        }
        assert_eq!(trained[0].0, train()[0].0, "{size} ranks trained something else the second time");
    }
}

#[test]
fn ranks_train_what_one_machine_trains() {
    // The last batch has 3 samples: two of five ranks have none.
    compare(cnn, &images(35));
}

#[test]
fn statistics_of_batches_are_those_of_all_ranks() {
    compare(normalized, &images(35));
}

#[test]
fn features_of_a_frozen_base_are_shared() {
    compare(on_frozen_base, &images(35));
}

#[test]
fn a_head_is_fitted_on_the_features_of_all_ranks() {
    let (data, validation) = (images(35), images(13));
    let mut alone = on_frozen_base();
    let fitted = alone.fit_head(&data, silent(1, &validation)).unwrap();
    let ranks = on_ranks(3, |rank| {
        let mut model = on_frozen_base();
        let fitted = model.fit_head(&data, silent(1, &validation).ranks(rank)).unwrap();
        (model.shared_weights(), fitted)
    });
    for (weights, of_rank) in ranks {
        assert_close(&alone.shared_weights(), &weights, 1e-5);
        assert_eq!((of_rank.l2, of_rank.history), (fitted.l2, fitted.history.clone()));
    }
}

/// Images of which one can be read only in the first epoch.
struct Losing(ArrayDataset);

impl Dataset for Losing {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn batch_size(&self) -> usize {
        Dataset::batch_size(&self.0)
    }
    fn sample_shape(&self) -> &[usize] {
        self.0.sample_shape()
    }
    fn target_width(&self) -> usize {
        self.0.target_width()
    }
    fn class_names(&self) -> &[String] {
        Dataset::class_names(&self.0)
    }
    fn order(&self, epoch: usize) -> Vec<usize> {
        self.0.order(epoch)
    }
    fn load(&self, samples: &[usize], epoch: usize, batch: &mut Batch) -> petal::Result<()> {
        let left: Vec<usize> = samples.iter().copied().filter(|&sample| epoch == 0 || sample != 4).collect();
        self.0.load(&left, epoch, batch)
    }
    fn lost(&self) -> Vec<Skipped> {
        Vec::new()
    }
}

#[test]
fn a_photo_that_vanishes_counts_on_no_rank() {
    compare(cnn, &Losing(images(35)));
}

#[test]
fn what_one_rank_stops_ends_on_all() {
    let (data, validation) = (images(35), images(13));
    let ranks = on_ranks(3, |rank| {
        let mut model = cnn();
        let mut fit = silent(9, &validation);
        if rank.rank() == 2 {
            let stop = LambdaCallback::new().on_epoch_end(|epoch, _, training| {
                if epoch == 1 {
                    training.stop();
                }
                Ok(())
            });
            fit = fit.callback(stop);
        }
        if rank.rank() == 0 {
            let restores = EarlyStopping::new().monitor("val_loss").mode(callbacks::Mode::Max);
            fit = fit.callback(restores.patience(5).restore_best_weights(true));
        }
        let history = model.fit(&data, fit.ranks(rank)).unwrap();
        (history, model.shared_weights())
    });
    for (history, weights) in &ranks {
        assert_eq!(history.epochs(), [0, 1]);
        assert_eq!(weights, &ranks[0].1, "the best weights are on one rank alone");
    }
}

#[test]
fn a_rank_that_ends_is_missed_by_name() {
    let data = images(35);
    let outcomes = on_ranks(3, |rank| {
        let mut model = cnn();
        let number = rank.rank();
        let fit = Fit::epochs(2).verbose(Verbose::Silent).ranks(rank);
        let hook = move |_: &mut [f32], _: usize| match number {
            1 => Err(petal::Error::Training("out of order".into())),
            _ => Ok(()),
        };
        model.fit(&data, fit.on_gradients(hook)).map(drop).map_err(|error| error.to_string())
    });
    assert_eq!(outcomes[1], Err("out of order".to_owned()));
    for outcome in [&outcomes[0], &outcomes[2]] {
        let error = outcome.as_ref().unwrap_err();
        assert!(error.contains("has ended before the training has"), "{error}");
    }
}
