/// The 95 % confidence interval of a share that was counted, as (lowest, highest): had other samples of the same kind
/// been taken, this is how far it might have come out otherwise.
///
/// It is Wilson's score interval (1927), which is right of few samples, too, and where all or none of them count.
///
/// ```
/// use petal::calibration::share_interval;
/// let (low, high) = share_interval(80, 100);
/// assert!((low - 0.711).abs() < 1e-3 && (high - 0.867).abs() < 1e-3);
/// assert!((share_interval(50, 50).0 - 0.929).abs() < 1e-3);
/// assert_eq!(share_interval(0, 0), (0.0, 1.0));
/// ```
pub fn share_interval(counted: usize, of: usize) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (share, of, z) = (counted as f64 / of as f64, of as f64, 1.959_964);
    let square = z * z / of;
    let half = z * (share * (1.0 - share) / of + square / (4.0 * of)).sqrt();
    let middle = share + square / 2.0;
    // Rounding must not leave the range.
    (((middle - half) / (1.0 + square)).max(0.0), ((middle + half) / (1.0 + square)).min(1.0))
}
