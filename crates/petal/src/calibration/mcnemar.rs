use std::f64::consts::LN_2;

/// McNemar's exact test of two models on the same samples.
///
/// Samples that both are right about, or both wrong, say nothing of which is better; the others do, and of equal models
/// each would be right about half of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// How many samples the first model alone is right about.
    pub only_first: usize,
    /// How many the second alone is right about.
    pub only_second: usize,
    /// How likely it is, in 0..=1, that chance alone makes both numbers differ as much, or more, though the models are
    /// equally good: the two-sided p of the binomial test.
    pub p: f64,
}

impl McNemar {
    /// Compares models by whether each is right about each of the same samples.
    ///
    /// ```
    /// use petal::calibration::McNemar;
    /// let both_wrong_or_first = [(true, false), (true, true), (false, false), (true, false), (true, false)];
    /// let test = McNemar::new(both_wrong_or_first);
    /// assert_eq!((test.only_first, test.only_second), (3, 0));
    /// // One of eight ways that three coins can fall is all heads, one all tails.
    /// assert!((test.p - 0.25).abs() < 1e-12);
    /// ```
    pub fn new(right: impl IntoIterator<Item = (bool, bool)>) -> McNemar {
        let (mut only_first, mut only_second) = (0, 0);
        for (first, second) in right {
            only_first += usize::from(first && !second);
            only_second += usize::from(second && !first);
        }
        let p = binomial(only_first.min(only_second), only_first + only_second);
        McNemar { only_first, only_second, p }
    }
}

/// Twice the probability that of `of` fair coins `most` at most fall heads.
fn binomial(most: usize, of: usize) -> f64 {
    // The logarithm of the share of ways to choose 0, then 1, then 2 … of them; no share itself can be too small for a
    // number.
    let mut log_share = -(of as f64) * LN_2;
    let mut sum = log_share.exp();
    for chosen in 1..=most {
        log_share += ((of + 1 - chosen) as f64 / chosen as f64).ln();
        sum += log_share.exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::binomial;

    /// As scipy.stats.binomtest(k, n) has them.
    #[test]
    fn p_is_that_of_scipy() {
        for (most, of, p) in [
            (0, 0, 1.0),
            (5, 10, 1.0),
            (2, 11, 0.065_429_687_5),
            (10, 40, 0.002_221_433_773),
            (900, 2000, 8.457_089_5e-6),
        ] {
            let ours = binomial(most, of);
            assert!((ours - p).abs() < 1e-6 * p, "{ours} of {most} in {of}, expected {p}");
        }
    }
}
