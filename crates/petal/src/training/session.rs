//! What lives as long as one call of `fit`: the engine, the sums, the progress.

use std::ops::ControlFlow;

use super::callbacks::Stop;
use super::evaluate::{Totals, largest_batch, steps};
use super::feature_reuse::Halves;
use super::fit::{Fit, OnGradients};
use super::progress::Progress;
use super::step::Step;
use super::together::{GradientSum, Together};
use super::{Callback, Logs, Training};
use crate::data::{Dataset, Skipped};
use crate::model::Model;
use crate::optimizers::State;
use crate::program::{Engine, Gradient, Mode, Program};
use crate::{Error, Result};

/// What lives as long as one call of `fit`.
pub(super) struct Session<'a> {
    engine: Box<dyn Engine>,
    halves: Halves,
    totals: Totals,
    class_weights: Option<Vec<f32>>,
    sample_weights: Option<Vec<f32>>,
    steps_per_epoch: Option<usize>,
    pub on_gradients: Option<OnGradients<'a>>,
    validation: Option<(&'a dyn Dataset, Halves, Totals)>,
    together: Together,
    gradient_sum: GradientSum,
    terminate_on_nan: bool,
    /// Samples for training and for validation that were lost and named.
    named: [usize; 2],
    pub progress: Progress,
    logs: Logs,
}

/// The weights after the last whole epoch, to which a training that diverges goes back.
pub(super) struct Good(Vec<f32>);

impl Good {
    pub fn new(model: &Model) -> Self {
        Good(model.arena().to_vec())
    }

    pub fn keep(&mut self, model: &Model) {
        self.0.copy_from_slice(model.arena());
    }

    pub fn restore(&self, model: &mut Model) {
        model.arena_mut().copy_from_slice(&self.0);
        // Its moments have seen what is no number.
        model.forget_optimizer_state();
    }
}

impl<'a> Session<'a> {
    pub fn new(model: &mut Model, train: &dyn Dataset, fit: &Fit<'a>) -> Result<Self> {
        let program = model.loss_program(Mode::Train, Gradient::Weights);
        let mut totals = model.totals(train)?;
        totals.mixed_by(&program);
        if fit.together.ranks().is_some() && !program.mixes().is_empty() {
            return Err(Error::Training(
                "MixUp and CutMix mix the photos of a batch, of which each rank has a part alone; leave them out, or train on \
                 one machine"
                    .into(),
            ));
        }
        let mut compiled = model.compiled.take().expect("checked by check_data");
        if compiled.state.is_none() {
            compiled.state = Some(State::new(&compiled.optimizer, &model.graph().all_weights()));
        }
        model.compiled = Some(compiled);
        let mut engine = model.new_engine();
        let mut halves = |data: &dyn Dataset, program: Program| -> Result<Halves> {
            let (engine, batch) = (&mut *engine, fit.together.part().most_of(largest_batch(data)));
            let halves = if fit.reuse_features {
                {
                    let (cut, together) = (program.clone().cut_at_frozen_prefix(), &fit.together);
                    Halves::new(engine, cut, data, batch, together)?
                }
            } else {
                None
            };
            halves.map_or_else(|| Halves::whole(engine, program, batch, &fit.together), Ok)
        };
        let validation = fit
            .validation
            .map(|data| {
                let program = model.loss_program(Mode::Infer, Gradient::None);
                Ok::<_, Error>((data, halves(data, program)?, model.totals(data)?))
            })
            .transpose()?;
        let has_batch_statistics = program.has_batch_statistics();
        let halves = halves(train, program)?;
        if let Some(ranks) = fit.together.ranks().filter(|_| has_batch_statistics) {
            engine.join(ranks.clone())?;
        }
        Ok(Session {
            engine,
            halves,
            totals,
            class_weights: fit.class_weights.clone(),
            sample_weights: fit.sample_weights.clone(),
            steps_per_epoch: fit.steps_per_epoch,
            on_gradients: None,
            validation,
            together: fit.together.clone(),
            gradient_sum: GradientSum::default(),
            terminate_on_nan: fit.terminate_on_nan,
            named: [0; 2],
            progress: match fit.output {
                Some(_) => Progress::for_writer(fit.verbose),
                None => Progress::new(fit.verbose),
            },
            logs: Logs::new(),
        })
    }

    /// Names the samples that can no longer be read, each once.
    ///
    /// # Errors
    /// If another rank has ended.
    pub fn name_lost(&mut self, training: &mut Training<'_>, train: &dyn Dataset) -> Result<()> {
        let validation = self.validation.as_ref().map(|(data, ..)| *data);
        let mut lines = Vec::new();
        for (data, named) in [Some(train), validation].into_iter().zip(&mut self.named) {
            let lost = data.map(Dataset::lost).unwrap_or_default();
            lines.extend(lost.iter().skip(*named).map(Skipped::to_string));
            *named = lost.len();
        }
        for file in self.together.gather_lines(lines)? {
            training.say(&format!("\nwarning: left out from now on: {file}"));
        }
        Ok(())
    }

    /// Trains an epoch and validates; returns what both gave.
    pub fn epoch(
        &mut self,
        training: &mut Training<'_>,
        train: &dyn Dataset,
        epoch: usize,
        validates: bool,
        callbacks: &mut [Box<dyn Callback + '_>],
    ) -> Result<Logs> {
        self.train_epoch(training, train, epoch, callbacks)?;
        self.together.take_weights(training.model)?;
        if let Some(weight) = self.terminate_on_nan.then(|| training.model.no_number()).flatten() {
            return Err(diverged(
                training,
                format!("after epoch {}, weight '{weight}' is no number", epoch + 1),
            ));
        }
        let mut logs = self.logs.clone();
        if validates && training.stop != Stop::Now {
            self.validate(training, &mut logs, callbacks)?;
        }
        match logs.get("val_loss") {
            Some(loss) if self.terminate_on_nan && !loss.is_finite() => {
                Err(diverged(training, format!("the val_loss of epoch {} is {loss}", epoch + 1)))
            }
            _ => Ok(logs),
        }
    }

    fn train_epoch(
        &mut self,
        training: &mut Training<'_>,
        train: &dyn Dataset,
        epoch: usize,
        callbacks: &mut [Box<dyn Callback + '_>],
    ) -> Result<()> {
        let passes = self.passes(train, epoch);
        let profile = training.model.profile().cloned();
        let profile = profile.as_ref();
        let Session {
            engine,
            halves,
            totals,
            class_weights,
            sample_weights,
            progress,
            logs,
            on_gradients,
            ..
        } = self;
        let (together, gradient_sum) = (&self.together, &mut self.gradient_sum);
        let (class_weights, sample_weights) = (class_weights.as_deref(), sample_weights.as_deref());
        let terminate_on_nan = self.terminate_on_nan;
        totals.reset();
        let mut step = 0;
        for (pass, order) in passes {
            halves.each(
                &mut **engine,
                train,
                pass,
                &order,
                training,
                |training, engine, program, batch, inputs| {
                    let _step = profile.map(|profile| profile.whole("training step"));
                    let model = &mut *training.model;
                    engine.set_weights(model.take_weights());
                    let run = model.run(&batch.samples, pass);
                    let totals = &mut *totals;
                    let mut one = Step {
                        engine: &mut *engine,
                        program,
                        totals,
                        class_weights,
                        sample_weights,
                        profile,
                        together,
                    };
                    let loss = one.forward(run, batch, inputs).and_then(|loss| {
                        if loss.is_finite() || !terminate_on_nan {
                            one.backward(run, gradient_sum, on_gradients.as_mut(), |weights, gradients| {
                                model.step_optimizer(weights, gradients);
                            })?;
                        }
                        Ok(loss)
                    });
                    model.give_weights(engine.weights());
                    training.batch_loss = loss?;
                    if terminate_on_nan && !training.batch_loss.is_finite() {
                        let (step, epoch, loss) = (step + 1, epoch + 1, training.batch_loss);
                        return Err(diverged(
                            training,
                            format!("the loss of step {step} of epoch {epoch} is {loss}"),
                        ));
                    }
                    totals.logs_into("", logs);
                    for callback in callbacks.iter_mut() {
                        callback.on_batch_end(step, logs, training)?;
                    }
                    step += 1;
                    progress.step(&mut *training.output, step, logs);
                    training.stop = together.agree(training.stop)?;
                    Ok(go_on_if(training.stop == Stop::Never))
                },
            )?;
            if training.stop != Stop::Never {
                break;
            }
        }
        Ok(())
    }

    /// The number of steps of an epoch.
    pub fn steps(&self, train: &dyn Dataset) -> usize {
        self.steps_per_epoch.unwrap_or_else(|| steps(train))
    }

    /// The samples of an epoch: for each pass through the data that it has a part in, the pass' number and the samples in
    /// its order. An epoch is a pass unless it was given a number of steps.
    fn passes(&self, train: &dyn Dataset, epoch: usize) -> Vec<(usize, Vec<usize>)> {
        let Some(in_epoch) = self.steps_per_epoch else { return vec![(epoch, train.order(epoch))] };
        let (batch, in_pass) = (train.batch_size().max(1), steps(train));
        let (mut at, end) =
            (epoch.saturating_mul(in_epoch), epoch.saturating_add(1).saturating_mul(in_epoch));
        let mut passes = Vec::new();
        while at < end {
            let (pass, first) = (at / in_pass, at % in_pass);
            let last = in_pass.min(first + end - at);
            let order = train.order(pass);
            passes.push((pass, order[first * batch..order.len().min(last * batch)].to_vec()));
            at += last - first;
        }
        passes
    }

    fn validate(
        &mut self,
        training: &mut Training<'_>,
        logs: &mut Logs,
        callbacks: &mut [Box<dyn Callback + '_>],
    ) -> Result<()> {
        let engine = &mut *self.engine;
        let Some((data, halves, totals)) = &mut self.validation else { return Ok(()) };
        let together = &self.together;
        // A validation's sums are added up once, at its end.
        let alone = &Together::default();
        totals.reset();
        let profile = training.model.profile().cloned();
        let profile = profile.as_ref();
        let order: Vec<usize> = (0..data.len()).collect();
        let mut step = 0;
        halves.each(engine, *data, 0, &order, training, |training, engine, program, batch, inputs| {
            engine.set_weights(training.model.shared_weights());
            let run = training.model.run(&batch.samples, 0);
            let totals = &mut *totals;
            let mut one = Step {
                engine,
                program,
                totals,
                class_weights: None,
                sample_weights: None,
                profile,
                together: alone,
            };
            one.forward(run, batch, inputs)?;
            for callback in callbacks.iter_mut() {
                callback.on_test_batch_end(step, training)?;
            }
            step += 1;
            training.stop = together.agree(training.stop)?;
            Ok(go_on_if(training.stop != Stop::Now))
        })?;
        if training.stop != Stop::Now {
            totals.add_others(together)?;
            totals.logs_into("val_", logs);
        }
        Ok(())
    }
}

fn go_on_if(goes_on: bool) -> ControlFlow<()> {
    if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

pub(super) fn diverged(training: &Training<'_>, what: String) -> Error {
    let whole = match training.model.history().epochs().last() {
        Some(epoch) => format!("of epoch {}", epoch + 1),
        None => "from before the training".into(),
    };
    let rate = training.learning_rate();
    Error::Diverged(format!(
        "{what}: the training has diverged and ends here, with the weights {whole}; choose a learning rate smaller than \
         {rate:e}, and look for inputs or labels that are no numbers"
    ))
}

impl Model {
    /// At the end of a training: weights become their averages where the optimizer keeps some.
    pub(super) fn finish_optimizer(&mut self) {
        let Some(compiled) = self.compiled.take() else { return };
        if let Some(state) = &compiled.state {
            state.finish(&compiled.optimizer, self.arena_mut());
        }
        self.compiled = Some(compiled);
    }

    fn step_optimizer(&mut self, weights: &mut [f32], gradients: &[f32]) {
        let compiled = self.compiled.as_mut().expect("only compiled models are trained");
        let state = compiled.state.as_mut().expect("made at the start of training");
        state.step(&compiled.optimizer, weights, gradients);
    }
}
