//! The transformed kernel, `[block of targets][place][source][target]`, with zeros beyond the last target; or pairs of
//! neighbouring sources.

use super::transforms::transform_kernel;
use super::{MAX_BLOCK, PLACES, Winograd};
use crate::simd::{Kernel, Simd};

/// Sources whose taps are laid out at a time.
const SOURCES: usize = 8;

/// A block, of pairs if `PAIRS`.
pub(super) struct Pack<'a, const PAIRS: bool> {
    pub winograd: &'a Winograd,
    pub kernel: &'a [f32],
    pub block: usize,
    pub packed: &'a mut [f32],
}

impl<const PAIRS: bool> Kernel for Pack<'_, PAIRS> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (sources, slots, width) = (self.winograd.source[2], self.winograd.slots(), self.winograd.width());
        let slot = if PAIRS { 2 } else { 1 };
        assert!(slots == sources.div_ceil(slot) && self.packed.len() == PLACES * slots * width);
        let mut taps = [[[0.0; MAX_BLOCK]; 9]; SOURCES];
        for first in (0..sources).step_by(SOURCES) {
            let count = SOURCES.min(sources - first);
            self.load(first, count, &mut taps);
            // What the taps of a source that isn't there would be.
            taps[count..].fill([[0.0; MAX_BLOCK]; 9]);
            for (source, taps) in
                (first / slot..).zip(taps[..count.next_multiple_of(slot)].chunks_exact(slot))
            {
                for lane in (0..width).step_by(S::LANES) {
                    // SAFETY: the lane and those of a vector after it are in `taps` and, for each place and source, in
                    // `packed`, whose length is asserted above.
                    unsafe {
                        let even = transformed::<S>(&taps[0], lane);
                        let odd = if PAIRS { transformed::<S>(&taps[1], lane) } else { even };
                        let to = self.packed.as_mut_ptr().add(source * width + lane);
                        for (place, (even, odd)) in
                            even.as_flattened().iter().zip(odd.as_flattened()).enumerate()
                        {
                            let value = if PAIRS { S::pair(*even, *odd) } else { *even };
                            S::store(to.add(place * slots * width), value);
                        }
                    }
                }
            }
        }
    }
}

/// A vector of targets' transformed taps.
///
/// # Safety
/// `lane` and the lanes of a vector after it are targets.
#[inline(always)]
unsafe fn transformed<S: Simd>(taps: &[[f32; MAX_BLOCK]; 9], lane: usize) -> [[S::V; 4]; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut kernel = [[S::splat(0.0); 3]; 3];
        for (tap, weights) in kernel.as_flattened_mut().iter_mut().enumerate() {
            *weights = S::load(taps[tap].as_ptr().add(lane));
        }
        transform_kernel::<S>(kernel)
    }
}

impl<const PAIRS: bool> Pack<'_, PAIRS> {
    /// The taps of some sources.
    #[inline(always)]
    fn load(&self, first: usize, count: usize, taps: &mut [[[f32; MAX_BLOCK]; 9]; SOURCES]) {
        let Winograd { source: [_, _, sources], targets, turned, .. } = *self.winograd;
        let width = self.winograd.width();
        let start = self.block * width;
        let lanes = width.min(targets - start);
        for tap in 0..9 {
            if turned {
                for lane in 0..lanes {
                    let row = ((8 - tap) * targets + start + lane) * sources;
                    for (taps, weight) in taps.iter_mut().zip(&self.kernel[row + first..][..count]) {
                        taps[tap][lane] = *weight;
                    }
                }
            } else {
                for (source, taps) in (first..first + count).zip(&mut *taps) {
                    let row = (tap * sources + source) * targets;
                    taps[tap][..lanes].copy_from_slice(&self.kernel[row + start..][..lanes]);
                }
            }
        }
    }
}
