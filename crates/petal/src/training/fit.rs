use std::io::{self, Write};
use std::sync::Arc;

use super::callbacks::Stop;
use super::evaluate::largest_batch;
use super::session::{Good, Session};
use super::together::Together;
use super::{Callback, History, Training};
use crate::data::Dataset;
use crate::model::Model;
use crate::program::{Collective, Gradient, Mode};
use crate::{Error, Result};

/// How [`Model::fit`] trains: epochs, validation, callbacks.
///
/// Defaults: no validation, after each epoch if there is any, no callbacks, every class weighs 1, [`Verbose::Auto`].
pub struct Fit<'a> {
    epochs: usize,
    pub(super) initial_epoch: usize,
    pub(super) validation: Option<&'a dyn Dataset>,
    validation_freq: usize,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    pub(super) class_weights: Option<Vec<f32>>,
    pub(super) sample_weights: Option<Vec<f32>>,
    pub(super) steps_per_epoch: Option<usize>,
    on_gradients: Option<OnGradients<'a>>,
    pub(super) reuse_features: bool,
    pub(super) terminate_on_nan: bool,
    pub(super) verbose: Verbose,
    pub(super) output: Option<Box<dyn Write + 'a>>,
    pub(super) together: Together,
}

pub(super) type OnGradients<'a> = Box<dyn FnMut(&mut [f32], usize) -> Result<()> + 'a>;

/// What is shown of the training.
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
            sample_weights: None,
            steps_per_epoch: None,
            on_gradients: None,
            reuse_features: true,
            terminate_on_nan: true,
            verbose: Verbose::Auto,
            output: None,
            together: Together::default(),
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

    /// A factor for the loss of each sample, by the samples' numbers; the mean is still over their number. Metrics and the
    /// validation are not weighed.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
    /// let x = Input::new([1]);
    /// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
    /// model.compile(SGD::new(0.1), MeanSquaredError::new())?;
    /// let targets = Array2::from_shape_vec((2, 1), vec![1.0, 9.0]).unwrap();
    /// let data = ArrayDataset::with_targets(Array2::zeros((2, 1)), targets)?;
    /// // The second sample doesn't count.
    /// model.fit(&data, Fit::epochs(60).sample_weights([1.0, 0.0]).verbose(Verbose::Silent))?;
    /// assert!((model.weight("dense/bias")?[0] - 1.0).abs() < 0.01);
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn sample_weights(self, sample_weights: impl Into<Vec<f32>>) -> Self {
        Fit { sample_weights: Some(sample_weights.into()), ..self }
    }

    /// The number of batches in an epoch, instead of all: each epoch goes on where the one before it has ended, and when
    /// all samples were taken, they come again in another order.
    pub fn steps_per_epoch(self, steps: usize) -> Self {
        Fit { steps_per_epoch: Some(steps), ..self }
    }

    /// Calls `hook` between the backward pass and the optimizer's step with the gradients, which it may change, and the
    /// number of samples that they are the mean of: to add up those of several machines, or to look at them.
    ///
    /// The gradients are those of all weights that train, in the order of the layers, one after the other.
    ///
    /// # Errors
    /// `fit` ends with the hook's.
    pub fn on_gradients(self, hook: impl FnMut(&mut [f32], usize) -> Result<()> + 'a) -> Self {
        Fit { on_gradients: Some(Box::new(hook)), ..self }
    }

    /// Whether the outputs of layers that training doesn't change are computed once for each sample and kept, as far as
    /// an eighth of the machine's memory holds them; by default they are. Results are the same, bit for bit.
    ///
    /// On a frozen base without augmentation before it, all epochs but the first take milliseconds. Validation data are
    /// never augmented, so for them it holds whenever the first layers are frozen. Data sets that
    /// give other values for a sample each time say so ([`Dataset::varies`]). Turn it off for a callback that sets the weights of frozen layers.
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

    /// Where it is shown, with what callbacks and warnings say: stderr unless it is given. [`Verbose::Auto`] shows lines
    /// there.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::training::{Fit, MeanSquaredError, SGD};
    /// let x = Input::new([2]);
    /// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
    /// model.compile(SGD::new(0.01), MeanSquaredError::new())?;
    /// let data = ArrayDataset::with_targets(Array2::ones((64, 2)), Array2::ones((64, 1)))?;
    /// let mut shown = Vec::new();
    /// model.fit(&data, Fit::epochs(2).output(&mut shown))?;
    /// let shown = String::from_utf8(shown).unwrap();
    /// assert!(shown.starts_with("Epoch 1/2\n2/2 - 0s - "), "{shown}");
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn output(self, output: impl Write + 'a) -> Self {
        Fit { output: Some(Box::new(output)), ..self }
    }

    /// Trains together with others: each rank calls `fit` with the same data and the same settings, takes its part of each
    /// batch, and has the weights, history and logs of all. Batch sizes and learning rates are those of one machine,
    /// which would train the same but for the rounding of sums; the same number of ranks gives the same bits each time.
    ///
    /// The weights to begin with are those of rank 0. What a callback of one rank stops, ends on all; otherwise callbacks
    /// that change the training belong on all ranks, and those that write files on one.
    pub fn ranks(self, ranks: Arc<dyn Collective>) -> Self {
        Fit { together: Together::new(ranks), ..self }
    }

    /// The callbacks, and where what they say is shown.
    pub(super) fn into_callbacks_and_output(self) -> (Vec<Box<dyn Callback + 'a>>, Box<dyn Write + 'a>) {
        let output: Box<dyn Write + 'a> = match (self.verbose, self.output) {
            (Verbose::Silent, _) => Box::new(io::sink()),
            (_, Some(output)) => output,
            (_, None) => Box::new(io::stderr()),
        };
        (self.callbacks, output)
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
    /// If the model isn't compiled or is quantized, what trains has changed since it was, the data doesn't go with it, it has a layer that
    /// Petal doesn't train through, there is too little memory, a sample cannot be read, the training diverges
    /// ([`Fit::terminate_on_nan`]), or a callback fails.
    pub fn fit(&mut self, train: &dyn Dataset, mut fit: Fit<'_>) -> Result<History> {
        self.check_fit(train, &fit)?;
        self.forget_calibration();
        let together = fit.together.clone();
        self.check_training_memory(together.part().most_of(largest_batch(train)))?;
        together.take_weights(self)?;
        let mut session = Session::new(self, train, &fit)?;
        let Fit { epochs, initial_epoch, validation_freq, terminate_on_nan, .. } = fit;
        session.on_gradients = fit.on_gradients.take();
        let (mut callbacks, output) = fit.into_callbacks_and_output();
        let mut training = Training {
            model: self,
            stop: Stop::Never,
            output,
            batch_loss: f64::NAN,
            first_epoch: initial_epoch,
        };
        if !training.model.trainable_flags().contains(&true) {
            let name = training.model.name();
            training
                .say(&format!("warning: no weight of model '{name}' trains, so its layers stay as they are"));
        }
        let probabilities = training.model.program(Mode::Infer, Gradient::None).gives_probabilities();
        if let Some(doubt) = training.compiled().loss.doubt(probabilities) {
            training.say(&format!("warning: {doubt}"));
        }
        if initial_epoch >= epochs {
            training.say(&format!(
                "warning: nothing is trained: the epoch to begin with is {initial_epoch}, and epochs, the number of the \
                 last one, is {epochs}; to go on, give a larger number"
            ));
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
        training.stop = together.agree(training.stop)?;
        let mut good = terminate_on_nan.then(|| Good::new(training.model));
        for epoch in training.first_epoch..epochs {
            if training.stop != Stop::Never {
                break;
            }
            for callback in &mut callbacks {
                callback.on_epoch_begin(epoch, &mut training)?;
            }
            session.progress.epoch(&mut *training.output, epoch, epochs, session.steps(train));
            let validates = (epoch + 1).is_multiple_of(validation_freq);
            let logs = session.epoch(&mut training, train, epoch, validates, &mut callbacks);
            if logs.is_err() {
                session.progress.abandon(&mut *training.output);
            }
            if let (Err(Error::Diverged(_)), Some(good)) = (&logs, &good) {
                good.restore(training.model);
            }
            let mut logs = logs?;
            session.name_lost(&mut training, train)?;
            // Before the callbacks, so that a checkpoint counts its epoch, with what those before it have added.
            training.model.history_mut().push(epoch, &logs);
            let measured =
                training.model.profile().map(|profile| profile.measure("callbacks after an epoch"));
            for callback in &mut callbacks {
                callback.on_epoch_end(epoch, &mut logs, &mut training)?;
                training.model.history_mut().replace_last(&logs);
            }
            drop(measured);
            session.progress.finish(&mut *training.output, &logs);
            history.push(epoch, &logs);
            training.stop = together.agree(training.stop)?;
            if let Some(good) = &mut good {
                good.keep(training.model);
            }
        }
        if !history.epochs().is_empty() {
            training.model.finish_optimizer();
        }
        for callback in &mut callbacks {
            callback.on_train_end(&mut training)?;
        }
        together.take_weights(training.model)?;
        Ok(history)
    }

    /// Refuses what cannot be trained, or not so.
    pub(super) fn check_fit(&self, train: &dyn Dataset, fit: &Fit<'_>) -> Result<()> {
        self.check_data(train)?;
        if let Some(validation) = fit.validation {
            self.check_data(validation)?;
        }
        if self.is_quantized() {
            return Err(Error::Training(format!(
                "model '{}' computes with 8-bit numbers, which are too coarse to be trained; train the model that it was \
                 made of, and quantize that again",
                self.name()
            )));
        }
        self.check_trainable()?;
        self.graph().check_training()?;
        if fit.validation_freq == 0 {
            return Err(Error::argument("validation_freq", 0, "at least 1"));
        }
        if fit.steps_per_epoch == Some(0) {
            return Err(Error::argument("steps_per_epoch", 0, "at least 1"));
        }
        if let Some(weights) = &fit.class_weights {
            self.check_class_weights(weights)?;
        }
        if let Some(weights) = &fit.sample_weights {
            if weights.len() != train.len() {
                let expected = format!("one for each of the {} samples", train.len());
                return Err(Error::argument(
                    "sample_weights",
                    format!("{} numbers", weights.len()),
                    expected,
                ));
            }
            check_weights("sample_weights", weights)?;
        }
        Ok(())
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
        check_weights("class_weights", weights)
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

fn check_weights(argument: &'static str, weights: &[f32]) -> Result<()> {
    match weights.iter().find(|weight| !weight.is_finite() || **weight < 0.0) {
        Some(weight) => Err(Error::argument(argument, weight, "finite numbers of at least 0")),
        None => Ok(()),
    }
}
