//! Random numbers that depend on what they are for, not on what was drawn before.
//!
//! One seed feeds independent named streams (weights, order, each augmentation and dropout layer). Within a stream, a
//! [`Key`] is derived from the epoch and the sample, so a draw is the same on one thread or many, in any order of work.

/// A point in the tree of random streams: everything drawn from equal keys is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The root of all streams of one seed.
    pub fn new(seed: u64) -> Self {
        Key(mix(seed ^ 0x6a09_e667_f3bc_c909))
    }

    /// The stream with this name below `self`.
    pub fn named(self, name: &str) -> Self {
        name.bytes().fold(self.number(name.len() as u64), |key, byte| key.number(u64::from(byte)))
    }

    /// The stream with this number (an epoch, a sample) below `self`.
    pub fn number(self, number: u64) -> Self {
        Key(mix(self.0.rotate_left(32) ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The key's 64 bits, for kernels that draw an element's number from it.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The key with these bits.
    pub fn from_bits(bits: u64) -> Self {
        Key(bits)
    }

    /// A generator that starts at this key.
    pub fn generator(self) -> Generator {
        Generator(self.0)
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
#[derive(Clone, Debug)]
pub struct Generator(u64);

impl Generator {
    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix_final(self.0)
    }

    /// Uniform in `[0, 1)`, with 24 random bits.
    pub fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub fn uniform_in(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in `0..bound`; `bound` must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Multiply-shift; its bias is below 2^-32 for every size that fits in memory.
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Standard normal, by the Box–Muller transform.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - f64::from(self.uniform())).ln()).sqrt();
        (radius * (std::f64::consts::TAU * f64::from(self.uniform())).cos()) as f32
    }

    /// From the beta distribution with both parameters `alpha`, which must be above 0.
    pub fn beta(&mut self, alpha: f64) -> f32 {
        // By logarithms, since for small parameters both numbers are mostly smaller than any float.
        let [a, b] = [(); 2].map(|()| self.log_gamma(alpha));
        (1.0 / (1.0 + (b - a).exp())) as f32
    }

    /// The logarithm of a number from the gamma distribution (Marsaglia and Tsang 2000, "A simple method for generating
    /// gamma variables").
    fn log_gamma(&mut self, alpha: f64) -> f64 {
        let d = alpha + 1.0 - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = f64::from(self.normal());
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - f64::from(self.uniform());
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                // From the distribution for `alpha + 1` to that for `alpha`.
                return d.ln() + v.ln() + (1.0 - f64::from(self.uniform())).ln() / alpha;
            }
        }
    }

    /// Fisher–Yates shuffle of `items`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

fn mix(x: u64) -> u64 {
    mix_final(x.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

fn mix_final(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_independent_of_the_order_of_draws() {
        let root = Key::new(42);
        let before = root.named("dropout").number(3).generator().bits();
        root.named("order").generator().bits();
        assert_eq!(root.named("dropout").number(3).generator().bits(), before);
        assert_ne!(root.named("dropout").number(4).generator().bits(), before);
        assert_ne!(Key::new(43).named("dropout").number(3).generator().bits(), before);
    }

    #[test]
    fn the_beta_distribution_has_its_mean_and_variance() {
        for alpha in [1e-6, 0.2, 1.0, 3.0] {
            let mut generator = Key::new(5).generator();
            let draws: Vec<f64> = (0..50_000).map(|_| f64::from(generator.beta(alpha))).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: {mean}");
            assert!((variance - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.004, "{alpha}: {variance}");
        }
    }

    #[test]
    fn uniform_has_the_mean_and_variance_of_the_uniform_distribution() {
        let mut generator = Key::new(1).generator();
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(generator.uniform())).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        assert!((variance - 1.0 / 12.0).abs() < 0.002, "{variance}");
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
    }
}
