//! Activation functions.
//!
//! Strategy: one elementwise pass in parallel chunks. [`Activation`] is what convolutions and dense layers fuse into
//! their last pass over the output; [`Unary`] is everything else.

use rayon::prelude::*;

use crate::exponential::exp;
use crate::parallel::{CHUNK, Each, map, map2, map3};
use crate::simd::dispatch;

/// An activation that a convolution or dense layer applies to its output as it writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `x`.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

impl Activation {
    /// The least and the largest value that it gives.
    pub fn bounds(self) -> (f32, f32) {
        match self {
            Activation::Linear => (f32::NEG_INFINITY, f32::INFINITY),
            Activation::Relu => (0.0, f32::INFINITY),
            Activation::Relu6 => (0.0, 6.0),
        }
    }

    /// Applies the activation to `values` in place.
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Activation::Linear => {}
            // Not `max`, which would turn NaN into 0 and hide a diverged training.
            Activation::Relu => values.iter_mut().for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v }),
            Activation::Relu6 => values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0)),
        }
    }
}

/// A fused activation on the way back. Its output says where the gradient passes: strictly between the bounds
/// (TensorFlow's ReLU and ReLU6 gradients).
#[derive(Clone, Copy, Debug)]
pub struct ActivationGradient<'a> {
    /// The activation.
    pub activation: Activation,
    /// Its output.
    pub y: &'a [f32],
}

impl ActivationGradient<'_> {
    /// Turns the gradient after the activation into the one before it, in place.
    pub fn apply(&self, dy: &mut [f32]) {
        assert_eq!(self.y.len(), dy.len());
        if self.activation != Activation::Linear {
            dy.par_chunks_mut(CHUNK).enumerate().for_each(|(i, dy)| self.apply_part(i * CHUNK, dy));
        }
    }

    /// The same for the elements from `start` on, on this thread.
    pub(crate) fn apply_part(&self, start: usize, dy: &mut [f32]) {
        let y = &self.y[start..][..dy.len()];
        let each = dy.iter_mut().zip(y);
        type Pair<'a> = (&'a mut f32, &'a f32);
        match self.activation {
            Activation::Linear => {}
            Activation::Relu => dispatch(Each(each, |(dy, y): Pair| *dy = if *y > 0.0 { *dy } else { 0.0 })),
            Activation::Relu6 => {
                dispatch(Each(each, |(dy, y): Pair| *dy = if *y > 0.0 && *y < 6.0 { *dy } else { 0.0 }));
            }
        }
    }
}

/// Elementwise activation functions with Keras' formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `x`.
    Linear,
    /// `x` above `threshold`, else `negative_slope * (x - threshold)`; with `max_value`, clipped to `[0, max_value]`
    /// above the threshold.
    Relu {
        /// Largest output, if any.
        max_value: Option<f32>,
        /// Slope below the threshold.
        negative_slope: f32,
        /// Where the linear part begins.
        threshold: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `x` above 0, else `alpha * (exp(x) - 1)`.
    Elu {
        /// The distance of the lower bound from 0.
        alpha: f32,
    },
    /// Scaled ELU (Klambauer et al. 2017).
    Selu,
    /// `x * Φ(x)` with the error function, Keras' default (`approximate=False`).
    Gelu,
    /// `x * sigmoid(x)`.
    Silu,
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `relu6(x + 3) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSilu,
    /// `exp(x)`.
    Exponential,
    /// `x * tanh(softplus(x))` (Misra 2019).
    Mish,
    /// `ln(sigmoid(x))`.
    LogSigmoid,
    /// `(x + sqrt(x² + 4)) / 2`.
    Squareplus,
    /// 0 up to -1, `x` from 1 on, `(x + 1)² / 4` between them.
    SparsePlus,
    /// 0 up to -1, 1 from 1 on, `(x + 1) / 2` between them.
    SparseSigmoid,
    /// `x` clipped to `[-1, 1]`.
    HardTanh,
    /// `x - tanh(x)`.
    TanhShrink,
    /// 0 where `|x|` is at most 0.5, else `x` brought closer to 0 by 0.5.
    SoftShrink,
    /// 0 where `|x|` is at most 0.5, else `x`.
    HardShrink,
}

impl Unary {
    /// `y = f(x)`.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        match *self {
            Unary::Linear => y.copy_from_slice(x),
            Unary::Relu { max_value, negative_slope, threshold } => map(x, y, |x| {
                if x > threshold {
                    max_value.map_or(x, |max| x.max(0.0).min(max))
                } else {
                    negative_slope * (x - threshold)
                }
            }),
            Unary::Sigmoid => map(x, y, sigmoid),
            Unary::Tanh => map(x, y, f32::tanh),
            Unary::Elu { alpha } => map(x, y, |x| if x > 0.0 { x } else { alpha * x.exp_m1() }),
            Unary::Selu => {
                map(x, y, |x| if x > 0.0 { SELU_SCALE * x } else { SELU_SCALE * SELU_ALPHA * x.exp_m1() })
            }
            Unary::Gelu => map(x, y, |x| x * normal_cdf(x)),
            Unary::Silu => map(x, y, |x| x * sigmoid(x)),
            Unary::Softplus => map(x, y, softplus),
            Unary::Softsign => map(x, y, |x| x / (1.0 + x.abs())),
            Unary::HardSigmoid => map(x, y, hard_sigmoid),
            Unary::HardSilu => map(x, y, |x| x * hard_sigmoid(x)),
            Unary::Exponential => map(x, y, exp),
            Unary::Mish => map(x, y, |x| x * softplus(x).tanh()),
            Unary::LogSigmoid => map(x, y, |x| -softplus(-x)),
            Unary::Squareplus => map(x, y, |x| (x + (x * x + 4.0).sqrt()) / 2.0),
            Unary::SparsePlus => map(x, y, |x| {
                if x <= -1.0 {
                    0.0
                } else if x < 1.0 {
                    (x + 1.0) * (x + 1.0) / 4.0
                } else {
                    x
                }
            }),
            Unary::SparseSigmoid => map(x, y, |x| (0.5 * (x + 1.0)).clamp(0.0, 1.0)),
            Unary::HardTanh => map(x, y, |x| x.clamp(-1.0, 1.0)),
            Unary::TanhShrink => map(x, y, |x| x - x.tanh()),
            Unary::SoftShrink => {
                map(x, y, |x| if x.abs() <= SHRINK { 0.0 } else { x - SHRINK.copysign(x) });
            }
            Unary::HardShrink => map(x, y, |x| if x.abs() <= SHRINK { 0.0 } else { x }),
        }
    }

    /// `dx = f'(x) * dy`, given the forward pass' input `x` and output `y`.
    pub fn backward(&self, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
        match *self {
            Unary::Linear => dx.copy_from_slice(dy),
            Unary::Relu { max_value, negative_slope, threshold } => {
                // TensorFlow's LeakyRelu, which this is without the other settings, has its lower slope at the bend.
                let leaky = max_value.is_none() && threshold == 0.0;
                map2(x, dy, dx, |x, dy| {
                    if x > threshold {
                        if max_value.is_none_or(|max| x >= 0.0 && x < max) { dy } else { 0.0 }
                    } else if x < threshold || leaky {
                        negative_slope * dy
                    } else {
                        0.0
                    }
                })
            }
            Unary::Sigmoid => map2(y, dy, dx, |y, dy| dy * y * (1.0 - y)),
            Unary::Tanh => map2(y, dy, dx, |y, dy| dy * (1.0 - y * y)),
            Unary::Elu { alpha } => map2(y, dy, dx, |y, dy| if y > 0.0 { dy } else { dy * (y + alpha) }),
            Unary::Selu => {
                map2(
                    y,
                    dy,
                    dx,
                    |y, dy| {
                        if y >= 0.0 { dy * SELU_SCALE } else { dy * (y + SELU_SCALE * SELU_ALPHA) }
                    },
                )
            }
            Unary::Gelu => map2(x, dy, dx, |x, dy| dy * (normal_cdf(x) + x * normal_density(x))),
            Unary::Silu => map2(x, dy, dx, |x, dy| {
                let s = sigmoid(x);
                dy * (s + x * s * (1.0 - s))
            }),
            Unary::Softplus => map2(x, dy, dx, |x, dy| dy * sigmoid(x)),
            Unary::Softsign => map2(x, dy, dx, |x, dy| dy / (1.0 + x.abs()).powi(2)),
            Unary::HardSigmoid => map2(x, dy, dx, |x, dy| if x > -3.0 && x < 3.0 { dy / 6.0 } else { 0.0 }),
            Unary::HardSilu => map3(x, y, dy, dx, |x, _, dy| {
                let inner = if x > -3.0 && x < 3.0 { x / 6.0 } else { 0.0 };
                dy * (hard_sigmoid(x) + inner)
            }),
            Unary::Exponential => map2(y, dy, dx, |y, dy| dy * y),
            Unary::Mish => map2(x, dy, dx, |x, dy| {
                let t = softplus(x).tanh();
                dy * (t + x * (1.0 - t * t) * sigmoid(x))
            }),
            Unary::LogSigmoid => map2(x, dy, dx, |x, dy| dy * sigmoid(-x)),
            Unary::Squareplus => map2(x, dy, dx, |x, dy| dy * (1.0 + x / (x * x + 4.0).sqrt()) / 2.0),
            Unary::SparsePlus => map2(x, dy, dx, |x, dy| dy * (0.5 * (x + 1.0)).clamp(0.0, 1.0)),
            Unary::SparseSigmoid => map2(x, dy, dx, |x, dy| if x > -1.0 && x < 1.0 { 0.5 * dy } else { 0.0 }),
            Unary::HardTanh => map2(x, dy, dx, |x, dy| if x.abs() <= 1.0 { dy } else { 0.0 }),
            Unary::TanhShrink => map2(x, dy, dx, |x, dy| dy * x.tanh().powi(2)),
            Unary::SoftShrink | Unary::HardShrink => {
                map2(x, dy, dx, |x, dy| if x.abs() > SHRINK { dy } else { 0.0 });
            }
        }
    }
}

const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_SCALE: f32 = 1.050_701;

/// Keras' threshold of soft and hard shrinkage.
const SHRINK: f32 = 0.5;

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn hard_sigmoid(x: f32) -> f32 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

fn normal_cdf(x: f32) -> f32 {
    0.5 * libm::erfcf(-x * std::f32::consts::FRAC_1_SQRT_2)
}

fn normal_density(x: f32) -> f32 {
    exp(-0.5 * x * x) * (0.5 * std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2)
}
