//! Outputs stored as they are, bounded by an activation.

use super::{Sums, Winograd};
use crate::parallel::SharedMut;
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Activation, KernelWeights};

impl Winograd {
    /// `y = activation(x ⋆ kernel + bias)`, of `[height, width]` pixels: a last row or column of tiles may have one that
    /// is not theirs.
    #[allow(clippy::too_many_arguments, reason = "as of Conv2d::forward")]
    pub fn convolve(
        &self,
        x: &[f32],
        kernel: KernelWeights<'_>,
        bias: Option<&[f32]>,
        activation: Activation,
        [height, width]: [usize; 2],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        assert_eq!(y.len(), self.batch * height * width * self.targets);
        assert_eq!(self.grid, [height, width].map(|size| size.div_ceil(2)));
        let (y, bounds) = (SharedMut::new(y), activation.bounds());
        self.run(x, kernel, bias, scratch, |sums| {
            dispatch(Outputs { winograd: self, sums, size: [height, width], bounds, y });
        });
    }
}

struct Outputs<'a> {
    winograd: &'a Winograd,
    sums: Sums<'a>,
    size: [usize; 2],
    bounds: (f32, f32),
    /// `batch` × `size` pixels of `targets`; those of the tiles are this task's alone.
    y: SharedMut<f32>,
}

impl Kernel for Outputs<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Outputs { winograd, sums, size: [height, width], bounds, y } = self;
        let Winograd { grid: [rows, columns], targets, .. } = *winograd;
        for tile in sums.tiles.clone() {
            let (line, column) = (tile / columns, tile % columns);
            let (top, left) = (line % rows * 2, column * 2);
            let pixel = ((line / rows * height + top) * width + left) * targets;
            for (lane, target) in sums.targets.clone().step_by(S::LANES).enumerate() {
                let n = (sums.targets.end - target).min(S::LANES);
                let outputs = sums.outputs::<S>(tile, S::LANES * lane);
                // SAFETY: the tile's pixels that are within `size` have `n` targets from `target` on.
                unsafe {
                    let (low, high) = (S::splat(bounds.0), S::splat(bounds.1));
                    for (i, row) in outputs.into_iter().enumerate().take(height - top) {
                        for (j, value) in row.into_iter().enumerate().take(width - left) {
                            let value = S::clamp(value, low, high);
                            let to = y.at(pixel + (i * width + j) * targets + target);
                            if n == S::LANES { S::store(to, value) } else { S::store_partial(to, value, n) }
                        }
                    }
                }
            }
        }
    }
}
