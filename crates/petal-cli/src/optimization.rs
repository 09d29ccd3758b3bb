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
    /// How rates grow with the batch.
    #[serde(default)]
    pub scale: Scale,
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

    /// The rates of this many steps, of which `factor · rate` is the highest.
    fn of(self, rate: f32, factor: f32, steps: u64) -> LearningRate {
        let warmup = steps.div_ceil(10);
        let (unscaled, rate) = (rate, factor * rate);
        match self {
            // A rate that is far higher at once would throw weights away that are still random.
            Schedule::Constant if factor > 1.0 => LearningRate::linear_decay(unscaled, warmup, rate),
            Schedule::Constant => rate.into(),
            Schedule::Cosine => LearningRate::cosine_decay_with_warmup(rate, warmup, (steps - warmup).max(1)),
            Schedule::OneCycle => LearningRate::one_cycle(rate, steps),
        }
    }
}

/// How learning rates, which are for batches of 32, grow with larger ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Not at all
    #[default]
    None,
    /// As the batch (Goyal et al. 2017)
    Linear,
    /// As its square root
    Sqrt,
}

impl Scale {
    /// The batch that rates are for without it.
    const OF: f32 = 32.0;

    fn factor(self, batch: usize) -> f32 {
        match self {
            Scale::None => 1.0,
            Scale::Linear => batch as f32 / Scale::OF,
            Scale::Sqrt => (batch as f32 / Scale::OF).sqrt(),
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
    /// An optimizer that takes this many steps with batches of this size, at rates of which `rate`, as far as it grows with
    /// the batch, is the highest.
    pub fn optimizer(&self, optimizer: Algorithm, rate: f32, steps: u64, batch: usize) -> Optimizer {
        let rates = self.schedule.of(rate, self.scale.factor(batch), steps.max(1));
        let mut optimizer = optimizer.with_rate(rates);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_grow_with_the_batch_and_begin_unscaled() {
        let rates = |scale: Scale| Schedule::Constant.of(1e-3, scale.factor(128), 100);
        assert_eq!(rates(Scale::None), LearningRate::from(1e-3));
        for (scale, highest) in [(Scale::Linear, 4e-3), (Scale::Sqrt, 2e-3)] {
            let rates = rates(scale);
            assert_eq!(rates.at(0), 1e-3);
            assert!(rates.at(5) > 1e-3 && rates.at(5) < highest);
            assert!((rates.at(10) - highest).abs() < 1e-9 && rates.at(10) == rates.at(99));
            let peak = Schedule::OneCycle.of(1e-3, scale.factor(128), 100).at(24);
            assert!((peak - highest).abs() < 1e-4 * highest, "{peak}");
        }
    }
}
