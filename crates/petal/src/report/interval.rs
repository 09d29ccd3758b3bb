use super::ClassificationReport;
use crate::random::Key;

/// How often photos are drawn anew.
const RESAMPLES: usize = 2000;
/// Of more photos, the interval is that of a normal distribution, from which theirs can't be told any more.
const DRAWN: usize = 10_000;

impl ClassificationReport {
    /// The accuracy's 95 % confidence interval, as (lowest, highest): had other photos of the same kind been taken, this is how
    /// far it might have come out otherwise.
    ///
    /// It is the percentile bootstrap (Efron 1979): as many photos are drawn from these, with replacement, 2,000 times, and
    /// 2.5 % of the accuracies are cut off at either end. The same results give the same interval.
    ///
    /// ```
    /// use petal::report::ClassificationReport;
    /// let names = ["daisy".to_owned(), "roses".to_owned()];
    /// let report = ClassificationReport::new(&[0; 100], &[vec![0; 80], vec![1; 20]].concat(), &names)?;
    /// let (low, high) = report.accuracy_interval();
    /// assert!((low - 0.72).abs() < 0.02 && (high - 0.88).abs() < 0.02);
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn accuracy_interval(&self) -> (f64, f64) {
        interval(self.accuracy, self.weighted_average.support)
    }
}

fn interval(accuracy: f64, photos: usize) -> (f64, f64) {
    if photos == 0 {
        return (0.0, 1.0);
    }
    if photos > DRAWN {
        let half = 1.96 * (accuracy * (1.0 - accuracy) / photos as f64).sqrt();
        return ((accuracy - half).max(0.0), (accuracy + half).min(1.0));
    }
    let right = (accuracy * photos as f64).round() as usize;
    let mut generator = Key::new(0).named("bootstrap").generator();
    let mut draw = || (0..photos).filter(|_| generator.below(photos) < right).count();
    let mut accuracies: Vec<usize> = (0..RESAMPLES).map(|_| draw()).collect();
    accuracies.sort_unstable();
    let cut = RESAMPLES / 40;
    let share = |right: usize| right as f64 / photos as f64;
    (share(accuracies[cut]), share(accuracies[RESAMPLES - 1 - cut]))
}

#[cfg(test)]
mod tests {
    use super::interval;

    /// Wilson's score interval (1927), which needs no draws.
    fn wilson(accuracy: f64, photos: f64) -> (f64, f64) {
        let z = 1.96_f64;
        let square = z * z / photos;
        let half = z * (accuracy * (1.0 - accuracy) / photos + square / (4.0 * photos)).sqrt();
        ((accuracy + square / 2.0 - half) / (1.0 + square), (accuracy + square / 2.0 + half) / (1.0 + square))
    }

    #[test]
    fn intervals_are_about_wilsons() {
        for (accuracy, photos) in [(0.7, 200), (0.918, 734), (0.5, 10_000), (0.5, 10_002)] {
            let (low, high) = interval(accuracy, photos);
            let (lowest, highest) = wilson(accuracy, photos as f64);
            assert!(low < accuracy && accuracy < high);
            let tolerance = 0.15 * (highest - lowest);
            assert!((low - lowest).abs() < tolerance && (high - highest).abs() < tolerance, "{low} {high}");
        }
        assert_eq!(interval(1.0, 50), (1.0, 1.0));
        assert_eq!(interval(0.0, 0), (0.0, 1.0));
    }
}
