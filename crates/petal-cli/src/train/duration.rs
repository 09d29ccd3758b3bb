//! How many steps an epoch has, and how long one of fine-tuning will take.

use std::time::Instant;

use petal::applications::fine_tune_at;
use petal::data::{Dataset, Subset};
use petal::model::Model;
use petal::training::{Fit, SparseCategoricalCrossentropy, Verbose};

use crate::data::Data;
use crate::optimization::Optimization;
use crate::ranks::Ranks;
use crate::settings::FineTuning;

/// The seconds of an epoch with its validation, as a few steps on a copy of the model take now.
///
/// # Errors
/// If a photo can no longer be read.
pub fn of_epoch(model: &Model, fine_tuning: &FineTuning, data: &Data, ranks: &Ranks) -> petal::Result<f64> {
    let mut copy = model.clone();
    fine_tune_at(&mut copy, fine_tuning.at)?;
    let optimizer = Optimization::default().optimizer(fine_tuning.optimizer, fine_tuning.learning_rate, 1, 1);
    copy.compile(optimizer, SparseCategoricalCrossentropy::from_logits())?;
    let train: &dyn Dataset = &data.train;
    let batch = train.batch_size();
    let mut seconds = |batches: usize| {
        let photos = Subset::new(train, 0..(batches * batch).min(train.len()))?;
        let begin = Instant::now();
        copy.fit(&photos, ranks.fit(Fit::epochs(1).verbose(Verbose::Silent)))?;
        petal::Result::Ok(begin.elapsed().as_secs_f64())
    };
    // What comes once, as loading the program, is in both.
    let (few, more) = (seconds(1)?, seconds(1 + STEPS)?);
    let step = ((more - few) / STEPS as f64).max(1e-6);
    let begin = Instant::now();
    copy.evaluate(&Subset::new(&data.validation, 0..batch.min(data.validation.len()))?)?;
    let validation_step = begin.elapsed().as_secs_f64() / ranks.size() as f64;
    Ok(steps(train) as f64 * step + steps(&data.validation) as f64 * validation_step)
}

/// The steps of an epoch, or of a validation.
pub fn steps(data: &dyn Dataset) -> usize {
    data.len().div_ceil(data.batch_size())
}

/// The steps that are measured.
const STEPS: usize = 3;
