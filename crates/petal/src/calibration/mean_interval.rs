/// The 95 % confidence interval of the mean of `values`, as (lowest, highest), by the normal distribution: of few
/// values it is too narrow. Of no value it is everything.
///
/// ```
/// use petal::calibration::mean_interval;
/// let (low, high) = mean_interval(&[1.0, 2.0, 3.0, 4.0]);
/// assert!((low - (2.5 - 1.265)).abs() < 1e-3 && (high - (2.5 + 1.265)).abs() < 1e-3);
/// ```
pub fn mean_interval(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    if values.len() < 2 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half = 1.959_964 * (variance / count).sqrt();
    (mean - half, mean + half)
}
