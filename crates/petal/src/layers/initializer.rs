use serde::{Deserialize, Serialize};

use crate::random::Generator;

/// How a weight's first values are drawn; Keras' initializers.
///
/// `fan_in` and `fan_out` are Keras': rows and columns of a matrix; for a kernel of higher rank its last two axes,
/// each times the number of the window's cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config")]
pub enum Initializer {
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio 2010); Keras' default for kernels.
    GlorotUniform {},
    /// Truncated normal of standard deviation √(2 / (fan_in + fan_out)).
    GlorotNormal {},
    /// Uniform in ±√(6 / fan_in) (He et al. 2015).
    HeUniform {},
    /// Truncated normal of standard deviation √(2 / fan_in).
    HeNormal {},
    /// Uniform in ±√(3 / fan_in).
    LecunUniform {},
    /// Truncated normal of standard deviation √(1 / fan_in).
    LecunNormal {},
    /// Of a variance that follows from the weight's shape.
    VarianceScaling {
        /// The variance, times the fan.
        scale: f64,
        /// Which fan.
        mode: Fan,
        /// How the values are distributed.
        distribution: Distribution,
    },
    /// Uniform in `[minval, maxval)`.
    RandomUniform {
        /// The lower bound.
        minval: f32,
        /// The upper bound.
        maxval: f32,
    },
    /// Normal.
    RandomNormal {
        /// The mean.
        mean: f32,
        /// The standard deviation.
        stddev: f32,
    },
    /// Normal, drawn again where it lies more than two standard deviations from the mean.
    TruncatedNormal {
        /// The mean.
        mean: f32,
        /// The standard deviation before truncation.
        stddev: f32,
    },
    /// All 0.
    Zeros {},
    /// All 1.
    Ones {},
    /// All the same.
    Constant {
        /// The value.
        value: f32,
    },
}

/// What [`Initializer::VarianceScaling`] divides its scale by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Fan {
    FanIn,
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// How the values of [`Initializer::VarianceScaling`] are distributed around 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normal, drawn again beyond two standard deviations.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

impl Initializer {
    /// Fills `values`, a weight of this shape.
    pub(crate) fn fill(&self, shape: &[usize], generator: &mut Generator, values: &mut [f32]) {
        let (fan_in, fan_out) = fans(shape);
        let uniform = |scale: f64, generator: &mut Generator, values: &mut [f32]| {
            let limit = (3.0 * scale).sqrt() as f32;
            values.iter_mut().for_each(|value| *value = generator.uniform_in(-limit, limit));
        };
        let normal = |scale: f64, generator: &mut Generator, values: &mut [f32]| {
            // A normal truncated at two standard deviations has 0.8796 of the standard deviation (as in Keras).
            let stddev = (scale.sqrt() / 0.879_625_661_034_239_8) as f32;
            values.iter_mut().for_each(|value| *value = truncated_normal(generator, 0.0, stddev));
        };
        match *self {
            Initializer::GlorotUniform {} => uniform(2.0 / (fan_in + fan_out), generator, values),
            Initializer::GlorotNormal {} => normal(2.0 / (fan_in + fan_out), generator, values),
            Initializer::HeUniform {} => uniform(2.0 / fan_in, generator, values),
            Initializer::HeNormal {} => normal(2.0 / fan_in, generator, values),
            Initializer::LecunUniform {} => uniform(1.0 / fan_in, generator, values),
            Initializer::LecunNormal {} => normal(1.0 / fan_in, generator, values),
            Initializer::VarianceScaling { scale, mode, distribution } => {
                let fan = match mode {
                    Fan::FanIn => fan_in,
                    Fan::FanOut => fan_out,
                    Fan::FanAvg => (fan_in + fan_out) / 2.0,
                };
                let variance = scale / fan.max(1.0);
                match distribution {
                    Distribution::TruncatedNormal => normal(variance, generator, values),
                    Distribution::UntruncatedNormal => {
                        let stddev = variance.sqrt() as f32;
                        values.iter_mut().for_each(|value| *value = stddev * generator.normal());
                    }
                    Distribution::Uniform => uniform(variance, generator, values),
                }
            }
            Initializer::RandomUniform { minval, maxval } => {
                values.iter_mut().for_each(|value| *value = generator.uniform_in(minval, maxval));
            }
            Initializer::RandomNormal { mean, stddev } => {
                values.iter_mut().for_each(|value| *value = mean + stddev * generator.normal());
            }
            Initializer::TruncatedNormal { mean, stddev } => {
                values.iter_mut().for_each(|value| *value = truncated_normal(generator, mean, stddev));
            }
            Initializer::Zeros {} => values.fill(0.0),
            Initializer::Ones {} => values.fill(1.0),
            Initializer::Constant { value } => values.fill(value),
        }
    }
}

/// Keras' `compute_fans`.
fn fans(shape: &[usize]) -> (f64, f64) {
    let (fan_in, fan_out) = match *shape {
        [] => (1, 1),
        [n] => (n, n),
        [ref window @ .., rows, columns] => {
            let cells: usize = window.iter().product();
            (rows * cells, columns * cells)
        }
    };
    (fan_in.max(1) as f64, fan_out.max(1) as f64)
}

fn truncated_normal(generator: &mut Generator, mean: f32, stddev: f32) -> f32 {
    loop {
        let draw = generator.normal();
        if draw.abs() <= 2.0 {
            return mean + stddev * draw;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    #[test]
    fn glorot_uniform_has_the_limits_of_keras() {
        for (shape, limit) in [(&[3, 3, 3, 16][..], 0.187_32), (&[3, 3, 32, 1], 0.142_13)] {
            let mut values = vec![0.0; shape.iter().product::<usize>() * 50];
            Initializer::GlorotUniform {}.fill(shape, &mut Key::new(1).generator(), &mut values);
            let largest = values.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!(largest <= limit && largest > 0.999 * limit, "{largest} {limit}");
        }
    }

    #[test]
    fn he_normal_has_the_standard_deviation_of_its_name() {
        let mut values = vec![0.0; 100_000];
        Initializer::HeNormal {}.fill(&[1000, 100], &mut Key::new(1).generator(), &mut values);
        let variance = values.iter().map(|x| f64::from(x * x)).sum::<f64>() / values.len() as f64;
        assert!((variance / 0.002 - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn keras_configuration_is_read() {
        let text = r#"{"module":"keras.initializers","class_name":"GlorotUniform","config":{"seed":null,"input_axes":null},"registered_name":null}"#;
        assert_eq!(serde_json::from_str::<Initializer>(text).unwrap(), Initializer::GlorotUniform {});
    }
}
