use ndarray::{Array2, ArrayView2, Axis, aview1};
use petal_kernels::{Activation, Dense, Precision};

use crate::random::Key;
use crate::{Error, Result};

/// Samples in the plane of their two principal components.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// `[samples, 2]`, in the features' units, the mean at the origin.
    pub points: Array2<f32>,
    /// The share of all variance that lies along each of the two; 0 where nothing varies.
    pub explained_variance_ratio: [f64; 2],
}

/// Lays `features`, `[samples, features]`, out on the plane that keeps most of their variance.
///
/// The same features always give the same points: of each component's two directions the one is taken in which the
/// feature that weighs most grows, as in scikit-learn's `PCA`.
///
/// ```
/// use ndarray::array;
/// let map = petal::explain::pca(array![[0.0, 0.0, 7.0], [3.0, 4.0, 7.0], [6.0, 8.0, 7.0]].view())?;
/// assert!((map.points[[2, 0]] - 5.0).abs() < 1e-4);
/// assert!((map.explained_variance_ratio[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If a feature is not finite.
pub fn pca(features: ArrayView2<'_, f32>) -> Result<Pca> {
    if let Some(((sample, feature), value)) = features.indexed_iter().find(|(_, value)| !value.is_finite()) {
        let found = format!("{value} in sample {sample}, feature {feature}");
        return Err(Error::argument("features", found, "finite numbers"));
    }
    let mut pca = Pca { points: Array2::zeros((features.nrows(), 2)), explained_variance_ratio: [0.0; 2] };
    let Some((centred, unit)) = centre(features) else { return Ok(pca) };
    let (samples, width) = features.dim();
    let (basis, variances) = subspace(&centred, samples, width);
    let total: f64 = centred.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    for component in 0..2 {
        pca.explained_variance_ratio[component] = variances[component] / total;
        let direction = &basis[component];
        let heaviest = direction.iter().fold(0.0_f64, |a, &b| if b.abs() > a.abs() { b } else { a });
        let scale = unit * heaviest.signum();
        for (mut point, x) in pca.points.axis_iter_mut(Axis(0)).zip(centred.chunks_exact(width)) {
            let along: f64 = x.iter().zip(direction).map(|(&x, direction)| f64::from(x) * direction).sum();
            point[component] = (along * scale) as f32;
        }
    }
    Ok(pca)
}

/// The features around their means, `[samples, features]`, in units of the largest; none where nothing varies.
fn centre(features: ArrayView2<'_, f32>) -> Option<(Vec<f32>, f64)> {
    let samples = features.nrows() as f64;
    let first = features.rows().into_iter().next()?;
    // Counted from the first sample, a feature that is constant is exactly 0.
    let mut means = vec![0.0; features.ncols()];
    for row in features.rows() {
        means.iter_mut().zip(row).zip(first).for_each(|((mean, &x), &origin)| {
            *mean += (f64::from(x) - f64::from(origin)) / samples;
        });
    }
    let centred = |row: usize, column: usize| {
        f64::from(features[[row, column]]) - f64::from(first[column]) - means[column]
    };
    let (rows, columns) = features.dim();
    let places = || (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let unit = places().map(|(row, column)| centred(row, column).abs()).fold(0.0, f64::max);
    (unit > 0.0).then(|| (places().map(|(row, column)| (centred(row, column) / unit) as f32).collect(), unit))
}

/// Directions that are followed at once: the two wanted and some more, so that they separate from the rest soon.
const BLOCK: usize = 16;
/// Rounds at most; fewer are enough unless several components are nearly alike, when any of them will do.
const ROUNDS: usize = 40;
/// How far, relative to the largest variance, `XᵀX v` may be from a multiple of `v`.
const TOLERANCE: f64 = 3e-6;

/// The directions of largest variance of `x`, `[samples, width]`, and the sums of squares along them, both in falling
/// order: subspace iteration with Rayleigh-Ritz (Saad 2011, "Numerical methods for large eigenvalue problems", 5.1).
fn subspace(x: &[f32], samples: usize, width: usize) -> (Vec<Vec<f64>>, [f64; BLOCK]) {
    let product = Dense { rows: samples, inputs: width, units: BLOCK, precision: Precision::Float32 };
    let scratch = product.forward_scratch().max(product.backward_kernel_scratch());
    let mut scratch = vec![0.0; scratch];
    let (mut scores, mut image) = (vec![0.0; samples * BLOCK], vec![0.0; width * BLOCK]);
    let mut generator = Key::new(0).named("pca").generator();
    let mut basis: Vec<Vec<f64>> =
        (0..BLOCK).map(|_| (0..width).map(|_| f64::from(generator.normal())).collect()).collect();
    for round in 1.. {
        orthonormalize(&mut basis);
        let columns: Vec<f32> = (0..width).flat_map(|i| basis.iter().map(move |b| b[i] as f32)).collect();
        product.forward(x, &columns, None, Activation::Linear, &mut scores, &mut scratch);
        product.backward_kernel(x, &scores, &mut image, None, &mut scratch);

        let mut moments = [[0.0; BLOCK]; BLOCK];
        for row in scores.chunks_exact(BLOCK) {
            for (moments, &a) in moments.iter_mut().zip(row) {
                moments.iter_mut().zip(row).for_each(|(sum, &b)| *sum += f64::from(a) * f64::from(b));
            }
        }
        let (variances, rotation) = eigen(moments);
        let directions = combine(&rotation, width, |i, j| basis[j][i]);
        basis = combine(&rotation, width, |i, j| f64::from(image[i * BLOCK + j]));
        let converged = (0..2).all(|k| {
            let pairs = basis[k].iter().zip(&directions[k]);
            let square: f64 = pairs.map(|(image, v)| (image - variances[k] * v).powi(2)).sum();
            square.sqrt() <= TOLERANCE * variances[0]
        });
        if converged || round == ROUNDS {
            return (directions, variances);
        }
    }
    unreachable!("the loop ends after {ROUNDS} rounds")
}

/// The vectors whose values are those of each row of `rotation` applied to `value(i, 0..BLOCK)`.
fn combine(
    rotation: &[[f64; BLOCK]; BLOCK],
    width: usize,
    value: impl Fn(usize, usize) -> f64,
) -> Vec<Vec<f64>> {
    let one = |weights: &[f64; BLOCK]| {
        (0..width).map(|i| weights.iter().enumerate().map(|(j, weight)| weight * value(i, j)).sum()).collect()
    };
    rotation.iter().map(one).collect()
}

/// Makes the vectors orthogonal and of length 1; those that depend on the ones before become 0.
fn orthonormalize(vectors: &mut [Vec<f64>]) {
    for i in 0..vectors.len() {
        let (done, rest) = vectors.split_at_mut(i);
        let vector = &mut rest[0];
        let before = aview1(vector).dot(&aview1(vector)).sqrt();
        // Twice is enough (Giraud, Langou and Rozložník 2005).
        for _ in 0..2 {
            for other in done.iter() {
                let along = aview1(vector).dot(&aview1(other));
                vector.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
            }
        }
        let length = aview1(vector).dot(&aview1(vector)).sqrt();
        let scale = if length > 1e-10 * before { 1.0 / length } else { 0.0 };
        vector.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Eigenvalues in falling order and eigenvectors of a symmetric matrix, by Jacobi's rotations (Golub and Van Loan,
/// "Matrix computations", 8.5).
fn eigen(mut a: [[f64; BLOCK]; BLOCK]) -> ([f64; BLOCK], [[f64; BLOCK]; BLOCK]) {
    let mut vectors = [[0.0; BLOCK]; BLOCK];
    (0..BLOCK).for_each(|i| vectors[i][i] = 1.0);
    let size: f64 = a.iter().flatten().map(|x| x * x).sum();
    for _sweep in 0..30 {
        let off: f64 =
            (0..BLOCK).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j].powi(2)).sum();
        if off <= 1e-28 * size {
            break;
        }
        for p in 0..BLOCK {
            for q in p + 1..BLOCK {
                if a[p][q] == 0.0 {
                    continue;
                }
                let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                let s = t * c;
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                for rows in [&mut a, &mut vectors] {
                    let (upper, lower) = rows.split_at_mut(q);
                    for (x, y) in upper[p].iter_mut().zip(&mut lower[0]) {
                        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                    }
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..BLOCK).collect();
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (std::array::from_fn(|k| a[order[k]][order[k]].max(0.0)), std::array::from_fn(|k| vectors[order[k]]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn draws(rows: usize, columns: usize) -> Array2<f32> {
        let mut generator = Key::new(5).named("features").generator();
        Array2::from_shape_fn((rows, columns), |(_, column)| generator.normal() / (1.0 + column as f32))
    }

    #[test]
    fn nothing_that_varies_gives_the_origin() {
        for features in [
            Array2::zeros((0, 5)),
            Array2::zeros((5, 0)),
            array![[1.0, 2.0, 3.0]],
            Array2::from_elem((1000, 3), 0.1),
            Array2::from_elem((3, 40), f32::MAX),
        ] {
            let map = pca(features.view()).unwrap();
            assert_eq!(map.points, Array2::<f32>::zeros((features.nrows(), 2)));
            assert_eq!(map.explained_variance_ratio, [0.0, 0.0]);
        }
    }

    #[test]
    fn two_samples_and_one_feature_lie_on_a_line() {
        let close = |map: Pca, expected: &[f32]| {
            for (point, &expected) in map.points.rows().into_iter().zip(expected) {
                assert!((point[0] - expected).abs() < 1e-5 * expected.abs(), "{point} {expected}");
                assert!(point[1].abs() < 1e-5 * expected.abs(), "{point}");
            }
            assert!((map.explained_variance_ratio[0] - 1.0).abs() < 1e-6);
            assert!(map.explained_variance_ratio[1] < 1e-6);
        };
        close(pca(array![[1.0, 5.0, 0.0], [1.0, -5.0, 0.0]].view()).unwrap(), &[5.0, -5.0]);
        close(pca(array![[1.0], [3.0], [8.0]].view()).unwrap(), &[-3.0, -1.0, 4.0]);
        let large = array![[1e38, -2e37], [-1e38, 2e37]];
        close(pca(large.view()).unwrap(), &[1.019_804e38, -1.019_804e38]);
    }

    #[test]
    fn distances_of_flat_features_are_kept() {
        // A plane in 300 dimensions.
        let plane = draws(2, 300);
        let features = draws(40, 2).dot(&plane) + 7.0;
        let map = pca(features.view()).unwrap();
        let distance =
            |a: &Array2<f32>, i: usize, j: usize| (&a.row(i) - &a.row(j)).mapv(|x| x * x).sum().sqrt();
        for (i, j) in [(0, 1), (5, 39), (17, 3)] {
            let (found, expected) = (distance(&map.points, i, j), distance(&features, i, j));
            assert!((found - expected).abs() < 1e-4 * expected, "{found} {expected}");
        }
        assert!((map.explained_variance_ratio.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn points_have_the_same_bits_on_any_number_of_threads() {
        let features = draws(3000, 700);
        let [one, many] = [1, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pca(features.view()).unwrap())
        });
        assert_eq!(one, many);
    }

    #[test]
    fn what_is_not_finite_is_an_error() {
        let error = pca(array![[1.0, 2.0], [f32::NAN, 0.0]].view()).unwrap_err().to_string();
        assert!(error.contains("NaN in sample 1, feature 0"), "{error}");
    }
}
