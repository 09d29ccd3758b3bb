use serde::{Deserialize, Serialize};

use crate::{Error, Result};

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
    /// Keras' `CosineDecayRestarts` (Loshchilov and Hutter 2016): half a cosine again and again.
    CosineDecayRestarts {
        /// The rate at step 0.
        initial: f32,
        /// The first period's length in steps.
        first_decay_steps: u64,
        /// The factor from one period's length to the next; 2 in Keras.
        t_mul: f32,
        /// The factor from one period's first rate to the next; 1 in Keras.
        m_mul: f32,
        /// The last rate of a period as a share of `initial`.
        alpha: f32,
    },
    /// `initial / (1 + decay_rate · step / decay_steps)`.
    InverseTimeDecay {
        /// The rate at step 0.
        initial: f32,
        /// The steps in which the divisor grows by the decay rate.
        decay_steps: u64,
        /// The growth of the divisor.
        decay_rate: f32,
        /// Whether `step / decay_steps` is rounded down.
        staircase: bool,
    },
    /// `(initial - end) · (1 - step / decay_steps) ^ power + end`, and `end` after it.
    PolynomialDecay {
        /// The rate at step 0.
        initial: f32,
        /// The decay's length in steps.
        decay_steps: u64,
        /// The last rate; 1e-4 in Keras.
        end: f32,
        /// The exponent; 1 in Keras, a straight line.
        power: f32,
        /// Whether `decay_steps` grows to its next multiple whenever it is reached, instead of `end` being kept.
        cycle: bool,
    },
    /// Smith's one cycle (2018) as fastai and PyTorch's `OneCycleLR` have it: up from `maximum / 25` to `maximum` along
    /// half a cosine, then down to almost nothing along another. Keras has none.
    OneCycle {
        /// The highest rate.
        maximum: f32,
        /// The steps of the whole cycle; after them the last rate stays.
        steps: u64,
        /// The share of the steps in which the rate rises; 0.25 in fastai, 0.3 in PyTorch.
        rise: f32,
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

    /// Falls from `initial` to 0 along half a cosine within `first_decay_steps`, then again within twice as many, and so
    /// on.
    pub fn cosine_decay_restarts(initial: f32, first_decay_steps: u64) -> Self {
        LearningRate::CosineDecayRestarts { initial, first_decay_steps, t_mul: 2.0, m_mul: 1.0, alpha: 0.0 }
    }

    /// Falls as `1 / (1 + decay_rate · step / decay_steps)`.
    pub fn inverse_time_decay(initial: f32, decay_steps: u64, decay_rate: f32) -> Self {
        LearningRate::InverseTimeDecay { initial, decay_steps, decay_rate, staircase: false }
    }

    /// Falls from `initial` to `end` within `decay_steps`, along a straight line.
    pub fn linear_decay(initial: f32, decay_steps: u64, end: f32) -> Self {
        LearningRate::PolynomialDecay { initial, decay_steps, end, power: 1.0, cycle: false }
    }

    /// One cycle: up to `maximum` in the first quarter of the steps, down to almost nothing in the rest.
    pub fn one_cycle(maximum: f32, steps: u64) -> Self {
        LearningRate::OneCycle { maximum, steps, rise: 0.25 }
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
                    let cosine = half_cosine(step / decay_steps.max(1) as f64);
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
            LearningRate::CosineDecayRestarts { initial, first_decay_steps, t_mul, m_mul, alpha } => {
                let periods = step as f64 / first_decay_steps.max(1) as f64;
                let (t_mul, m_mul, alpha) = (f64::from(t_mul), f64::from(m_mul), f64::from(alpha));
                // The restarts so far, and the share of the present period that is done.
                let (restarts, done) = if t_mul == 1.0 {
                    (periods.floor(), periods.fract())
                } else {
                    let restarts = ((1.0 - periods * (1.0 - t_mul)).ln() / t_mul.ln()).floor();
                    let length = t_mul.powf(restarts);
                    (restarts, (periods - (1.0 - length) / (1.0 - t_mul)) / length)
                };
                let cosine = m_mul.powf(restarts) * half_cosine(done);
                (f64::from(initial) * ((1.0 - alpha) * cosine + alpha)) as f32
            }
            LearningRate::InverseTimeDecay { initial, decay_steps, decay_rate, staircase } => {
                let periods = step as f64 / decay_steps.max(1) as f64;
                let periods = if staircase { periods.floor() } else { periods };
                (f64::from(initial) / (1.0 + f64::from(decay_rate) * periods)) as f32
            }
            LearningRate::PolynomialDecay { initial, decay_steps, end, power, cycle } => {
                let decay_steps = decay_steps.max(1);
                let length =
                    if cycle { decay_steps * step.div_ceil(decay_steps).max(1) } else { decay_steps };
                let left = 1.0 - step.min(length) as f64 / length as f64;
                ((f64::from(initial) - f64::from(end)) * left.powf(f64::from(power)) + f64::from(end)) as f32
            }
            LearningRate::OneCycle { maximum, steps, rise } => {
                let maximum = f64::from(maximum);
                let (first, last) = (maximum / ONE_CYCLE_DIVISOR, maximum / ONE_CYCLE_DIVISOR * 1e-4);
                // As in PyTorch, the highest and the last rate are those of steps.
                let top = f64::from(rise) * steps as f64 - 1.0;
                let end = steps as f64 - 1.0;
                let step = step as f64;
                let rate = if step <= top {
                    maximum + (first - maximum) * half_cosine(if top > 0.0 { step / top } else { 1.0 })
                } else {
                    last + (maximum - last) * half_cosine((step - top) / (end - top))
                };
                rate as f32
            }
            LearningRate::PiecewiseConstant { ref boundaries, ref values } => {
                let piece = boundaries.iter().take_while(|&&boundary| step > boundary).count();
                values.get(piece).or(values.last()).copied().unwrap_or(0.0)
            }
        }
    }
}

/// One cycle's highest rate over its first one.
const ONE_CYCLE_DIVISOR: f64 = 25.0;

/// From 1 to 0 while `done` goes from 0 to 1.
fn half_cosine(done: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
}

impl LearningRate {
    /// Refuses rates that are negative or not finite, and schedules that cannot be followed.
    pub(crate) fn check(&self) -> Result<()> {
        let rate = |name: &'static str, rate: f32| match rate.is_finite() && rate >= 0.0 {
            true => Ok(()),
            false => Err(Error::argument(name, rate, "a finite number of at least 0")),
        };
        let some_steps = |name: &'static str, steps: u64| match steps {
            0 => Err(Error::argument(name, 0, "at least 1")),
            _ => Ok(()),
        };
        match self {
            LearningRate::Constant(constant) => rate("learning_rate", *constant),
            LearningRate::CosineDecay { initial, warmup_target, decay_steps, alpha, .. } => {
                rate("initial", *initial)?;
                rate("warmup_target", warmup_target.unwrap_or(0.0))?;
                rate("alpha", *alpha)?;
                some_steps("decay_steps", *decay_steps)
            }
            LearningRate::ExponentialDecay { initial, decay_steps, decay_rate, .. } => {
                rate("initial", *initial)?;
                rate("decay_rate", *decay_rate)?;
                some_steps("decay_steps", *decay_steps)
            }
            LearningRate::CosineDecayRestarts { initial, first_decay_steps, t_mul, m_mul, alpha } => {
                rate("initial", *initial)?;
                rate("m_mul", *m_mul)?;
                rate("alpha", *alpha)?;
                some_steps("first_decay_steps", *first_decay_steps)?;
                match t_mul.is_finite() && *t_mul >= 1.0 {
                    true => Ok(()),
                    false => Err(Error::argument("t_mul", t_mul, "a finite number of at least 1")),
                }
            }
            LearningRate::InverseTimeDecay { initial, decay_steps, decay_rate, .. } => {
                rate("initial", *initial)?;
                rate("decay_rate", *decay_rate)?;
                some_steps("decay_steps", *decay_steps)
            }
            LearningRate::PolynomialDecay { initial, decay_steps, end, power, .. } => {
                rate("initial", *initial)?;
                rate("end", *end)?;
                rate("power", *power)?;
                some_steps("decay_steps", *decay_steps)
            }
            LearningRate::OneCycle { maximum, steps, rise } => {
                rate("maximum", *maximum)?;
                some_steps("steps", *steps)?;
                match (0.0..1.0).contains(rise) {
                    true => Ok(()),
                    false => Err(Error::argument("rise", rise, "at least 0 and less than 1")),
                }
            }
            LearningRate::PiecewiseConstant { boundaries, values } => {
                values.iter().try_for_each(|&value| rate("values", value))?;
                if values.len() != boundaries.len() + 1 {
                    let found = format!("{} for {} boundaries", values.len(), boundaries.len());
                    return Err(Error::argument("the number of values", found, "one more than boundaries"));
                }
                match boundaries.is_sorted() {
                    true => Ok(()),
                    false => Err(Error::argument("boundaries", format!("{boundaries:?}"), "rising numbers")),
                }
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

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fixture;

    /// The schedule or constant that Keras' configuration describes.
    pub(crate) fn from_keras(value: &Value) -> LearningRate {
        let Some(class) = value["class_name"].as_str() else {
            return LearningRate::from(value.as_f64().unwrap());
        };
        let config = &value["config"];
        let number = |key: &str| config[key].as_f64().unwrap() as f32;
        let steps = |key: &str| config[key].as_u64().unwrap();
        match class {
            "CosineDecay" => LearningRate::CosineDecay {
                initial: number("initial_learning_rate"),
                warmup_target: config["warmup_target"].as_f64().map(|target| target as f32),
                warmup_steps: steps("warmup_steps"),
                decay_steps: steps("decay_steps"),
                alpha: number("alpha"),
            },
            "ExponentialDecay" => LearningRate::ExponentialDecay {
                initial: number("initial_learning_rate"),
                decay_steps: steps("decay_steps"),
                decay_rate: number("decay_rate"),
                staircase: config["staircase"] == true,
            },
            "CosineDecayRestarts" => LearningRate::CosineDecayRestarts {
                initial: number("initial_learning_rate"),
                first_decay_steps: steps("first_decay_steps"),
                t_mul: number("t_mul"),
                m_mul: number("m_mul"),
                alpha: number("alpha"),
            },
            "InverseTimeDecay" => LearningRate::InverseTimeDecay {
                initial: number("initial_learning_rate"),
                decay_steps: steps("decay_steps"),
                decay_rate: number("decay_rate"),
                staircase: config["staircase"] == true,
            },
            "PolynomialDecay" => LearningRate::PolynomialDecay {
                initial: number("initial_learning_rate"),
                decay_steps: steps("decay_steps"),
                end: number("end_learning_rate"),
                power: number("power"),
                cycle: config["cycle"] == true,
            },
            "PiecewiseConstantDecay" => LearningRate::PiecewiseConstant {
                boundaries: serde_json::from_value(config["boundaries"].clone()).unwrap(),
                values: serde_json::from_value(config["values"].clone()).unwrap(),
            },
            other => panic!("a schedule of class {other}"),
        }
    }

    #[test]
    fn schedules_are_those_of_keras() {
        for case in fixture::cases("schedule") {
            let schedule = from_keras(&case["schedule"]);
            schedule.check().unwrap();
            let steps = fixture::values(&case, "step");
            let expected = fixture::values(&case, "learning_rate");
            for (step, expected) in steps.iter().zip(&expected) {
                let found = schedule.at(*step as u64);
                // Keras computes in f32 throughout: half a cosine near its end loses digits there.
                let tolerance =
                    2e-6 * expected.abs() + 3e-8 * expected.abs().max(schedule.at(0).abs()).max(0.1);
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{case}: step {step}: {found}, Keras {expected}"
                );
            }
        }
    }

    #[test]
    fn one_cycle_is_that_of_pytorch() {
        let cases: Value = serde_json::from_str(include_str!("../../tests/fixtures/one_cycle.json")).unwrap();
        for case in cases.as_array().unwrap() {
            let maximum = case["maximum"].as_f64().unwrap();
            let schedule = LearningRate::OneCycle {
                maximum: maximum as f32,
                steps: case["steps"].as_u64().unwrap(),
                rise: case["rise"].as_f64().unwrap() as f32,
            };
            schedule.check().unwrap();
            for (step, expected) in case["learning_rates"].as_array().unwrap().iter().enumerate() {
                let (found, expected) = (f64::from(schedule.at(step as u64)), expected.as_f64().unwrap());
                assert!((found - expected).abs() <= 1e-6 * maximum, "{case}: step {step}: {found}");
            }
        }
    }

    #[test]
    fn schedules_that_cannot_be_followed_are_refused() {
        for (schedule, argument) in [
            (LearningRate::from(f32::NAN), "learning_rate"),
            (LearningRate::from(-1.0), "learning_rate"),
            (LearningRate::cosine_decay(0.1, 0), "decay_steps"),
            (LearningRate::cosine_decay_with_warmup(f32::INFINITY, 1, 1), "warmup_target"),
            (LearningRate::exponential_decay(0.1, 0, 0.9), "decay_steps"),
            (LearningRate::exponential_decay(0.1, 1, -0.9), "decay_rate"),
            (LearningRate::cosine_decay_restarts(0.1, 0), "first_decay_steps"),
            (LearningRate::inverse_time_decay(0.1, 0, 1.0), "decay_steps"),
            (LearningRate::linear_decay(0.1, 10, -1.0), "end"),
            (LearningRate::one_cycle(0.1, 0), "steps"),
            (LearningRate::OneCycle { maximum: 0.1, steps: 9, rise: 1.0 }, "rise"),
            (LearningRate::piecewise_constant([10], [0.1]), "the number of values"),
            (LearningRate::piecewise_constant([10, 5], [0.1, 0.2, 0.3]), "boundaries"),
            (LearningRate::piecewise_constant([10], [0.1, f32::NAN]), "values"),
        ] {
            let error = schedule.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{argument} is ")), "{error}");
        }
    }
}
