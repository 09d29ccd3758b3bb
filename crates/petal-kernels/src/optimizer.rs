//! Optimiser steps with Keras 3's formulas.
//!
//! Strategy: one pass in place over weights, gradients and state, in parallel chunks. A gradient is first scaled by
//! `gradient_scale` (1 unless its norm is clipped), then clipped to `[-clip, clip]` if `clip` is given; `decay`
//! (learning rate × weight decay, 0 for none) shrinks the weight before the step.

use rayon::prelude::*;

use crate::parallel::{CHUNK, Each};
use crate::simd::dispatch;

/// One step of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// `learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)`, where `t` is 1 for the first step.
    pub alpha: f32,
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment.
    pub beta_2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Learning rate × weight decay.
    pub decay: f32,
    /// Whether the step divides by the largest second moment so far.
    pub amsgrad: bool,
    /// Factor of the gradient.
    pub gradient_scale: f32,
    /// Largest absolute value of a gradient's element.
    pub clip: Option<f32>,
}

impl AdamStep {
    /// `m += (g - m) * (1 - beta_1)`, `v += (g² - v) * (1 - beta_2)`, `w -= m * alpha / (sqrt(v) + epsilon)`; `vhat`,
    /// the largest `v`, is given with `amsgrad`.
    pub fn apply(&self, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], vhat: Option<&mut [f32]>) {
        assert_eq!(self.amsgrad, vhat.is_some());
        let gradient = gradient(self.gradient_scale, self.clip);
        let (one_minus_beta_1, one_minus_beta_2) = (1.0 - self.beta_1, 1.0 - self.beta_2);
        let step = *self;
        let moments = move |w: &mut f32, g: f32, m: &mut f32, v: &mut f32| {
            let g = gradient(g);
            *w -= *w * step.decay;
            *m += (g - *m) * one_minus_beta_1;
            *v += (g * g - *v) * one_minus_beta_2;
        };
        check(w, &[g, m, v]);
        let chunks = w.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK));
        let chunks = chunks.zip(m.par_chunks_mut(CHUNK)).zip(v.par_chunks_mut(CHUNK));
        match vhat {
            None => chunks.for_each(|(((w, g), m), v)| {
                let each = |(((w, g), m), v): (((&mut f32, &f32), &mut f32), &mut f32)| {
                    moments(w, *g, m, v);
                    *w -= *m * step.alpha / (v.sqrt() + step.epsilon);
                };
                dispatch(Each(w.iter_mut().zip(g).zip(m).zip(v), each));
            }),
            Some(vhat) => {
                assert_eq!(vhat.len(), g.len());
                chunks.zip(vhat.par_chunks_mut(CHUNK)).for_each(|((((w, g), m), v), vhat)| {
                    for ((((w, &g), m), v), vhat) in w.iter_mut().zip(g).zip(m).zip(v).zip(vhat) {
                        moments(w, g, m, v);
                        *vhat = vhat.max(*v);
                        *w -= *m * step.alpha / (vhat.sqrt() + step.epsilon);
                    }
                });
            }
        }
    }
}

/// One step of RMSprop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmspropStep {
    /// Learning rate.
    pub learning_rate: f32,
    /// Decay of the mean square.
    pub rho: f32,
    /// Momentum, 0 for none.
    pub momentum: f32,
    /// Added to the mean square under the root.
    pub epsilon: f32,
    /// Whether the mean square is centred on the mean gradient.
    pub centered: bool,
    /// Learning rate × weight decay.
    pub decay: f32,
    /// Factor of the gradient.
    pub gradient_scale: f32,
    /// Largest absolute value of a gradient's element.
    pub clip: Option<f32>,
}

impl RmspropStep {
    /// `v = rho * v + (1 - rho) * g²`, `increment = learning_rate * g / sqrt(v - a² + epsilon)`. `mom` is the momentum
    /// (given if `momentum` isn't 0), `average` the mean gradient `a` (given with `centered`).
    pub fn apply(
        &self,
        w: &mut [f32],
        g: &[f32],
        v: &mut [f32],
        mom: Option<&mut [f32]>,
        average: Option<&mut [f32]>,
    ) {
        assert_eq!(self.momentum != 0.0, mom.is_some());
        assert_eq!(self.centered, average.is_some());
        check(w, &[g, v]);
        let n = w.len().div_ceil(CHUNK);
        let gradient = gradient(self.gradient_scale, self.clip);
        let step = *self;
        let mean_square = move |w: &mut f32, g: f32, v: &mut f32| {
            let g = gradient(g);
            *w -= *w * step.decay;
            *v = step.rho * *v + (1.0 - step.rho) * g * g;
            g
        };
        let chunks = w.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)).zip(v.par_chunks_mut(CHUNK));
        if mom.is_none() && average.is_none() {
            return chunks.for_each(|((w, g), v)| {
                let each = |((w, g), v): ((&mut f32, &f32), &mut f32)| {
                    let g = mean_square(w, *g, v);
                    *w -= step.learning_rate * g / (*v + step.epsilon).sqrt();
                };
                dispatch(Each(w.iter_mut().zip(g).zip(v), each));
            });
        }
        chunks.zip(optional_chunks(mom, g.len(), n)).zip(optional_chunks(average, g.len(), n)).for_each(
            |((((w, g), v), mut mom), mut average)| {
                for (i, ((w, &g), v)) in w.iter_mut().zip(g).zip(v).enumerate() {
                    let g = mean_square(w, g, v);
                    let mut denominator = *v + self.epsilon;
                    if let Some(average) = &mut average {
                        let a = &mut average[i];
                        *a = self.rho * *a + (1.0 - self.rho) * g;
                        denominator = *v - *a * *a + self.epsilon;
                    }
                    let mut increment = self.learning_rate * g / denominator.sqrt();
                    if let Some(mom) = &mut mom {
                        mom[i] = self.momentum * mom[i] + increment;
                        increment = mom[i];
                    }
                    *w -= increment;
                }
            },
        );
    }
}

/// One step of stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub learning_rate: f32,
    /// Momentum, 0 for none.
    pub momentum: f32,
    /// Nesterov's momentum.
    pub nesterov: bool,
    /// Learning rate × weight decay.
    pub decay: f32,
    /// Factor of the gradient.
    pub gradient_scale: f32,
    /// Largest absolute value of a gradient's element.
    pub clip: Option<f32>,
}

impl SgdStep {
    /// Without momentum `w -= learning_rate * g`; with it (`m` given) `m = momentum * m - learning_rate * g`, then
    /// `w += m` or, with Nesterov's, `w += momentum * m - learning_rate * g`.
    pub fn apply(&self, w: &mut [f32], g: &[f32], m: Option<&mut [f32]>) {
        assert_eq!(self.momentum != 0.0, m.is_some());
        check(w, &[g]);
        let n = w.len().div_ceil(CHUNK);
        let gradient = gradient(self.gradient_scale, self.clip);
        let chunks = w.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)).zip(optional_chunks(m, g.len(), n));
        chunks.for_each(|((w, g), mut m)| {
            for (i, (w, &g)) in w.iter_mut().zip(g).enumerate() {
                let step = self.learning_rate * gradient(g);
                *w -= *w * self.decay;
                match &mut m {
                    None => *w -= step,
                    Some(m) => {
                        m[i] = self.momentum * m[i] - step;
                        *w += if self.nesterov { self.momentum * m[i] - step } else { m[i] };
                    }
                }
            }
        });
    }
}

/// Sum of squares, accumulated in `f64` in chunks of a fixed size.
pub fn sum_of_squares(g: &[f32]) -> f32 {
    // Collected in order, then summed, because a parallel sum's order depends on the number of threads.
    let partials: Vec<f64> =
        g.par_chunks(CHUNK).map(|g| g.iter().map(|&g| f64::from(g) * f64::from(g)).sum()).collect();
    partials.iter().sum::<f64>() as f32
}

fn gradient(scale: f32, clip: Option<f32>) -> impl Fn(f32) -> f32 + Sync {
    let limit = clip.unwrap_or(f32::INFINITY);
    // Not `max` and `min` as methods, which would turn NaN into the limit and hide a diverged training.
    move |g| {
        let g = g * scale;
        if g > limit {
            limit
        } else if g < -limit {
            -limit
        } else {
            g
        }
    }
}

fn optional_chunks(
    state: Option<&mut [f32]>,
    len: usize,
    chunks: usize,
) -> impl IndexedParallelIterator<Item = Option<&mut [f32]>> {
    let mut parts: Vec<Option<&mut [f32]>> = Vec::with_capacity(chunks);
    match state {
        Some(state) => {
            assert_eq!(state.len(), len);
            parts.extend(state.chunks_mut(CHUNK).map(Some));
        }
        None => parts.resize_with(chunks, || None),
    }
    parts.into_par_iter()
}

fn check(w: &[f32], others: &[&[f32]]) {
    others.iter().for_each(|other| assert_eq!(other.len(), w.len()));
}
