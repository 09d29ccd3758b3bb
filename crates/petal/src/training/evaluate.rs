use std::io;
use std::ops::ControlFlow;

use ndarray::{ArrayD, ArrayViewD};

use super::progress::Progress;
use super::step::{Loaded, Step};
use super::targets::Targets;
use super::together::Together;
use super::{Logs, Metric, Verbose};
use crate::data::{Batch, Dataset, Part, check_complete, measured_prefetch};
use crate::losses::{Loss, Predicted};
use crate::model::{Model, Shape};
use crate::program::{Engine, FinalActivation, Gradient, Mode, Program, Run};
use crate::{Error, Result};

/// Loss and metrics of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss of the samples.
    pub loss: f64,
    /// The metrics' values by name.
    pub metrics: Logs,
}

impl Evaluation {
    /// Loss and metrics together, as in Keras' `evaluate(return_dict=True)`.
    pub fn logs(&self) -> Logs {
        let mut logs = self.metrics.clone();
        logs.insert("loss".into(), self.loss);
        logs
    }

    /// The share of right answers; NaN where the model wasn't compiled with [`Metric::Accuracy`].
    pub fn accuracy(&self) -> f64 {
        self.metrics.get(&*Metric::Accuracy.name()).copied().unwrap_or(f64::NAN)
    }
}

impl Model {
    /// Loss and metrics of `data`, in inference mode.
    ///
    /// # Errors
    /// If the model isn't compiled or has weights that are no numbers, the data has other shapes than it takes, there is
    /// too little memory, or a sample cannot be read.
    pub fn evaluate(&self, data: &dyn Dataset) -> Result<Evaluation> {
        self.evaluate_verbose(data, Verbose::Silent)
    }

    /// As [`Model::evaluate`], with its progress on stderr.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn evaluate_verbose(&self, data: &dyn Dataset, verbose: Verbose) -> Result<Evaluation> {
        self.check_data(data)?;
        self.check_weights()?;
        let mut engine = self.new_engine();
        let (program, weights) = self.inference()?;
        let program = Loaded::new(&mut *engine, self.for_loss(program), largest_batch(data))?;
        engine.set_weights(weights);
        engine.fix_weights();
        let mut totals = self.totals(data)?;
        let mut logs = Logs::new();
        let mut progress = Progress::new(verbose);
        progress.pass(steps(data));
        let mut step = 0;
        let order: Vec<usize> = (0..data.len()).collect();
        measured_prefetch(data, 0, &order, Part::WHOLE, self.profile(), |batch| {
            let mut one = Step {
                engine: &mut *engine,
                program,
                totals: &mut totals,
                class_weights: None,
                sample_weights: None,
                profile: self.profile(),
                together: &Together::default(),
            };
            one.forward(self.run(&batch.samples, 0), batch, (&batch.inputs).into())?;
            totals.logs_into("", &mut logs);
            step += 1;
            progress.step(&mut io::stderr(), step, &logs);
            Ok(ControlFlow::Continue(()))
        })?;
        progress.finish(&mut io::stderr(), &logs);
        Ok(totals.evaluation())
    }

    /// The model's outputs for all samples of `data` in their own order, in inference mode: `[samples, …]`.
    ///
    /// # Errors
    /// If the data has other shapes than the model takes, the model has weights that are no numbers, there is too little
    /// memory, or a sample can no longer be read, since each has its row.
    pub fn predict(&self, data: &dyn Dataset) -> Result<ArrayD<f32>> {
        self.predict_verbose(data, Verbose::Silent)
    }

    /// As [`Model::predict`], with its progress on stderr.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_verbose(&self, data: &dyn Dataset, verbose: Verbose) -> Result<ArrayD<f32>> {
        self.check_input(data.sample_shape())?;
        let mut progress = Progress::new(verbose);
        progress.pass(steps(data));
        let mut step = 0;
        let mut predictor = self.predictor(largest_batch(data))?;
        let mut outputs = Vec::with_capacity(data.len() * self.output_shape().elements());
        let order: Vec<usize> = (0..data.len()).collect();
        measured_prefetch(data, 0, &order, Part::WHOLE, self.profile(), |batch| {
            outputs.extend_from_slice(predictor.run((&batch.inputs).into())?);
            step += 1;
            progress.step(&mut io::stderr(), step, &Logs::new());
            Ok(ControlFlow::Continue(()))
        })?;
        progress.finish(&mut io::stderr(), &Logs::new());
        check_complete(data, outputs.len() / self.output_shape().elements().max(1))?;
        Ok(output_array(self.output_shape(), outputs))
    }

    /// The model's outputs for `inputs`, `[samples, …]`, in inference mode.
    ///
    /// ```
    /// use ndarray::Array;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(8, 8, 3);
    /// let model = Model::new(&x, &Flatten::new().on(&x)?)?;
    /// let outputs = model.predict_array(Array::ones([2, 8, 8, 3]).into_dyn().view())?;
    /// assert_eq!(outputs.shape(), [2, 192]);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the inputs have another shape than the model takes, or the model has weights that are no numbers.
    pub fn predict_array(&self, inputs: ArrayViewD<'_, f32>) -> Result<ArrayD<f32>> {
        self.run_array(inputs, Mode::Infer, 0)
    }

    /// The model's outputs for `inputs`, `[samples, …]`, in training mode: with augmentation and dropout, and
    /// batch statistics, which are not kept. Each `draw` is another one, and the same each time.
    ///
    /// # Errors
    /// If the inputs have another shape than the model takes, or it has weights that are no numbers or a layer that Petal
    /// doesn't train through.
    pub fn augment(&self, inputs: ArrayViewD<'_, f32>, draw: usize) -> Result<ArrayD<f32>> {
        self.graph().check_training()?;
        self.run_array(inputs, Mode::Train, draw)
    }

    fn run_array(&self, inputs: ArrayViewD<'_, f32>, mode: Mode, epoch: usize) -> Result<ArrayD<f32>> {
        /// Samples at a time: enough for all cores, few enough for the memory.
        const BATCH: usize = 32;
        let Some((&samples, shape)) = inputs.shape().split_first() else {
            return Err(Error::argument("inputs", "an array of rank 0", "samples along the first axis"));
        };
        self.check_input(shape)?;
        self.check_weights()?;
        let inputs = inputs.as_standard_layout();
        let values = inputs.as_slice().expect("an array in standard layout is a slice");
        let mut engine = self.new_engine();
        let (program, weights) = match mode {
            Mode::Infer => self.inference()?,
            mode => (self.program(mode, Gradient::None), self.shared_weights()),
        };
        let program = engine.load(program, BATCH.min(samples))?;
        engine.set_weights(weights);
        if mode == Mode::Infer {
            engine.fix_weights();
        }
        let numbers: Vec<usize> = (0..samples).collect();
        let mut outputs = Vec::with_capacity(samples * self.output_shape().elements());
        let width = self.input_shape().elements();
        for samples in numbers.chunks(BATCH) {
            let part = &values[samples[0] * width..][..samples.len() * width];
            engine.forward(program, self.run(samples, epoch), part.into())?;
            outputs.extend_from_slice(engine.output(program, samples.len()));
        }
        Ok(output_array(self.output_shape(), outputs))
    }

    /// Whether the loss is computed before the model's last activation.
    pub(crate) fn loss_on_logits(&self, loss: &Loss) -> bool {
        use FinalActivation::{Sigmoid, Softmax};
        // A program has logits only where the model ends with one of these, and a loss sees through just one.
        loss.sees_through(Softmax) || loss.sees_through(Sigmoid)
    }

    pub(crate) fn check_input(&self, shape: &[usize]) -> Result<()> {
        if shape == &self.input_shape()[..] {
            return Ok(());
        }
        Err(Error::Model(format!(
            "model '{}' got samples of shape {}; expected {}",
            self.name(),
            Shape::from(shape),
            self.input_shape()
        )))
    }

    /// Refuses data that the compiled model cannot train on.
    pub(crate) fn check_data(&self, data: &dyn Dataset) -> Result<()> {
        let Some(compiled) = &self.compiled else {
            return Err(Error::Training(format!(
                "model '{}' isn't compiled; call compile(optimizer, loss) first",
                self.name()
            )));
        };
        self.check_input(data.sample_shape())?;
        if data.is_empty() {
            return Err(Error::Data("the data set is empty; expected at least one sample".into()));
        }
        if self.output_shape().len() != 1 {
            return Err(Error::Training(format!(
                "model '{}' has outputs of shape {}; training expects (None, outputs): end with a Dense layer",
                self.name(),
                self.output_shape()
            )));
        }
        let width = self.output_shape()[0];
        compiled.loss.check(width, data.target_width())?;
        let classes = data.class_names().len();
        if data.target_width() == 1 && classes > width && width > 1 {
            return Err(Error::Training(format!(
                "the data has {classes} classes, but model '{}' has {width} outputs; end it with Dense::new({classes})",
                self.name()
            )));
        }
        Ok(())
    }

    pub(crate) fn totals(&self, data: &dyn Dataset) -> Result<Totals> {
        let compiled = self.compiled.as_ref().expect("checked by check_data");
        Ok(Totals {
            targets: Targets::new(&compiled.loss, data.target_width(), self.output_shape()[0]),
            loss: compiled.loss.clone(),
            metrics: compiled.metrics.clone(),
            width: self.output_shape()[0],
            sums: vec![0.0; 2 + compiled.metrics.len()],
            batch: vec![0.0; 2 + compiled.metrics.len()],
            losses: Vec::new(),
            weights: Vec::new(),
        })
    }
}

/// Outputs of this shape, one after the other, as `[samples, …]`.
pub(super) fn output_array(shape: &Shape, outputs: Vec<f32>) -> ArrayD<f32> {
    let shape = [&[outputs.len() / shape.elements().max(1)], &shape[..]].concat();
    ArrayD::from_shape_vec(shape, outputs).expect("outputs are whole samples")
}

/// The number of samples in the largest batch that `prefetch` gives.
pub(crate) fn largest_batch(data: &dyn Dataset) -> usize {
    data.batch_size().min(data.len()).max(1)
}

/// The number of batches in a pass over `data`.
pub(crate) fn steps(data: &dyn Dataset) -> usize {
    data.len().div_ceil(data.batch_size().max(1))
}

/// Running sums of loss and metrics over an epoch.
pub(crate) struct Totals {
    loss: Loss,
    metrics: Vec<Metric>,
    width: usize,
    targets: Targets,
    /// The number of samples, the sum of their losses, and those of the metrics.
    sums: Vec<f64>,
    /// The same of the last batch alone.
    batch: Vec<f64>,
    losses: Vec<f32>,
    weights: Vec<f32>,
}

impl Totals {
    /// Takes targets as they become where `program` mixes images.
    pub(super) fn mixed_by(&mut self, program: &Program) {
        self.targets.mixed_by(program);
    }

    /// Adds a batch on which `engine` has just run; in a plan for training, with its parts on other ranks, and leaves the
    /// loss's gradient there. Returns the batch's mean loss.
    ///
    /// # Errors
    /// If another rank has ended.
    pub(super) fn add(
        &mut self,
        engine: &mut dyn Engine,
        program: Loaded,
        run: Run<'_>,
        batch: &Batch,
        [class_weights, sample_weights]: [Option<&[f32]>; 2],
        together: &Together,
    ) -> Result<f64> {
        let rows = batch.len();
        let targets = self.targets.of(&run, batch);
        for (sum, metric) in self.batch[2..].iter_mut().zip(&self.metrics) {
            let output = engine.output(program.number, rows);
            *sum = metric.sum(self.width, output, targets.width, targets.values);
        }
        self.weights.clear();
        if let Some(weights) = class_weights {
            targets.weights(weights, &mut self.weights);
        }
        if let Some(weights) = sample_weights {
            self.weights.resize(rows, 1.0);
            let own = batch.samples.iter().map(|&sample| weights.get(sample).copied().unwrap_or(1.0));
            self.weights.iter_mut().zip(own).for_each(|(weight, own)| *weight *= own);
        }
        self.losses.resize(rows, 0.0);
        let (values, gradient) = engine.loss(program.number, rows);
        let trains = gradient.is_some();
        let predicted = Predicted {
            rows,
            width: self.width,
            values,
            on_logits: program.on_logits,
            targets: targets.values,
            weights: (class_weights.is_some() || sample_weights.is_some()).then_some(&self.weights[..]),
        };
        self.loss.compute(&predicted, &mut self.losses, gradient);
        self.batch[0] = rows as f64;
        self.batch[1] = self.losses.iter().map(|&loss| f64::from(loss)).sum();
        together.sum(&mut self.batch)?;
        if trains && self.batch[0] != rows as f64 {
            // It is that of the mean of this part, and is to be its share of the mean of all.
            let share = (rows as f64 / self.batch[0]) as f32;
            if let (_, Some(gradient)) = engine.loss(program.number, rows) {
                gradient.iter_mut().for_each(|gradient| *gradient *= share);
            }
        }
        self.sums.iter_mut().zip(&self.batch).for_each(|(sum, batch)| *sum += batch);
        Ok(self.batch[1] / self.batch[0].max(1.0))
    }

    /// The number of samples in the batch that was added last, with its parts on other ranks.
    pub(super) fn last_batch(&self) -> usize {
        self.batch[0] as usize
    }

    /// Adds what other ranks have seen.
    ///
    /// # Errors
    /// If another rank has ended.
    pub(super) fn add_others(&mut self, together: &Together) -> Result<()> {
        together.sum(&mut self.sums)
    }

    /// The means so far.
    pub(crate) fn logs_into(&self, prefix: &str, logs: &mut Logs) {
        let samples = self.sums[0].max(1.0);
        let (loss_sum, metric_sums) = (self.sums[1], &self.sums[2..]);
        let mut set = |name: &str, value: f64| match logs.get_mut(name) {
            Some(entry) => *entry = value,
            None => {
                logs.insert(name.to_owned(), value);
            }
        };
        if prefix.is_empty() {
            set("loss", loss_sum / samples);
            for (metric, sum) in self.metrics.iter().zip(metric_sums) {
                set(&metric.name(), sum / samples);
            }
        } else {
            set(&format!("{prefix}loss"), loss_sum / samples);
            for (metric, sum) in self.metrics.iter().zip(metric_sums) {
                set(&format!("{prefix}{}", metric.name()), sum / samples);
            }
        }
    }

    pub(crate) fn reset(&mut self) {
        self.sums.fill(0.0);
    }

    fn evaluation(&self) -> Evaluation {
        let mut metrics = Logs::new();
        self.logs_into("", &mut metrics);
        let loss = metrics.remove("loss").unwrap_or(f64::NAN);
        Evaluation { loss, metrics }
    }
}
