//! The forward pass by Winograd's transforms: a tile's four outputs are a window, whose maximum is found in registers.

use crate::parallel::SharedMut;
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};
use crate::winograd::{Sums, Winograd};
use crate::{Activation, KernelWeights};

#[allow(clippy::too_many_arguments, reason = "as of PooledConv2d::forward")]
pub(super) fn run(
    winograd: &Winograd,
    x: &[f32],
    kernel: KernelWeights<'_>,
    bias: Option<&[f32]>,
    activation: Activation,
    y: &mut [f32],
    arg: &mut [u8],
    scratch: &mut [f32],
) {
    assert!(y.len() == winograd.tiles() * winograd.targets() && arg.len() == y.len());
    let (y, arg, bounds) = (SharedMut::new(y), SharedMut::new(arg), activation.bounds());
    winograd.run(x, kernel, bias, scratch, |sums| {
        dispatch(Maxima { sums, filters: winograd.targets(), bounds, y, arg });
    });
}

struct Maxima<'a> {
    sums: Sums<'a>,
    filters: usize,
    bounds: (f32, f32),
    /// `filters` for each tile, of which the tiles' and targets' of the sums are this task's alone.
    y: SharedMut<f32>,
    arg: SharedMut<u8>,
}

impl Kernel for Maxima<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for tile in self.sums.tiles.clone() {
            for (lane, target) in self.sums.targets.clone().step_by(S::LANES).enumerate() {
                let outputs = self.sums.outputs::<S>(tile, S::LANES * lane);
                let n = (self.sums.targets.end - target).min(S::LANES);
                let at = tile * self.filters + target;
                // SAFETY: `n` of the tile's filters are left from `target` on.
                unsafe {
                    let (best, winner) = maximum::<S>(outputs, self.bounds);
                    if n == S::LANES {
                        S::store(self.y.at(at), best);
                        S::store_bytes(self.arg.at(at), winner);
                    } else {
                        let mut bytes = [0; MAX_LANES];
                        S::store_bytes(bytes.as_mut_ptr(), winner);
                        S::store_partial(self.y.at(at), best, n);
                        std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.arg.at(at), n);
                    }
                }
            }
        }
    }
}

/// The maximum of a window and the cell that holds it, by the rule of `pooling/two_by_two.rs`.
///
/// # Safety
/// As of [`Simd`].
#[inline(always)]
unsafe fn maximum<S: Simd>(outputs: [[S::V; 2]; 2], (low, high): (f32, f32)) -> (S::V, S::V) {
    // SAFETY: the caller's promise.
    unsafe {
        let (low, high) = (S::splat(low), S::splat(high));
        let [[first, others @ ..], lower] = outputs;
        let (mut best, mut winner) = (S::clamp(first, low, high), S::splat(0.0));
        for (i, value) in (1u8..).zip(others.into_iter().chain(lower)) {
            let value = S::clamp(value, low, high);
            let greater = S::greater_or_nan(value, best);
            best = S::select(greater, value, best);
            winner = S::select(greater, S::splat(f32::from(i)), winner);
        }
        (best, winner)
    }
}
