//! How the options say that weights follow their gradients.

use clap::ValueEnum;
use petal::training::{Adam, LearningRate, Optimizer, OptimizerSettings, RMSprop};
use serde::{Deserialize, Serialize};

/// What holds for all phases of a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Optimization {
    pub schedule: Schedule,
    /// The rate of each layer as a share of that of the layer after it.
    pub layer_decay: Option<f32>,
    /// Batches whose gradients move the weights together.
    pub gradient_accumulation: Option<usize>,
    /// What stays of the weights' moving average at a step.
    pub ema: Option<f32>,
}

/// How the learning rate changes from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The same at each step
    #[default]
    Constant,
    /// Up from 0 along a line in a tenth of the steps, then down to 0 along half a cosine
    Cosine,
    /// Up from a 25th in a quarter of the steps, then down to almost 0, along two halves of a cosine
    OneCycle,
}

impl Schedule {
    pub fn name(self) -> &'static str {
        match self {
            Schedule::Constant => "constant",
            Schedule::Cosine => "cosine with a warm-up",
            Schedule::OneCycle => "one cycle",
        }
    }

    /// The rates of this many steps, of which `rate` is the highest.
    fn of(self, rate: f32, steps: u64) -> LearningRate {
        match self {
            Schedule::Constant => rate.into(),
            Schedule::Cosine => {
                let warmup = steps.div_ceil(10);
                LearningRate::cosine_decay_with_warmup(rate, warmup, (steps - warmup).max(1))
            }
            Schedule::OneCycle => LearningRate::one_cycle(rate, steps),
        }
    }
}

/// What moves the weights in fine-tuning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// As in the lecture
    #[default]
    Rmsprop,
    Adam,
}

impl Algorithm {
    /// As Keras writes it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rmsprop => "RMSprop",
            Algorithm::Adam => "Adam",
        }
    }

    fn with_rate(self, rate: LearningRate) -> Optimizer {
        match self {
            Algorithm::Rmsprop => RMSprop::new(rate).into(),
            Algorithm::Adam => Adam::new(rate).into(),
        }
    }
}

impl Optimization {
    /// An optimizer that takes this many steps, at rates of which `rate` is the highest.
    pub fn optimizer(&self, optimizer: Algorithm, rate: f32, steps: u64) -> Optimizer {
        let mut optimizer = optimizer.with_rate(self.schedule.of(rate, steps.max(1)));
        if let Some(factor) = self.layer_decay {
            optimizer = optimizer.layer_decay(factor);
        }
        if let Some(batches) = self.gradient_accumulation {
            optimizer = optimizer.gradient_accumulation_steps(batches);
        }
        if let Some(momentum) = self.ema {
            optimizer = optimizer.ema_momentum(momentum);
        }
        optimizer
    }
}
