use serde::{Deserialize, Serialize};

/// The step size of an optimizer as a function of the number of steps taken.
///
/// A number is a constant rate: `Adam::new(1e-3)`.
///
/// ```
/// use petal::training::LearningRate;
/// let rate = LearningRate::cosine_decay(1e-3, 1000);
/// assert_eq!(rate.at(0), 1e-3);
/// assert!((rate.at(500) - 5e-4).abs() < 1e-9);
/// assert_eq!(rate.at(2000), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearningRate {
    /// The same at each step.
    Constant(f32),
    /// Keras' `CosineDecay` (Loshchilov and Hutter 2016), with a linear warm-up before it.
    CosineDecay {
        /// The rate at step 0.
        initial: f32,
        /// The rate at the end of the warm-up; without it there is none.
        warmup_target: Option<f32>,
        /// The warm-up's length in steps.
        warmup_steps: u64,
        /// The decay's length in steps.
        decay_steps: u64,
        /// The last rate as a share of the rate before the decay.
        alpha: f32,
    },
    /// `initial · decay_rate ^ (step / decay_steps)`.
    ExponentialDecay {
        /// The rate at step 0.
        initial: f32,
        /// The steps in which the rate changes by one factor.
        decay_steps: u64,
        /// The factor.
        decay_rate: f32,
        /// Whether `step / decay_steps` is rounded down.
        staircase: bool,
    },
    /// `values[i]` up to and with step `boundaries[i]`, the last value after them.
    PiecewiseConstant {
        /// The last step of each value but the last.
        boundaries: Vec<u64>,
        /// The rates, one more than boundaries.
        values: Vec<f32>,
    },
}

impl LearningRate {
    /// Falls from `initial` to 0 along half a cosine within `decay_steps`.
    pub fn cosine_decay(initial: f32, decay_steps: u64) -> Self {
        LearningRate::CosineDecay { initial, warmup_target: None, warmup_steps: 0, decay_steps, alpha: 0.0 }
    }

    /// Rises from 0 to `target` within `warmup_steps`, then falls to 0 along half a cosine within `decay_steps`.
    pub fn cosine_decay_with_warmup(target: f32, warmup_steps: u64, decay_steps: u64) -> Self {
        LearningRate::CosineDecay {
            initial: 0.0,
            warmup_target: Some(target),
            warmup_steps,
            decay_steps,
            alpha: 0.0,
        }
    }

    /// Changes smoothly by the factor `decay_rate` every `decay_steps`.
    pub fn exponential_decay(initial: f32, decay_steps: u64, decay_rate: f32) -> Self {
        LearningRate::ExponentialDecay { initial, decay_steps, decay_rate, staircase: false }
    }

    /// `values[i]` up to and with step `boundaries[i]`, the last value after them.
    pub fn piecewise_constant(boundaries: impl Into<Vec<u64>>, values: impl Into<Vec<f32>>) -> Self {
        LearningRate::PiecewiseConstant { boundaries: boundaries.into(), values: values.into() }
    }

    /// The rate of the step after `step` others.
    pub fn at(&self, step: u64) -> f32 {
        match *self {
            LearningRate::Constant(rate) => rate,
            LearningRate::CosineDecay { initial, warmup_target, warmup_steps, decay_steps, alpha } => {
                let decay = |from: f32, step: f64| {
                    let done = (step / decay_steps.max(1) as f64).min(1.0);
                    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
                    (f64::from(from) * ((1.0 - f64::from(alpha)) * cosine + f64::from(alpha))) as f32
                };
                match warmup_target {
                    None => decay(initial, step as f64),
                    Some(target) if step < warmup_steps => {
                        initial + (target - initial) * (step as f32 / warmup_steps as f32)
                    }
                    Some(target) => decay(target, (step - warmup_steps) as f64),
                }
            }
            LearningRate::ExponentialDecay { initial, decay_steps, decay_rate, staircase } => {
                let exponent = step as f64 / decay_steps.max(1) as f64;
                let exponent = if staircase { exponent.floor() } else { exponent };
                (f64::from(initial) * f64::from(decay_rate).powf(exponent)) as f32
            }
            LearningRate::PiecewiseConstant { ref boundaries, ref values } => {
                let piece = boundaries.iter().take_while(|&&boundary| step > boundary).count();
                values.get(piece).or(values.last()).copied().unwrap_or(0.0)
            }
        }
    }
}

impl From<f32> for LearningRate {
    fn from(rate: f32) -> Self {
        LearningRate::Constant(rate)
    }
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        LearningRate::Constant(rate as f32)
    }
}
