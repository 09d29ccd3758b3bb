use std::io::{self, Write};
use std::ops::ControlFlow;

use super::callbacks::Stop;
use super::evaluate::{Totals, largest_batch, steps};
use super::feature_reuse::Halves;
use super::progress::Progress;
use super::step::Step;
use super::{Callback, History, Logs, Training};
use crate::data::Dataset;
use crate::model::Model;
use crate::optimizers::State;
use crate::program::{Engine, Gradient, Mode, Program};
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
    terminate_on_nan: bool,
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
            terminate_on_nan: true,
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

    /// Whether a loss or weight that is NaN or infinite ends the training with [`Error::Diverged`]; by default it does,
    /// which in Keras takes the callback `TerminateOnNaN`. The model is then as it was after the last whole epoch: its
    /// weights, which are numbers, and its history; the optimizer begins anew.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::training::{Fit, MeanSquaredError, SGD};
    /// let x = Input::new([2]);
    /// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
    /// model.compile(SGD::new(1e30), MeanSquaredError::new())?;
    /// let before = model.weight("dense/kernel")?;
    /// let data = ArrayDataset::with_targets(Array2::ones((64, 2)), Array2::ones((64, 1)))?;
    /// let error = model.fit(&data, Fit::epochs(3)).unwrap_err();
    /// assert!(matches!(error, petal::Error::Diverged(_)) && error.to_string().contains("step 2 of epoch 1"));
    /// assert_eq!(model.weight("dense/kernel")?, before);
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn terminate_on_nan(self, terminate: bool) -> Self {
        Fit { terminate_on_nan: terminate, ..self }
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
    /// Petal doesn't train through, there is too little memory, a sample cannot be read, the training diverges
    /// ([`Fit::terminate_on_nan`]), or a callback fails.
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
        self.check_training_memory(largest_batch(train))?;
        let mut session = Session::new(self, train, &fit)?;
        let Fit { epochs, initial_epoch, validation_freq, mut callbacks, verbose, terminate_on_nan, .. } =
            fit;
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
        let mut good = terminate_on_nan.then(|| Good::new(training.model));
        for epoch in initial_epoch..epochs {
            if training.stop != Stop::Never {
                break;
            }
            for callback in &mut callbacks {
                callback.on_epoch_begin(epoch, &mut training)?;
            }
            session.progress.epoch(epoch, epochs, steps(train));
            let validates = (epoch + 1).is_multiple_of(validation_freq);
            let logs = session.epoch(&mut training, train, epoch, validates, &mut callbacks);
            if logs.is_err() {
                session.progress.abandon();
            }
            if let (Err(Error::Diverged(_)), Some(good)) = (&logs, &good) {
                good.restore(training.model);
            }
            let mut logs = logs?;
            session.name_lost(&mut training, train);
            // Before the callbacks, so that a checkpoint counts its epoch, with what those before it have added.
            training.model.history_mut().push(epoch, &logs);
            for callback in &mut callbacks {
                callback.on_epoch_end(epoch, &mut logs, &mut training)?;
                training.model.history_mut().replace_last(&logs);
            }
            session.progress.finish(&logs);
            history.push(epoch, &logs);
            if let Some(good) = &mut good {
                good.keep(training.model);
            }
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
    engine: Box<dyn Engine>,
    halves: Halves,
    totals: Totals,
    class_weights: Option<Vec<f32>>,
    validation: Option<(&'a dyn Dataset, Halves, Totals)>,
    terminate_on_nan: bool,
    /// Samples for training and for validation that were lost and named.
    named: [usize; 2],
    progress: Progress<'static>,
    logs: Logs,
}

/// The weights after the last whole epoch, to which a training that diverges goes back.
struct Good(Vec<f32>);

impl Good {
    fn new(model: &Model) -> Self {
        Good(model.arena().to_vec())
    }

    fn keep(&mut self, model: &Model) {
        self.0.copy_from_slice(model.arena());
    }

    fn restore(&self, model: &mut Model) {
        model.arena_mut().copy_from_slice(&self.0);
        // Its moments have seen what is no number.
        model.forget_optimizer_state();
    }
}

impl<'a> Session<'a> {
    fn new(model: &mut Model, train: &dyn Dataset, fit: &Fit<'a>) -> Result<Self> {
        let totals = model.totals(train)?;
        let mut compiled = model.compiled.take().expect("checked by check_data");
        if compiled.state.is_none() {
            compiled.state = Some(State::new(&compiled.optimizer, &model.graph().all_weights()));
        }
        model.compiled = Some(compiled);
        let mut engine = model.new_engine();
        let mut halves = |data: &dyn Dataset, program: Program| -> Result<Halves> {
            let (engine, batch) = (&mut *engine, largest_batch(data));
            let halves = if fit.reuse_features {
                Halves::new(engine, program.clone().cut_at_frozen_prefix(), data, batch)?
            } else {
                None
            };
            halves.map_or_else(|| Halves::whole(engine, program, batch), Ok)
        };
        let validation = fit
            .validation
            .map(|data| {
                let program = model.loss_program(Mode::Infer, Gradient::None);
                Ok::<_, Error>((data, halves(data, program)?, model.totals(data)?))
            })
            .transpose()?;
        let halves = halves(train, model.loss_program(Mode::Train, Gradient::Weights))?;
        Ok(Session {
            engine,
            halves,
            totals,
            class_weights: fit.class_weights.clone(),
            validation,
            terminate_on_nan: fit.terminate_on_nan,
            named: [0; 2],
            progress: Progress::new(fit.verbose),
            logs: Logs::new(),
        })
    }

    /// Names the samples that can no longer be read, each once.
    fn name_lost(&mut self, training: &mut Training<'_>, train: &dyn Dataset) {
        let validation = self.validation.as_ref().map(|(data, ..)| *data);
        for (data, named) in [Some(train), validation].into_iter().zip(&mut self.named) {
            let lost = data.map(Dataset::lost).unwrap_or_default();
            for file in lost.iter().skip(*named) {
                training.say(&format!("\nwarning: left out from now on: {file}"));
            }
            *named = lost.len();
        }
    }

    /// Trains an epoch and validates; returns what both gave.
    fn epoch(
        &mut self,
        training: &mut Training<'_>,
        train: &dyn Dataset,
        epoch: usize,
        validates: bool,
        callbacks: &mut [Box<dyn Callback + '_>],
    ) -> Result<Logs> {
        self.train_epoch(training, train, epoch, callbacks)?;
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
        let Session { engine, halves, totals, class_weights, progress, logs, terminate_on_nan, .. } = self;
        totals.reset();
        let mut step = 0;
        let order = train.order(epoch);
        halves.each(&mut **engine, train, &order, training, |training, engine, program, batch, inputs| {
            let model = &mut *training.model;
            engine.set_weights(model.take_weights());
            let run = model.run(&batch.samples, epoch);
            let class_weights = class_weights.as_deref();
            let mut one = Step { engine: &mut *engine, program, totals: &mut *totals, class_weights };
            let loss = one.forward(run, batch, inputs).and_then(|loss| {
                if loss.is_finite() || !*terminate_on_nan {
                    one.backward(run, |weights, gradients| model.step_optimizer(weights, gradients))?;
                }
                Ok(loss)
            });
            model.give_weights(engine.weights());
            let loss = loss?;
            if *terminate_on_nan && !loss.is_finite() {
                let (step, epoch) = (step + 1, epoch + 1);
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
            progress.step(step, logs);
            Ok(if training.stop == Stop::Never { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
    }

    fn validate(
        &mut self,
        training: &mut Training<'_>,
        logs: &mut Logs,
        callbacks: &mut [Box<dyn Callback + '_>],
    ) -> Result<()> {
        let engine = &mut *self.engine;
        let Some((data, halves, totals)) = &mut self.validation else { return Ok(()) };
        totals.reset();
        let order: Vec<usize> = (0..data.len()).collect();
        let mut step = 0;
        halves.each(engine, *data, &order, training, |training, engine, program, batch, inputs| {
            engine.set_weights(training.model.shared_weights());
            let run = training.model.run(&batch.samples, 0);
            let mut one = Step { engine, program, totals: &mut *totals, class_weights: None };
            one.forward(run, batch, inputs)?;
            for callback in callbacks.iter_mut() {
                callback.on_test_batch_end(step, training)?;
            }
            step += 1;
            Ok(if training.stop == Stop::Now { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if training.stop != Stop::Now {
            totals.logs_into("val_", logs);
        }
        Ok(())
    }
}

fn diverged(training: &Training<'_>, what: String) -> Error {
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
    fn step_optimizer(&mut self, weights: &mut [f32], gradients: &[f32]) {
        let compiled = self.compiled.as_mut().expect("only compiled models are trained");
        let state = compiled.state.as_mut().expect("made at the start of training");
        state.step(&compiled.optimizer, weights, gradients);
    }
}
