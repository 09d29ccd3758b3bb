//! Training that is killed after any epoch and gone on with, beside one that is not.

use std::fs;
use std::path::Path;

use petal::Error;
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::Model;
use petal::training::callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau,
};
use petal::training::{Adam, Callback, Fit, Logs, SGD, SparseCategoricalCrossentropy, Training, Verbose};

const EPOCHS: usize = 30;

/// Ends training as a kill does: without the end of the epoch for the callbacks after it, or of the training.
struct Kill {
    after: Option<usize>,
}

impl Callback for Kill {
    fn on_epoch_end(
        &mut self,
        epoch: usize,
        _logs: &mut Logs,
        _training: &mut Training<'_>,
    ) -> petal::Result<()> {
        match self.after {
            Some(after) if after == epoch => Err(Error::Training("killed".into())),
            _ => Ok(()),
        }
    }
}

fn data(seed: u32) -> ArrayDataset {
    let value = |i: usize, j: usize| ((i * 7 + j * 3 + seed as usize * 5) % 11) as f32 / 11.0;
    let labels: Vec<usize> = (0..24).map(|i| (i * i + seed as usize) % 3).collect();
    ArrayDataset::new(ndarray::Array2::from_shape_fn((24, 5), |(i, j)| value(i, j)), &labels).unwrap()
}

fn new_model() -> Model {
    let x = Input::new([5]);
    let h = Dense::new(8).relu().on(&x).unwrap();
    let h = Dropout::new(0.3).on(&h).unwrap();
    let mut model = Model::with_seed(3, &x, &Dense::new(3).on(&h).unwrap()).unwrap();
    model.compile(Adam::new(0.05), SparseCategoricalCrossentropy::from_logits()).unwrap();
    model
}

/// Trains in `folder`, where another training may have been killed.
fn train(folder: &Path, kill: Option<usize>) -> petal::Result<Model> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (last, best) = (path("last.petal"), path("best.petal"));
    let mut model = match Path::new(&last).exists() {
        true => Model::load(&last)?,
        false => new_model(),
    };
    let history = model.history().clone();
    let kept = Path::new(&best).exists().then(|| Model::load(&best)).transpose()?;
    let validation = data(2);
    let fit = Fit::epochs(EPOCHS)
        .initial_epoch(history.next_epoch())
        .validation(&validation)
        .callback(reduce_rate().resume(&history))
        .callback(CSVLogger::new(folder.join("log.csv")).resume(&history))
        .callback(ModelCheckpoint::new(&best).save_best_only(true).resume(&history))
        .callback(EarlyStopping::new().patience(7).restore_best_weights(true).resume(&history, kept.as_ref()))
        .callback(ModelCheckpoint::new(&last))
        .callback(Kill { after: kill });
    model.fit(&data(1), fit.verbose(Verbose::Silent))?;
    model.save(folder.join("model.petal"))?;
    Ok(model)
}

fn reduce_rate() -> ReduceLROnPlateau {
    ReduceLROnPlateau::new().factor(0.5).patience(2).cooldown(1).min_lr(0.011)
}

#[test]
fn a_run_that_is_killed_after_any_epoch_ends_as_one_that_is_not() {
    let whole = tempfile::tempdir().unwrap();
    let model = train(whole.path(), None).unwrap();
    let epochs = model.history().epochs().len();
    assert!(epochs < EPOCHS, "early stopping ends it");
    let rates = model.history().series("learning_rate");
    assert!(rates[epochs - 1] < rates[0] / 2.0, "the rate falls more than once: {rates:?}");
    for epoch in 0..epochs {
        let folder = tempfile::tempdir().unwrap();
        train(folder.path(), Some(epoch)).unwrap_err();
        train(folder.path(), None).unwrap();
        for file in ["model.petal", "log.csv", "best.petal"] {
            let [a, b] = [&whole, &folder].map(|at| fs::read(at.path().join(file)).unwrap());
            assert!(a == b, "{file} differs after epoch {epoch}");
        }
    }
}

#[test]
fn the_learning_rate_is_right_also_where_the_model_was_saved_before_it_fell() {
    let train = |last: &Path, kill: Option<usize>| {
        let mut model = if last.exists() { Model::load(last).unwrap() } else { new_model() };
        let history = model.history().clone();
        let validation = data(2);
        let fit = Fit::epochs(12)
            .initial_epoch(history.next_epoch())
            .validation(&validation)
            .callback(ModelCheckpoint::new(last.display().to_string()))
            .callback(Kill { after: kill })
            .callback(reduce_rate().resume(&history));
        let ended = model.fit(&data(1), fit.verbose(Verbose::Silent));
        assert_eq!(ended.is_err(), kill.is_some());
        model.weight("dense/kernel").unwrap().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = train(&folder.path().join("whole.petal"), None);
    for epoch in 0..11 {
        let last = folder.path().join(format!("{epoch}.petal"));
        train(&last, Some(epoch));
        assert!(train(&last, None) == whole, "another rate after epoch {epoch}");
    }
}

#[test]
fn the_best_weights_of_another_epoch_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = train(folder.path(), None).unwrap();
    let mut last = Model::load(folder.path().join("last.petal")).unwrap();
    let stop = || EarlyStopping::new().patience(7).restore_best_weights(true);
    for (best, said) in [(None, "no model"), (Some(&model), "that of epoch")] {
        let fit = Fit::epochs(EPOCHS).callback(stop().resume(model.history(), best)).verbose(Verbose::Silent);
        let error = last.fit(&data(1), fit).unwrap_err().to_string();
        assert!(error.contains("best epoch") && error.contains(said), "{error}");
    }
}

#[test]
fn the_same_program_goes_on_from_its_backup() {
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let train = |model: &mut Model, kill| {
        let fit = Fit::epochs(6).callback(BackupAndRestore::new(&backup)).callback(Kill { after: kill });
        model.fit(&data(1), fit.verbose(Verbose::Silent))
    };
    let mut whole = new_model();
    assert_eq!(train(&mut whole, None).unwrap().epochs(), [0, 1, 2, 3, 4, 5]);
    assert!(!backup.join("latest.petal").exists(), "a training that has ended keeps no backup");

    assert!(train(&mut new_model(), Some(2)).is_err());
    // Another model, another optimizer and other layers that train don't go on with it.
    let x = Input::new([5]);
    let mut other = Model::new(&x, &Dense::new(3).on(&x).unwrap()).unwrap();
    other.compile(Adam::new(0.05), SparseCategoricalCrossentropy::from_logits()).unwrap();
    let mut frozen = new_model();
    frozen.layers_mut()[1].set_trainable(false);
    frozen.compile(Adam::new(0.05), SparseCategoricalCrossentropy::from_logits()).unwrap();
    let mut sgd = new_model();
    sgd.compile(SGD::new(0.05), SparseCategoricalCrossentropy::from_logits()).unwrap();
    for (mut model, word) in [(other, "weights"), (frozen, "layers that train"), (sgd, "optimizer")] {
        let error = train(&mut model, None).unwrap_err().to_string();
        assert!(error.contains("latest.petal") && error.contains(word), "{error}");
    }
    let mut model = new_model();
    assert_eq!(train(&mut model, None).unwrap().epochs(), [3, 4, 5]);
    assert_eq!(model.history().epochs(), whole.history().epochs());
    assert_eq!(model.weight("dense/kernel").unwrap(), whole.weight("dense/kernel").unwrap());
}
