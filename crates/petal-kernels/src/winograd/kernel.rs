//! The transformed kernel, `[block of 16 targets][place][source][16]`, with zeros beyond the last target.

use super::transforms::transform_kernel;
use super::{BLOCK, PLACES, Winograd};
use crate::simd::{Kernel, Simd};

/// Sources whose taps are laid out at a time.
const SOURCES: usize = 8;

/// A block.
pub(super) struct Pack<'a> {
    pub winograd: &'a Winograd,
    pub kernel: &'a [f32],
    pub block: usize,
    pub packed: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let sources = self.winograd.source[2];
        assert_eq!(self.packed.len(), PLACES * sources * BLOCK);
        let mut taps = [[[0.0; BLOCK]; 9]; SOURCES];
        for first in (0..sources).step_by(SOURCES) {
            let count = SOURCES.min(sources - first);
            self.load(first, count, &mut taps);
            for (source, taps) in (first..).zip(&taps[..count]) {
                for lane in (0..BLOCK).step_by(S::LANES) {
                    // SAFETY: the lane and those of a vector after it are in `taps` and, for each place and source, in
                    // `packed`, whose length is asserted above.
                    unsafe {
                        let mut kernel = [[S::splat(0.0); 3]; 3];
                        for (tap, weights) in kernel.as_flattened_mut().iter_mut().enumerate() {
                            *weights = S::load(taps[tap].as_ptr().add(lane));
                        }
                        let places = transform_kernel::<S>(kernel);
                        let to = self.packed.as_mut_ptr().add(source * BLOCK + lane);
                        for (place, value) in places.as_flattened().iter().enumerate() {
                            S::store(to.add(place * sources * BLOCK), *value);
                        }
                    }
                }
            }
        }
    }
}

impl Pack<'_> {
    /// The taps of some sources.
    #[inline(always)]
    fn load(&self, first: usize, count: usize, taps: &mut [[[f32; BLOCK]; 9]; SOURCES]) {
        let Winograd { source: [_, _, sources], targets, turned, .. } = *self.winograd;
        let start = self.block * BLOCK;
        let lanes = BLOCK.min(targets - start);
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
