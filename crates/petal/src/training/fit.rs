use std::io::{self, Write};
use std::ops::ControlFlow;

use super::callbacks::Stop;
use super::evaluate::{Totals, largest_batch, steps};
use super::feature_reuse::Halves;
use super::optimizer::State;
use super::progress::Progress;
use super::{Callback, History, Logs, Training};
use crate::data::Dataset;
use crate::model::Model;
use crate::model::plan::{Passes, Plan, Purpose, Run};
use crate::{Error, Result};

/// How [`Model::fit`] trains: epochs, validation, callbacks.
///
/// Defaults: no validation, after each epoch if there is any, no callbacks, every class weighs 1, [`Verbose::Auto`].
pub struct Fit<'a> {
    epochs: usize,
    initial_epoch: usize,
    validation: Option<&'a dyn Dataset>,
    validation_freq: usize,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    class_weights: Option<Vec<f32>>,
    reuse_features: bool,
    verbose: Verbose,
}

/// What is shown of the training on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbose {
    /// A bar where stderr is a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Nothing.
    Silent,
    /// A bar for each epoch, as Keras' `verbose=1`.
    Bar,
    /// A line for each epoch, as Keras' `verbose=2`.
    Lines,
}

impl<'a> Fit<'a> {
    /// Trains up to epoch `epochs`. As in Keras this is the last epoch's number, not their count, if
    /// [`Fit::initial_epoch`] is given.
    pub fn epochs(epochs: usize) -> Self {
        Fit {
            epochs,
            initial_epoch: 0,
            validation: None,
            validation_freq: 1,
            callbacks: Vec::new(),
            class_weights: None,
            reuse_features: true,
            verbose: Verbose::Auto,
        }
    }

    /// The epoch to begin with, from 0: to go on after an earlier run.
    pub fn initial_epoch(self, initial_epoch: usize) -> Self {
        Fit { initial_epoch, ..self }
    }

    /// The data whose loss and metrics are computed after each epoch.
    pub fn validation(self, validation: &'a dyn Dataset) -> Self {
        Fit { validation: Some(validation), ..self }
    }

    /// Validates only after every `epochs`-th epoch; in the history, the others' `val_…` are NaN.
    pub fn validation_freq(self, epochs: usize) -> Self {
        Fit { validation_freq: epochs, ..self }
    }

    /// Adds a callback; pass `&mut callback` to look at it afterwards.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// A factor for the loss of each class's samples, in the classes' order; the mean is still over their number.
    pub fn class_weights(self, class_weights: impl Into<Vec<f32>>) -> Self {
        Fit { class_weights: Some(class_weights.into()), ..self }
    }

    /// Whether the outputs of layers that training doesn't change are computed once for each sample and kept, as far as
    /// an eighth of the machine's memory holds them; by default they are. Results are the same, bit for bit.
    ///
    /// On a frozen base without augmentation before it, all epochs but the first take milliseconds. Validation data are
    /// never augmented, so for them it holds whenever the first layers are frozen. Turn it off for a data set that
    /// gives other values for a sample each time, or a callback that sets the weights of frozen layers.
    pub fn reuse_features(self, reuse_features: bool) -> Self {
        Fit { reuse_features, ..self }
    }

    /// What is shown of the training.
    pub fn verbose(self, verbose: Verbose) -> Self {
        Fit { verbose, ..self }
    }
}

impl Model {
    /// Trains the model on `train` and returns what each epoch gave.
    ///
    /// Each epoch takes all samples in the data set's order of that epoch, in batches of its size, the last one
    /// short; `loss` and metrics are means over the samples, taken while the weights move. Then the validation data
    /// is evaluated. The same seed gives the same weights, bit for bit, on any number of threads.
    ///
    /// Weights that don't train stay as they are, bit for bit, and cost neither gradients nor optimizer state. Where
    /// nothing trains, the epochs run and a warning is shown, as in Keras.
    ///
    /// # Errors
    /// If the model isn't compiled, what trains has changed since it was, the data doesn't go with it, it has a layer that
    /// Petal doesn't train through, a sample cannot be read, or a callback fails.
    pub fn fit(&mut self, train: &dyn Dataset, fit: Fit<'_>) -> Result<History> {
        self.check_data(train)?;
        if let Some(validation) = fit.validation {
            self.check_data(validation)?;
        }
        self.check_trainable()?;
        self.graph().check_training()?;
        if fit.validation_freq == 0 {
            return Err(Error::argument("validation_freq", 0, "at least 1"));
        }
        if let Some(weights) = &fit.class_weights {
            self.check_class_weights(weights)?;
        }
        let mut session = Session::new(self, train, &fit)?;
        let Fit { epochs, initial_epoch, validation_freq, mut callbacks, verbose, .. } = fit;
        let output: Box<dyn Write> = match verbose {
            Verbose::Silent => Box::new(io::sink()),
            _ => Box::new(io::stderr()),
        };
        let mut training = Training { model: self, stop: Stop::Never, output };
        if !training.model.trainable_flags().contains(&true) {
            let name = training.model.name();
            training
                .say(&format!("warning: no weight of model '{name}' trains, so its layers stay as they are"));
        }
        if let [first, others @ ..] = &training.model.left_out_of_training()[..] {
            let others = match others.len() {
                0 => String::new(),
                more => format!(" and {more} more regularizers or constraints"),
            };
            training.say(&format!(
                "warning: Petal trains without the {first}{others}, with which Keras would train"
            ));
        }
        let mut history = History::default();
        for callback in &mut callbacks {
            callback.on_train_begin(&mut training)?;
        }
        for epoch in initial_epoch..epochs {
            if training.stop != Stop::Never {
                break;
            }
            for callback in &mut callbacks {
                callback.on_epoch_begin(epoch, &mut training)?;
            }
            session.progress.epoch(epoch, epochs, steps(train));
            session.train_epoch(&mut training, train, epoch, &mut callbacks)?;
            let mut logs = session.logs.clone();
            if training.stop != Stop::Now && (epoch + 1).is_multiple_of(validation_freq) {
                session.validate(&mut training, &mut logs)?;
            }
            // Before the callbacks, so that a checkpoint counts its epoch, with what those before it have added.
            training.model.history_mut().push(epoch, &logs);
            for callback in &mut callbacks {
                callback.on_epoch_end(epoch, &mut logs, &mut training)?;
                training.model.history_mut().replace_last(&logs);
            }
            session.progress.finish(&logs);
            history.push(epoch, &logs);
        }
        for callback in &mut callbacks {
            callback.on_train_end(&mut training)?;
        }
        Ok(history)
    }

    /// Refuses class weights that aren't one for each class that the model tells apart.
    fn check_class_weights(&self, weights: &[f32]) -> Result<()> {
        let classes = match self.output_shape()[0] {
            1 => 2,
            width => width,
        };
        if weights.len() != classes {
            let expected = format!("one for each of the model's {classes} classes");
            return Err(Error::argument("class_weights", format!("{} numbers", weights.len()), expected));
        }
        match weights.iter().find(|weight| !weight.is_finite() || **weight < 0.0) {
            Some(weight) => Err(Error::argument("class_weights", weight, "finite numbers of at least 0")),
            None => Ok(()),
        }
    }

    /// Refuses to train with flags that the optimizer doesn't know of.
    fn check_trainable(&self) -> Result<()> {
        let compiled = self.compiled.as_ref().expect("checked by check_data");
        if compiled.trainable == self.trainable_flags() {
            return Ok(());
        }
        Err(Error::Training(format!(
            "what trains in model '{}' has changed since it was compiled; call compile again, which keeps the weights",
            self.name()
        )))
    }
}

/// What lives as long as one call of `fit`.
struct Session<'a> {
    halves: Halves,
    totals: Totals,
    class_weights: Option<Vec<f32>>,
    validation: Option<(&'a dyn Dataset, Halves, Totals)>,
    progress: Progress<'static>,
    logs: Logs,
}

impl<'a> Session<'a> {
    fn new(model: &mut Model, train: &dyn Dataset, fit: &Fit<'a>) -> Result<Self> {
        let totals = model.totals(train)?;
        let mut compiled = model.compiled.take().expect("checked by check_data");
        if compiled.state.is_none() {
            compiled.state = Some(State::new(&compiled.optimizer, &model.graph().all_weights()));
        }
        let on_logits = model.loss_on_logits(&compiled.loss);
        model.compiled = Some(compiled);
        let halves = |data: &dyn Dataset, purpose| {
            let (graph, batch, key) = (model.graph(), largest_batch(data), model.streams());
            let split = || Plan::split(graph, purpose, batch, on_logits, key, Passes::default());
            let halves = if fit.reuse_features { Halves::new(split(), data) } else { None };
            let whole = || Plan::new(graph, purpose, batch, on_logits, key, Passes::default());
            halves.unwrap_or_else(|| Halves::whole(whole()))
        };
        let validation = fit
            .validation
            .map(|data| Ok::<_, Error>((data, halves(data, Purpose::Infer), model.totals(data)?)))
            .transpose()?;
        Ok(Session {
            halves: halves(train, Purpose::Train),
            totals,
            class_weights: fit.class_weights.clone(),
            validation,
            progress: Progress::new(fit.verbose),
            logs: Logs::new(),
        })
    }

    fn train_epoch(
        &mut self,
        training: &mut Training<'_>,
        train: &dyn Dataset,
        epoch: usize,
        callbacks: &mut [Box<dyn Callback + '_>],
    ) -> Result<()> {
        let Session { halves, totals, class_weights, progress, logs, .. } = self;
        totals.reset();
        let mut step = 0;
        halves.each(train, &train.order(epoch), training, |training, engine, batch, inputs| {
            let run = Run { samples: &batch.samples, epoch };
            let model = &mut *training.model;
            engine.forward(run, inputs, model.arena_mut());
            totals.add(engine, batch, class_weights.as_deref());
            engine.backward(run, model.arena());
            model.step_optimizer(engine.gradients_mut());
            totals.logs_into("", logs);
            for callback in callbacks.iter_mut() {
                callback.on_batch_end(step, logs, training)?;
            }
            step += 1;
            progress.step(step, logs);
            Ok(if training.stop == Stop::Never { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
    }

    fn validate(&mut self, training: &mut Training<'_>, logs: &mut Logs) -> Result<()> {
        let Some((data, halves, totals)) = &mut self.validation else { return Ok(()) };
        totals.reset();
        let order: Vec<usize> = (0..data.len()).collect();
        halves.each(*data, &order, training, |training, engine, batch, inputs| {
            let run = Run { samples: &batch.samples, epoch: 0 };
            engine.forward(run, inputs, training.model.arena_mut());
            totals.add(engine, batch, None);
            Ok(ControlFlow::Continue(()))
        })?;
        totals.logs_into("val_", logs);
        Ok(())
    }
}

impl Model {
    fn step_optimizer(&mut self, gradients: &[f32]) {
        let mut compiled = self.compiled.take().expect("only compiled models are trained");
        let state = compiled.state.as_mut().expect("made at the start of training");
        state.step(&compiled.optimizer, self.arena_mut(), gradients);
        self.compiled = Some(compiled);
    }
}
