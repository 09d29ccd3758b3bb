//! Dropout, noise and erased rectangles, whose numbers are drawn by counting.

use std::f64::consts::TAU;

use super::Affine;
use super::layout::image;
use super::step::Call;
use crate::program::{Mix, Noise, RandomErase, RandomMix, RandomNoise};

/// SELU's limit for small numbers.
const SELU_BOUND: f64 = -1.758_099_340_847_376_6;

impl Call<'_> {
    pub(super) fn dropout(&self, rate: f32, repeats: usize, stream: &str) -> Affine {
        let scale = if rate < 1.0 { 1.0 / (1.0 - f64::from(rate)) } else { 0.0 };
        let kept = self.kept(rate, repeats, stream);
        Affine::gather(self.outputs(), |i| (i, if kept(i) { scale } else { 0.0 }))
    }

    pub(super) fn random_noise(&self, noise: &RandomNoise) -> Affine {
        let (keys, elements) = (self.keys(&noise.stream), self.output.elements());
        let draw = |i: usize| normal(keys[i / elements], (i % elements) as u64);
        match noise.kind {
            Noise::Added { stddev } => {
                let mut map = Affine::gather(self.outputs(), |i| (i, 1.0));
                (0..self.outputs()).for_each(|i| map.add_constant(i, f64::from(stddev) * draw(i)));
                map
            }
            Noise::Multiplied { stddev } => {
                Affine::gather(self.outputs(), |i| (i, 1.0 + f64::from(stddev) * draw(i)))
            }
            Noise::AlphaDropout { rate, repeats } => self.alpha_dropout(rate, repeats, &noise.stream),
        }
    }

    /// Sets a share to SELU's lower bound, then maps all values so that mean 0 and variance 1 come back.
    fn alpha_dropout(&self, rate: f32, repeats: usize, stream: &str) -> Affine {
        let kept = self.kept(rate, repeats, stream);
        let rate = f64::from(rate);
        let variance = (1.0 - rate) * (1.0 + rate * SELU_BOUND * SELU_BOUND);
        let scale = if variance > 0.0 { 1.0 / variance.sqrt() } else { 0.0 };
        let offset = -scale * SELU_BOUND * rate;
        let mut map = Affine::gather(self.outputs(), |i| (i, if kept(i) { scale } else { 0.0 }));
        for i in 0..self.outputs() {
            map.add_constant(i, if kept(i) { offset } else { scale * SELU_BOUND + offset });
        }
        map
    }

    pub(super) fn random_erase(&self, erase: &RandomErase) -> Affine {
        let [height, width, channels] = image(self.output);
        let noise: Vec<u64> = self.run.keys_within(&erase.stream, "noise").collect();
        let [low, high] = erase.range.map(f64::from);
        let mut map = Affine::new(self.outputs());
        for (n, key) in self.run.keys(&erase.stream).enumerate() {
            let rectangle = erase.draw([height, width], key);
            for i in 0..self.output.elements() {
                let (row, column) = (i / (width * channels), i / channels % width);
                let to = n * self.output.elements() + i;
                let erased = |[rows, columns]: &[std::ops::Range<usize>; 2]| {
                    rows.contains(&row) && columns.contains(&column)
                };
                if !rectangle.as_ref().is_some_and(erased) {
                    map.add(0, to, to, 1.0);
                } else if let Some(colour) = &erase.colour {
                    map.add_constant(to, colour.get(i % channels).copied().unwrap_or(0.0).into());
                } else {
                    map.add_constant(to, (high * normal(noise[n], i as u64)).max(low).min(high));
                }
            }
        }
        map
    }

    pub(super) fn random_mix(&self, mix: &RandomMix) -> Affine {
        let ([height, width, channels], elements) = (image(self.output), self.output.elements());
        let (mixes, partners) = mix.draw_batch([height, width], self.run);
        let mut map = Affine::new(self.outputs());
        for to in 0..self.outputs() {
            let (n, i) = (to / elements, to % elements);
            let (row, column) = (i / (width * channels), i / channels % width);
            let share = match &mixes[n] {
                Mix::Blend { share } => f64::from(*share),
                Mix::Paste { rectangle: [rows, columns], .. } => {
                    f64::from(u8::from(!(rows.contains(&row) && columns.contains(&column))))
                }
            };
            map.add(0, to, to, share);
            map.add(0, partners[n] * elements + i, to, 1.0 - share);
        }
        map
    }

    /// Whether the value number `i` of the batch is kept: one draw goes for the same place of a sample's repeats.
    fn kept(&self, rate: f32, repeats: usize, stream: &str) -> impl Fn(usize) -> bool {
        let (keys, elements) = (self.keys(stream), self.output.elements());
        let places = elements / repeats.max(1);
        move |i| uniform(keys[i / elements], (i % elements % places) as u64) >= rate
    }

    /// One random key a sample.
    fn keys(&self, stream: &str) -> Vec<u64> {
        self.run.keys(stream).collect()
    }
}

/// Uniform in `[0, 1)`: SplitMix64 (Steele, Lea and Flood 2014) at position `index` of the stream that starts at `key`.
fn uniform(key: u64, index: u64) -> f32 {
    let mut bits = key.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // The highest 24 bits, all of which fit into an f32.
    (bits >> 40) as f32 / (1u32 << 24) as f32
}

/// Standard normal, by the Box–Muller transform of the key's numbers `2 · index` and `2 · index + 1`.
fn normal(key: u64, index: u64) -> f64 {
    let [a, b] = [2 * index, 2 * index + 1].map(|index| f64::from(uniform(key, index)));
    (-2.0 * (1.0 - a).ln()).sqrt() * (TAU * b).cos()
}
