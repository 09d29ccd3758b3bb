//! The transforms of F(2×2, 3×3), a vector of channels or filters at a time. Loops, because `array::map` may not be inlined.

use crate::simd::Simd;

/// `G g Gᵀ`.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
pub(super) unsafe fn transform_kernel<S: Simd>(g: [[S::V; 3]; 3]) -> [[S::V; 4]; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let [a, b, c] = [spread::<S>(g[0]), spread::<S>(g[1]), spread::<S>(g[2])];
        let mut places = [[S::splat(0.0); 4]; 4];
        for j in 0..4 {
            let column = spread::<S>([a[j], b[j], c[j]]);
            for (row, value) in places.iter_mut().zip(column) {
                row[j] = value;
            }
        }
        places
    }
}

/// `G g`. The outer two are added first, so that rounding leaves the middle tap's sign in the difference of the sums:
/// the sign of what an infinite input becomes.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
unsafe fn spread<S: Simd>(g: [S::V; 3]) -> [S::V; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let (half, zero) = (S::splat(0.5), S::splat(0.0));
        let outer = S::add(g[0], g[2]);
        let sums = [S::add(outer, g[1]), S::sub(outer, g[1])];
        [g[0], S::mul_add(sums[0], half, zero), S::mul_add(sums[1], half, zero), g[2]]
    }
}

/// `Bᵀ d`.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
pub(super) unsafe fn mix<S: Simd>(d: [S::V; 4]) -> [S::V; 4] {
    // SAFETY: the caller's promise.
    unsafe { [S::sub(d[0], d[2]), S::add(d[1], d[2]), S::sub(d[2], d[1]), S::sub(d[1], d[3])] }
}

/// `Aᵀ m A`.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
pub(super) unsafe fn transform_sums<S: Simd>(m: [[S::V; 4]; 4]) -> [[S::V; 2]; 2] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [[S::splat(0.0); 4]; 2];
        for j in 0..4 {
            [rows[0][j], rows[1][j]] = gather::<S>([m[0][j], m[1][j], m[2][j], m[3][j]]);
        }
        [gather::<S>(rows[0]), gather::<S>(rows[1])]
    }
}

/// `Aᵀ m`.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
unsafe fn gather<S: Simd>(m: [S::V; 4]) -> [S::V; 2] {
    // SAFETY: the caller's promise.
    unsafe { [S::add(S::add(m[0], m[1]), m[2]), S::sub(S::sub(m[1], m[2]), m[3])] }
}
