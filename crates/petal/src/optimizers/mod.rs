//! Optimizers with Keras' formulas; each step is one pass over the flat arenas, in place.

mod adam;
mod rmsprop;
mod schedule;
mod sgd;
mod state;

use serde::{Deserialize, Serialize};

pub use adam::{Adam, AdamW};
pub use rmsprop::RMSprop;
pub use schedule::LearningRate;
pub use sgd::SGD;
pub(crate) use state::State;
use state::Step;

use crate::{Error, Result};

/// How weights follow their gradients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    algorithm: Algorithm,
    learning_rate: LearningRate,
    weight_decay: Option<f32>,
    clipping: Option<Clipping>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gradient_accumulation_steps: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ema: Option<Ema>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer_decay: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::upper_case_acronyms, reason = "Keras' name")]
pub(crate) enum Algorithm {
    Adam(adam::Moments),
    RMSprop(rmsprop::Averages),
    SGD(sgd::Velocity),
}

/// What is done to large gradients; Keras allows one of these.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Clipping {
    /// Each weight's gradient is scaled down to this Euclidean norm.
    Norm(f32),
    /// All gradients together are scaled down to this Euclidean norm.
    GlobalNorm(f32),
    /// Each value is brought into ± this.
    Value(f32),
}

/// A moving average of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Ema {
    momentum: f32,
    overwrite_frequency: Option<u64>,
}

impl Ema {
    /// Keras' defaults.
    const DEFAULT: Ema = Ema { momentum: 0.99, overwrite_frequency: None };
}

/// Settings that every optimizer has.
pub trait OptimizerSettings: Into<Optimizer> {
    /// Before each step, weights are multiplied by `1 - learning rate · weight_decay`. None by default, but for
    /// [`AdamW`].
    fn weight_decay(self, weight_decay: f32) -> Optimizer {
        Optimizer { weight_decay: Some(weight_decay), ..self.into() }
    }

    /// Scales each weight's gradient down to this Euclidean norm. Replaces any other clipping.
    fn clipnorm(self, norm: f32) -> Optimizer {
        Optimizer { clipping: Some(Clipping::Norm(norm)), ..self.into() }
    }

    /// Scales all gradients together down to this Euclidean norm. Replaces any other clipping.
    fn global_clipnorm(self, norm: f32) -> Optimizer {
        Optimizer { clipping: Some(Clipping::GlobalNorm(norm)), ..self.into() }
    }

    /// Moves the weights only at every `steps`-th step, by the mean of the gradients since the last time: as one batch
    /// that is so much larger, in the memory of a small one. The learning rate's schedule counts all steps.
    fn gradient_accumulation_steps(self, steps: usize) -> Optimizer {
        Optimizer { gradient_accumulation_steps: Some(steps as u64), ..self.into() }
    }

    /// Keeps a moving average of the weights, `average · momentum + weight · (1 - momentum)` after each step; when `fit`
    /// ends, the weights become their averages, which are often better than the last ones. Momentum is 0.99 unless
    /// [`ema_momentum`](OptimizerSettings::ema_momentum) says otherwise.
    ///
    /// ```
    /// use petal::training::{Adam, OptimizerSettings};
    /// let optimizer = Adam::new(1e-3).use_ema(true).ema_momentum(0.9).gradient_accumulation_steps(4);
    /// # let _ = optimizer;
    /// ```
    fn use_ema(self, use_ema: bool) -> Optimizer {
        let optimizer = self.into();
        Optimizer { ema: use_ema.then(|| optimizer.ema.unwrap_or(Ema::DEFAULT)), ..optimizer }
    }

    /// How much of the average stays at a step; implies [`use_ema`](OptimizerSettings::use_ema).
    fn ema_momentum(self, momentum: f32) -> Optimizer {
        let optimizer = self.into();
        Optimizer { ema: Some(Ema { momentum, ..optimizer.ema.unwrap_or(Ema::DEFAULT) }), ..optimizer }
    }

    /// The weights become their averages at every so many steps, too; implies
    /// [`use_ema`](OptimizerSettings::use_ema).
    fn ema_overwrite_frequency(self, steps: usize) -> Optimizer {
        let optimizer = self.into();
        let overwrite_frequency = Some(steps as u64);
        Optimizer {
            ema: Some(Ema { overwrite_frequency, ..optimizer.ema.unwrap_or(Ema::DEFAULT) }),
            ..optimizer
        }
    }

    /// Lets layers learn the more slowly the further they are from the output: the learning rate of the last layer that
    /// trains is the optimizer's, that of each layer before it smaller by this factor (Clark et al. 2020, ELECTRA). What
    /// early layers of a pretrained network know is good for most photos; 0.95 keeps more of it. Keras has no such
    /// setting: its files are written without the optimizer then.
    ///
    /// ```
    /// use petal::training::{Adam, OptimizerSettings};
    /// let optimizer = Adam::new(3e-4).layer_decay(0.95);
    /// # let _ = optimizer;
    /// ```
    fn layer_decay(self, factor: f32) -> Optimizer {
        Optimizer { layer_decay: Some(factor), ..self.into() }
    }

    /// Brings each value of the gradients into ± `value`. Replaces any other clipping.
    fn clipvalue(self, value: f32) -> Optimizer {
        Optimizer { clipping: Some(Clipping::Value(value)), ..self.into() }
    }
}

impl<O: Into<Optimizer>> OptimizerSettings for O {}

impl Optimizer {
    fn new(algorithm: Algorithm, learning_rate: LearningRate) -> Self {
        Optimizer {
            algorithm,
            learning_rate,
            weight_decay: None,
            clipping: None,
            gradient_accumulation_steps: None,
            ema: None,
            layer_decay: None,
        }
    }

    /// Keras' name: `adam`, `rmsprop`, `sgd`.
    pub fn name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Adam(_) => "adam",
            Algorithm::RMSprop(_) => "rmsprop",
            Algorithm::SGD(_) => "sgd",
        }
    }

    /// The learning rate or its schedule.
    pub fn learning_rate(&self) -> &LearningRate {
        &self.learning_rate
    }

    pub(crate) fn set_learning_rate(&mut self, learning_rate: LearningRate) {
        self.learning_rate = learning_rate;
    }

    /// Arrays of the trainable weights' size that are kept: the algorithm's, the accumulated gradients, the averages.
    pub(crate) fn slots(&self) -> usize {
        let accumulated = usize::from(self.gradient_accumulation_steps.is_some());
        self.algorithm_slots() + accumulated + usize::from(self.ema.is_some())
    }

    fn algorithm_slots(&self) -> usize {
        match &self.algorithm {
            Algorithm::Adam(adam) => adam.slots(),
            Algorithm::RMSprop(rmsprop) => rmsprop.slots(),
            Algorithm::SGD(sgd) => sgd.slots(),
        }
    }

    /// Refuses settings out of their range.
    pub(crate) fn check(&self) -> Result<()> {
        self.learning_rate.check()?;
        match &self.algorithm {
            Algorithm::Adam(adam) => adam.check()?,
            Algorithm::RMSprop(rmsprop) => rmsprop.check()?,
            Algorithm::SGD(sgd) => sgd.check()?,
        }
        if let Some(decay) = self.weight_decay {
            at_least_0("weight_decay", decay)?;
        }
        if let Some(steps) = self.gradient_accumulation_steps.filter(|&steps| steps < 2) {
            return Err(Error::argument("gradient_accumulation_steps", steps, "at least 2"));
        }
        if let Some(factor) = self.layer_decay.filter(|factor| !(*factor > 0.0 && *factor <= 1.0)) {
            return Err(Error::argument("layer_decay", factor, "more than 0 and at most 1"));
        }
        if let Some(ema) = self.ema {
            if !(0.0..=1.0).contains(&ema.momentum) {
                return Err(Error::argument("ema_momentum", ema.momentum, "between 0 and 1"));
            }
            if ema.overwrite_frequency == Some(0) {
                return Err(Error::argument("ema_overwrite_frequency", 0, "at least 1"));
            }
        }
        let (name, limit) = match self.clipping {
            None => return Ok(()),
            Some(Clipping::Norm(limit)) => ("clipnorm", limit),
            Some(Clipping::GlobalNorm(limit)) => ("global_clipnorm", limit),
            Some(Clipping::Value(limit)) => ("clipvalue", limit),
        };
        match limit.is_finite() && limit > 0.0 {
            true => Ok(()),
            false => Err(Error::argument(name, limit, "a finite number above 0")),
        }
    }
}

/// A decay: at 1, a running mean would never see a gradient.
fn below_1(name: &'static str, value: f32) -> Result<()> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(Error::argument(name, value, "at least 0 and less than 1")),
    }
}

fn at_least_0(name: &'static str, value: f32) -> Result<()> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(Error::argument(name, value, "a finite number of at least 0")),
    }
}

/// Momentum, which Keras allows up to 1.
fn momentum_in_range(momentum: f32) -> Result<()> {
    match (0.0..=1.0).contains(&momentum) {
        true => Ok(()),
        false => Err(Error::argument("momentum", momentum, "between 0 and 1")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::schedule;
    use super::state::Tensor;
    use super::*;
    use crate::fixture;

    fn from_keras(optimizer: &Value) -> Optimizer {
        let config = &optimizer["config"];
        let number = |key: &str| config[key].as_f64().map(|value| value as f32);
        let learning_rate = schedule::tests::from_keras(&config["learning_rate"]);
        let adam = || {
            Adam::new(learning_rate.clone())
                .beta_1(number("beta_1").unwrap())
                .beta_2(number("beta_2").unwrap())
                .epsilon(number("epsilon").unwrap())
                .amsgrad(config["amsgrad"] == true)
        };
        let mut made: Optimizer = match optimizer["class_name"].as_str().unwrap() {
            "Adam" | "AdamW" => adam().into(),
            "RMSprop" => RMSprop::new(learning_rate)
                .rho(number("rho").unwrap())
                .momentum(number("momentum").unwrap())
                .epsilon(number("epsilon").unwrap())
                .centered(config["centered"] == true)
                .into(),
            "SGD" => SGD::new(learning_rate)
                .momentum(number("momentum").unwrap())
                .nesterov(config["nesterov"] == true)
                .into(),
            other => panic!("an optimizer of class {other}"),
        };
        if let Some(decay) = number("weight_decay") {
            made = made.weight_decay(decay);
        }
        if let Some(limit) = number("clipnorm") {
            made = made.clipnorm(limit);
        }
        if let Some(limit) = number("global_clipnorm") {
            made = made.global_clipnorm(limit);
        }
        if let Some(limit) = number("clipvalue") {
            made = made.clipvalue(limit);
        }
        if let Some(steps) = config["gradient_accumulation_steps"].as_u64() {
            made = made.gradient_accumulation_steps(steps as usize);
        }
        if config["use_ema"] == true {
            made = made.ema_momentum(number("ema_momentum").unwrap());
            if let Some(steps) = config["ema_overwrite_frequency"].as_u64() {
                made = made.ema_overwrite_frequency(steps as usize);
            }
        }
        made
    }

    /// Keras takes `1 - beta_2` in f64; for 0.999 this is 1.3e-5 more than in f32. Hence the tolerances.
    #[test]
    fn weights_and_state_after_each_step_are_those_of_keras() {
        for case in fixture::cases("optimizer") {
            let name = fixture::name(&case);
            let optimizer = from_keras(&case["optimizer"]);
            optimizer.check().unwrap();
            let names: Vec<_> =
                case["weights"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
            let all = |prefix: &str| -> Vec<Vec<f32>> {
                names.iter().map(|weight| fixture::values(&case, &format!("{prefix}/{weight}"))).collect()
            };
            let mut weights = all("initial").concat();
            let mut end = 0;
            let tensors = all("initial")
                .iter()
                .map(|values| {
                    let range = end..end + values.len();
                    end = range.end;
                    Tensor { weights: range.clone(), gradients: range, rate: 1.0 }
                })
                .collect();
            let mut state = State { iterations: 0, slots: vec![vec![0.0; end]; optimizer.slots()], tensors };
            for step in 1..=case["steps"].as_u64().unwrap() {
                state.step(&optimizer, &mut weights, &all(&format!("step{step}/grad")).concat());
                let expected = all(&format!("step{step}"));
                for (tensor, expected) in state.tensors.iter().zip(&expected) {
                    let found = &weights[tensor.weights.clone()];
                    fixture::assert_close(found, expected, 1e-5, &format!("{name}: step {step}"));
                }
            }
            // Keras' order: Adam's moments alternate, what is else follows slot by slot.
            let variables: Vec<_> =
                case["state"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
            for (i, variable) in variables.iter().enumerate() {
                let Some((weight, slot)) = variable.split_once('_').filter(|(w, _)| names.contains(w)) else {
                    continue;
                };
                let slot = match (slot, &optimizer.algorithm) {
                    ("momentum", Algorithm::Adam(_) | Algorithm::SGD(_)) => 0,
                    ("velocity", Algorithm::Adam(_)) => 1,
                    ("velocity", _) => 0,
                    ("velocity_hat", _) => 2,
                    ("momentum", _) => 1,
                    ("average_gradient", _) => optimizer.algorithm_slots() - 1,
                    ("gradient_accumulator", _) => optimizer.algorithm_slots(),
                    ("average", _) => optimizer.slots() - 1,
                    (other, _) => panic!("{name} keeps {other}"),
                };
                let tensor = &state.tensors[names.iter().position(|name| *name == weight).unwrap()];
                let found = &state.slots[slot][tensor.gradients.clone()];
                fixture::assert_close(found, &fixture::values(&case, &format!("state/{i}")), 2e-5, name);
            }
        }
    }

    #[test]
    fn settings_out_of_their_range_are_refused() {
        for (optimizer, argument) in [
            (Adam::new(-1.0).into(), "learning_rate"),
            (Adam::new(0.1).beta_1(1.0).into(), "beta_1"),
            (Adam::new(0.1).beta_2(-0.1).into(), "beta_2"),
            (Adam::new(0.1).epsilon(f32::NAN).into(), "epsilon"),
            (AdamW::new(0.1).weight_decay(-0.1), "weight_decay"),
            (RMSprop::new(0.1).rho(1.5).into(), "rho"),
            (RMSprop::new(0.1).momentum(f32::NAN).into(), "momentum"),
            (SGD::new(0.1).momentum(1.1).into(), "momentum"),
            (SGD::new(0.1).clipnorm(0.0), "clipnorm"),
            (SGD::new(0.1).global_clipnorm(-1.0), "global_clipnorm"),
            (SGD::new(0.1).clipvalue(f32::INFINITY), "clipvalue"),
            (SGD::new(0.1).layer_decay(0.0), "layer_decay"),
        ] as [(Optimizer, &str); 12]
        {
            let error = optimizer.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{argument} is ")), "{error}");
        }
    }
}
