//! The matrix products of a block of targets, `WIDTH` with those that aren't there: for each place
//! `sums[tile][WIDTH] = inputs[tile][source] × packed[source][WIDTH]`.

use super::{GROUP, MAX_BLOCK, PLACES};
use crate::register_tile::{accumulate, for_tile};
use crate::simd::{Kernel, Simd};

/// The place that all four outputs of a tile have with a plus: sums begin with the bias there.
const BIAS_PLACE: usize = 5;

pub(super) struct Products<'a> {
    pub tiles: usize,
    /// Source channels, or pairs of them.
    pub sources: usize,
    /// Floats between tiles of the inputs.
    pub stride: usize,
    /// Targets of the block.
    pub targets: usize,
    pub inputs: &'a [f32],
    pub packed: &'a [f32],
    pub bias: &'a [f32; MAX_BLOCK],
    pub sums: &'a mut [f32],
}

/// Computes them, of pairs of source channels if `PAIRS`.
pub(super) struct Multiply<'a, const PAIRS: bool, const WIDTH: usize>(pub Products<'a>);

impl<const PAIRS: bool, const WIDTH: usize> Kernel for Multiply<'_, PAIRS, WIDTH> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Products { tiles, sources, stride, targets, inputs, packed, bias, sums } = self.0;
        assert!(WIDTH.is_multiple_of(S::LANES) && targets <= WIDTH.min(2 * S::LANES));
        assert!(tiles <= GROUP && sources <= stride && inputs.len() >= PLACES * GROUP * stride);
        assert!(packed.len() >= PLACES * sources * WIDTH);
        assert!(sums.len() >= PLACES * GROUP * WIDTH);
        for place in 0..PLACES {
            let start = if place == BIAS_PLACE { bias } else { &[0.0; MAX_BLOCK] };
            for first in (0..tiles).step_by(S::ROWS) {
                // SAFETY: the lengths are asserted above, and the register tile's tiles are among `tiles`.
                unsafe {
                    let tile = Tile {
                        inputs: inputs.as_ptr().add((place * GROUP + first) * stride),
                        stride,
                        packed: packed.as_ptr().add(place * sources * WIDTH),
                        sources,
                        start,
                        sums: sums.as_mut_ptr().add((place * GROUP + first) * WIDTH),
                    };
                    for_tile!(S, tiles - first, targets, |P, V| tile.run::<S, P, V, PAIRS, WIDTH>());
                }
            }
        }
    }
}

struct Tile<'a> {
    inputs: *const f32,
    /// Floats between tiles of the inputs.
    stride: usize,
    packed: *const f32,
    sources: usize,
    /// What the sums begin with.
    start: &'a [f32; MAX_BLOCK],
    sums: *mut f32,
}

impl Tile<'_> {
    /// `P` tiles × `V` vectors of targets.
    ///
    /// # Safety
    /// `P` tiles of inputs and of sums are valid, and `WIDTH` weights for each source.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const V: usize, const PAIRS: bool, const WIDTH: usize>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut start = [S::splat(0.0); V];
            for (v, start) in start.iter_mut().enumerate() {
                *start = S::load(self.start.as_ptr().add(S::LANES * v));
            }
            let mut sums = [start; P];
            accumulate::<S, P, V, PAIRS>(
                &mut sums,
                self.inputs,
                self.stride,
                self.packed,
                WIDTH,
                self.sources,
            );
            for (p, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    S::store(self.sums.add(p * WIDTH + S::LANES * v), *sum);
                }
            }
        }
    }
}
