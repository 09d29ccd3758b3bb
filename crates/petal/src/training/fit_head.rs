//! The last layer of a classifier, found at once for features that are computed once.

use std::ops::ControlFlow;

use ndarray::ArrayViewD;

use super::callbacks::Stop;
use super::evaluate::{largest_batch, steps};
use super::fit::Fit;
use super::logistic_regression::Regression;
use super::progress::Progress;
use super::session::diverged;
use super::step::{Loaded, Step};
use super::together::Together;
use super::{Callback, History, Logs, Training};
use crate::data::{Batch, Dataset, measured_prefetch};
use crate::memory;
use crate::metrics::class_of;
use crate::model::Model;
use crate::program::{Gradient, Mode, Program};
use crate::{Error, Result};

/// What [`Model::fit_head`] has found.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedHead {
    /// One epoch; none if a callback has ended it before.
    pub history: History,
    /// The strength of the penalty that was chosen.
    pub l2: f32,
    /// All that were tried, the strongest first.
    pub tried: Vec<TriedPenalty>,
}

/// How well a penalty does by cross-validation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TriedPenalty {
    /// Its strength, for features of deviation 1.
    pub l2: f32,
    /// The mean cross-entropy of samples that were not fitted.
    pub loss: f64,
    /// The share of them that was right.
    pub accuracy: f64,
}

/// Parts of the cross-validation.
const FOLDS: usize = 3;
/// Strengths of the penalty, each fit beginning where the one before has ended.
const STRENGTHS: [f32; 7] = [1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3];

impl Model {
    /// Sets the last dense layer to the best one for the features that come before it, as one epoch of `fit`: by
    /// multinomial logistic regression, with the penalty `l2 / 2 · ‖kernel‖²` that does best in three-fold cross-validation.
    ///
    /// Each sample goes through the model once, in inference mode, without augmentation and dropout; what follows takes
    /// milliseconds. So on a base that knows photos already it is the whole of a training, or the begin of fine-tuning.
    /// Validation, class weights and callbacks of `fit` hold; the epoch is its initial one, and the optimizer isn't asked.
    ///
    /// ```
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::training::*;
    /// let x = Input::new([2]);
    /// let h = Rescaling::new(0.1).on(&x)?;
    /// let mut model = Model::new(&x, &Dense::new(2).on(&h)?)?;
    /// model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    /// let inputs = ndarray::Array2::from_shape_fn((30, 2), |(sample, axis)| (sample % 2 + sample * axis) as f32);
    /// let labels: Vec<usize> = (0..30).map(|sample| sample % 2).collect();
    /// let data = ArrayDataset::new(inputs, &labels)?;
    /// let fitted = model.fit_head(&data, Fit::epochs(1).verbose(Verbose::Silent))?;
    /// assert_eq!(fitted.history.get("accuracy")?, [1.0]);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`fit`](Model::fit), or if the model doesn't end with a dense layer of at least two outputs, alone or
    /// before a softmax, that trains, on features that aren't its inputs themselves.
    pub fn fit_head(&mut self, train: &dyn Dataset, fit: Fit<'_>) -> Result<FittedHead> {
        self.check_fit(train, &fit)?;
        self.forget_calibration();
        let together = fit.together.clone();
        together.take_weights(self)?;
        let (features, head) = self.head()?;
        let validation = fit.validation;
        if fit.sample_weights.is_some() {
            let expected = "none: fit_head weighs classes, by class_weights";
            return Err(Error::argument("sample_weights", "some", expected));
        }
        let class_weights = fit.class_weights.clone();
        let mut progress = match fit.output {
            Some(_) => Progress::for_writer(fit.verbose),
            None => Progress::new(fit.verbose),
        };
        let (epoch, terminate_on_nan) = (fit.initial_epoch, fit.terminate_on_nan);
        let (mut callbacks, output) = fit.into_callbacks_and_output();
        let mut training =
            Training { model: self, stop: Stop::Never, output, batch_loss: f64::NAN, first_epoch: epoch };
        for callback in &mut callbacks {
            callback.on_train_begin(&mut training)?;
        }
        for callback in &mut callbacks {
            callback.on_epoch_begin(epoch, &mut training)?;
        }
        progress.epoch(&mut *training.output, epoch, epoch + 1, steps(train) + validation.map_or(0, steps));
        let extracted = (|| {
            let together = &together;
            let mut pass = Pass { progress: &mut progress, callbacks: &mut callbacks, step: 0, together };
            let train = pass.features(&mut training, train, &features)?;
            let validation =
                validation.map(|data| pass.features(&mut training, data, &features)).transpose()?;
            Ok::<_, Error>((train, validation))
        })();
        if extracted.is_err() {
            progress.abandon(&mut *training.output);
        }
        let (seen, validation_seen) = extracted?;
        let mut fitted = FittedHead { history: History::default(), l2: 0.0, tried: Vec::new() };
        if training.stop == Stop::Never {
            head.fit(training.model, &seen, class_weights.as_deref(), &mut fitted)?;
            let mut logs = Logs::new();
            head.evaluate(training.model, train, &seen, "", class_weights.as_deref(), &mut logs)?;
            if let (Some(data), Some(seen)) = (validation, &validation_seen) {
                head.evaluate(training.model, data, seen, "val_", None, &mut logs)?;
            }
            if terminate_on_nan && logs.get("loss").is_some_and(|loss| !loss.is_finite()) {
                return Err(diverged(&training, "the features are no numbers".into()));
            }
            training.model.history_mut().push(epoch, &logs);
            for callback in &mut callbacks {
                callback.on_epoch_end(epoch, &mut logs, &mut training)?;
                training.model.history_mut().replace_last(&logs);
            }
            progress.finish(&mut *training.output, &logs);
            fitted.history.push(epoch, &logs);
        } else {
            progress.abandon(&mut *training.output);
        }
        for callback in &mut callbacks {
            callback.on_train_end(&mut training)?;
        }
        together.take_weights(training.model)?;
        Ok(fitted)
    }

    /// The program that makes features, and the head that comes after it.
    fn head(&self) -> Result<(Program, Head)> {
        let program = self.program(Mode::Infer, Gradient::None);
        let refused = |found: &str| {
            Error::Training(format!(
                "the last layer of model '{}' cannot be fitted by itself: {found}; end the model with \
                 Dense::new(classes), on features that its other layers make",
                self.name()
            ))
        };
        let Some((features, dense, program)) = program.cut_at_head() else {
            return Err(refused("it isn't a dense layer"));
        };
        if self.output_shape()[0] < 2 {
            return Err(refused("it has one output, and logistic regression takes at least two"));
        }
        let path = |weight: usize| program.weights[weight].path.clone();
        let trains = |weight: usize| program.weights[weight].trainable;
        if !trains(dense.kernel) {
            return Err(refused("it doesn't train"));
        }
        let (kernel, bias) = (path(dense.kernel), dense.bias.map(path));
        Ok((features, Head { kernel, bias, program }))
    }
}

/// A dense layer by the names of its weights, and the program from the features to the model's output.
struct Head {
    kernel: String,
    bias: Option<String>,
    program: Program,
}

/// The features of samples, and their targets, row by row.
#[derive(Default)]
struct Seen {
    width: usize,
    features: Vec<f32>,
    targets: Vec<f32>,
}

impl Head {
    /// Sets the model's last layer.
    fn fit(
        &self,
        model: &mut Model,
        seen: &Seen,
        class_weights: Option<&[f32]>,
        fitted: &mut FittedHead,
    ) -> Result<()> {
        let classes = model.output_shape()[0];
        let target_width = seen.targets.len() / (seen.features.len() / seen.width.max(1)).max(1);
        let labels: Vec<usize> = seen.targets.chunks_exact(target_width.max(1)).map(class_of).collect();
        let weight = |&label: &usize| {
            // Weight 0 means held out; what counts for nothing may as well count for next to nothing.
            class_weights.map_or(1.0, |weights| weights[label].max(1e-6))
        };
        let weights: Vec<f32> = labels.iter().map(weight).collect();
        let regression = Regression::new(seen.features.clone(), labels, classes);
        let folds = regression.folds(FOLDS);
        let mut starts = vec![regression.zeros(); FOLDS];
        for l2 in STRENGTHS {
            let (mut loss, mut accuracy, mut parts) = (0.0, 0.0, 0);
            for (fold, start) in starts.iter_mut().enumerate() {
                let held_out = weights.iter().zip(&folds);
                let held_out: Vec<f32> =
                    held_out.map(|(&weight, &of)| if of == fold { 0.0 } else { weight }).collect();
                let part = regression.fit(&held_out, l2, std::mem::take(start));
                *start = part.parameters;
                if let Some((part_loss, part_accuracy)) = part.held_out {
                    (loss, accuracy, parts) = (loss + part_loss, accuracy + part_accuracy, parts + 1);
                }
            }
            let parts = f64::from(parts.max(1));
            fitted.tried.push(TriedPenalty { l2, loss: loss / parts, accuracy: accuracy / parts });
            // Weaker penalties do worse and worse from here on.
            if let [.., a, b, c] = fitted.tried[..]
                && a.loss < b.loss
                && b.loss < c.loss
            {
                break;
            }
        }
        let best = fitted.tried.iter().copied().min_by(|a, b| a.loss.total_cmp(&b.loss));
        fitted.l2 = best.map_or(STRENGTHS[0], |best| best.l2);
        let parameters = regression.fit(&weights, fitted.l2, regression.zeros()).parameters;
        let (kernel, bias) = regression.unstandardized(&parameters);
        let shape = [kernel.len() / classes, classes];
        model.set_weight(&self.kernel, view(&shape, &kernel))?;
        if let Some(path) = &self.bias {
            model.set_weight(path, view(&[classes], &bias))?;
        }
        Ok(())
    }

    /// Adds loss and metrics of the model with these features to `logs`.
    fn evaluate(
        &self,
        model: &Model,
        data: &dyn Dataset,
        seen: &Seen,
        prefix: &str,
        class_weights: Option<&[f32]>,
        logs: &mut Logs,
    ) -> Result<()> {
        let rows = largest_batch(data);
        let mut engine = model.new_engine();
        let program = Loaded::new(&mut *engine, model.for_loss(self.program.clone()), rows)?;
        engine.set_weights(model.shared_weights());
        engine.fix_weights();
        let mut totals = model.totals(data)?;
        let target_width = data.target_width();
        let mut batch = Batch::default();
        for (features, targets) in
            seen.features.chunks(rows * seen.width).zip(seen.targets.chunks(rows * target_width))
        {
            batch.samples = (0..features.len() / seen.width).collect();
            batch.targets.clear();
            batch.targets.extend_from_slice(targets);
            let run = model.run(&batch.samples, 0);
            let profile = model.profile();
            let (engine, totals, together) = (&mut *engine, &mut totals, &Together::default());
            let mut one =
                Step { engine, program, totals, class_weights, sample_weights: None, profile, together };
            one.forward(run, &batch, features.into())?;
        }
        totals.logs_into(prefix, logs);
        Ok(())
    }
}

fn view<'a>(shape: &[usize], values: &'a [f32]) -> ArrayViewD<'a, f32> {
    ArrayViewD::from_shape(shape, values).expect("a matrix has its rows and columns")
}

/// A pass over training and validation data.
struct Pass<'a, 'b> {
    progress: &'a mut Progress,
    callbacks: &'a mut [Box<dyn Callback + 'b>],
    step: usize,
    together: &'a Together,
}

impl Pass<'_, '_> {
    /// The features that `program` makes of all samples that can be read, each by one rank.
    fn features(
        &mut self,
        training: &mut Training<'_>,
        data: &dyn Dataset,
        program: &Program,
    ) -> Result<Seen> {
        let width = program.values[program.output].elements();
        let mut seen = Seen { width, ..Seen::default() };
        if training.stop != Stop::Never {
            return Ok(seen);
        }
        // They are kept twice: as they are, and standardized.
        let bytes = data.len().saturating_mul(width).saturating_mul(2 * size_of::<f32>());
        memory::check(bytes, || format!("the features of {} samples", data.len()))?;
        let target_width = data.target_width();
        seen.features.resize(data.len() * width, 0.0);
        seen.targets.resize(data.len() * target_width, 0.0);
        let mut own = vec![false; data.len()];
        let mut engine = training.model.new_engine();
        let part = self.together.part();
        let program = engine.load(program.clone(), part.most_of(largest_batch(data)))?;
        engine.set_weights(training.model.shared_weights());
        engine.fix_weights();
        let profile = training.model.profile().cloned();
        let order: Vec<usize> = (0..data.len()).collect();
        let logs = Logs::new();
        measured_prefetch(data, 0, &order, part, profile.as_ref(), |batch| {
            if !batch.is_empty() {
                engine.forward(program, training.model.run(&batch.samples, 0), (&batch.inputs).into())?;
            }
            let features = engine.output(program, batch.len()).chunks_exact(width.max(1));
            let rows = features.zip(batch.targets.chunks_exact(target_width));
            for (&sample, (features, targets)) in batch.samples.iter().zip(rows) {
                seen.features[sample * width..][..width].copy_from_slice(features);
                seen.targets[sample * target_width..][..target_width].copy_from_slice(targets);
                own[sample] = true;
            }
            for callback in self.callbacks.iter_mut() {
                callback.on_batch_end(self.step, &logs, training)?;
            }
            self.step += 1;
            self.progress.step(&mut *training.output, self.step, &logs);
            training.stop = self.together.agree(training.stop)?;
            Ok(match training.stop {
                Stop::Never => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            })
        })?;
        let tables = &mut [(width, &mut seen.features[..]), (target_width, &mut seen.targets[..])];
        let there = self.together.share_rows(&own, tables)?;
        keep_rows(&mut seen.features, width, &there);
        keep_rows(&mut seen.targets, target_width, &there);
        Ok(seen)
    }
}

/// Leaves those rows out of a table that aren't there.
fn keep_rows(table: &mut Vec<f32>, width: usize, there: &[bool]) {
    let mut kept = 0;
    for row in (0..there.len()).filter(|&row| there[row]) {
        table.copy_within(row * width..(row + 1) * width, kept * width);
        kept += 1;
    }
    table.truncate(kept * width);
}
