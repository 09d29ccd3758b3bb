//! The input's gradient of a 3×3 depthwise convolution with stride 2.
//!
//! Counted from the padding's edge, an even position of the input has the outer taps 0 and 2 above it, an odd one the
//! middle tap alone, on each axis. For eight channels, four output columns and the eight input columns that they make
//! stay in registers. A row's last tile overlaps the one before, and each asks for the memory of the next.

use crate::simd::{Kernel, Simd};

/// Output columns in one tile.
const TILE: usize = 4;

/// One row of the input's gradient.
pub(super) struct StridedRow<'a> {
    /// The gradient by one image of the output, `size` pixels.
    pub dy: &'a [f32],
    pub kernel: &'a [f32],
    /// `[height, width]` of the output.
    pub size: [usize; 2],
    pub channels: usize,
    /// The row, and its first column, counted from the padding's edge.
    pub position: [usize; 2],
    pub dx: &'a mut [f32],
}

impl Kernel for StridedRow<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let columns = self.dx.len() / self.channels;
        // Output columns whose middle or first tap is a column of the input.
        let [first, last] = [self.position[1] / 2, (self.position[1] + columns - 1) / 2];
        if last + 1 - first < TILE {
            for column in first..=last {
                self.tile::<S, 1>(column);
            }
        } else {
            for column in (first..=last).step_by(TILE) {
                self.tile::<S, TILE>(column.min(last + 1 - TILE));
            }
        }
    }
}

impl StridedRow<'_> {
    /// Input columns `2 * first..2 * (first + P)` from the padding's edge, all channels.
    #[inline(always)]
    fn tile<S: Simd, const P: usize>(&mut self, first: usize) {
        let ([height, width], channels) = (self.size, self.channels);
        assert!(self.dy.len() == height * width * channels && self.kernel.len() == 9 * channels);
        let columns = self.dx.len() / channels;
        let row = self.position[0];
        // The kernel's rows above this row, and the output's rows that they are multiplied with.
        let taps = if row.is_multiple_of(2) {
            [Some((0, row / 2)), (row / 2).checked_sub(1).map(|row| (2, row))]
        } else {
            [Some((1, row / 2)), None]
        };
        let block = Block {
            taps: taps.map(|tap| {
                tap.filter(|(_, row)| *row < height).map(|(ky, row)| {
                    let dy = self.dy.as_ptr().wrapping_add((row * width + first) * channels);
                    (dy.wrapping_sub(channels), self.kernel[3 * ky * channels..].as_ptr())
                })
            }),
            channels,
            // Output columns first - 1..first + P inside the output.
            sources: [usize::from(first == 0), (width + 1).saturating_sub(first).min(P + 1)],
            dx: self
                .dx
                .as_mut_ptr()
                .wrapping_add(2 * first * channels)
                .wrapping_sub(self.position[1] * channels),
            targets: [
                self.position[1].saturating_sub(2 * first),
                (self.position[1] + columns - 2 * first).min(2 * P),
            ],
        };
        let border = block.sources != [0, P + 1] || block.targets != [0, 2 * P];
        // SAFETY: `taps` and `sources` name only pixels of `dy`, `targets` only pixels of `dx`; the lengths of `dy` and
        // the kernel are asserted above; `channels - c` are a vector unless partial.
        unsafe {
            let mut c = 0;
            while c + S::LANES <= channels {
                if border {
                    block.run::<S, P, true, false>(c);
                } else {
                    block.run::<S, P, false, false>(c);
                }
                c += S::LANES;
            }
            if c < channels {
                block.run::<S, P, true, true>(c);
            }
        }
    }
}

/// Where a tile's numbers are: for each kernel row its output column `first - 1` and its weights, `dx` at the first
/// input column, inside the image or not.
struct Block {
    taps: [Option<(*const f32, *const f32)>; 2],
    channels: usize,
    /// Output columns and input columns of the tile that are inside, from and to.
    sources: [usize; 2],
    dx: *mut f32,
    targets: [usize; 2],
}

impl Block {
    /// A vector of channels from `c` on, or with `PARTIAL` those that are left.
    ///
    /// # Safety
    /// What `taps`, `sources` and `targets` name is valid. Without `BORDER` all columns are inside; without `PARTIAL`
    /// there is a vector of channels.
    #[inline(always)]
    unsafe fn run<S: Simd, const P: usize, const BORDER: bool, const PARTIAL: bool>(&self, c: usize) {
        let n = self.channels - c;
        debug_assert!(PARTIAL || n >= S::LANES);
        // SAFETY: the caller's promise.
        unsafe {
            let (mut even, mut odd) = ([S::splat(0.0); P], [S::splat(0.0); P]);
            for (dy, weights) in self.taps.iter().flatten() {
                let mut taps = [S::splat(0.0); 3];
                for (kx, tap) in taps.iter_mut().enumerate() {
                    *tap = S::load_lanes::<PARTIAL>(weights.add(kx * self.channels + c), n);
                }
                for column in 0..P + 1 {
                    if BORDER && !(self.sources[0]..self.sources[1]).contains(&column) {
                        continue;
                    }
                    S::prefetch(dy.wrapping_add((P + 1 + column) * self.channels + c));
                    let value = S::load_lanes::<PARTIAL>(dy.wrapping_add(column * self.channels + c), n);
                    if column < P {
                        even[column] = S::mul_add(value, taps[2], even[column]);
                    }
                    if column > 0 {
                        even[column - 1] = S::mul_add(value, taps[0], even[column - 1]);
                        odd[column - 1] = S::mul_add(value, taps[1], odd[column - 1]);
                    }
                }
            }
            for p in 0..P {
                for (parity, sum) in [even[p], odd[p]].into_iter().enumerate() {
                    let column = 2 * p + parity;
                    if BORDER && !(self.targets[0]..self.targets[1]).contains(&column) {
                        continue;
                    }
                    let dx = self.dx.wrapping_add(column * self.channels + c);
                    S::prefetch(dx.wrapping_add(2 * P * self.channels));
                    S::store_lanes::<PARTIAL>(dx, sum, n);
                }
            }
        }
    }
}
