use super::band::Winner;
use crate::simd::Simd;

/// Adds to rows of floats, for each winner, its gradient times the rows from its offset on.
#[derive(Clone, Copy)]
pub(super) struct Products<'a> {
    pub winners: &'a [Winner],
    pub from: *const f32,
    pub from_row: usize,
    pub to: *mut f32,
    pub to_row: usize,
}

impl Products<'_> {
    /// Adds `len` elements of each of some rows. Up to three rows × four vectors at a time stay in registers over all
    /// winners.
    ///
    /// # Safety
    /// So many rows of whole vectors are valid in `to`, and in `from` from each winner's offset on.
    #[inline(always)]
    pub unsafe fn add<S: Simd>(&self, rows: usize, len: usize) {
        let vectors = len.div_ceil(S::LANES);
        for row in (0..rows).step_by(3) {
            for v in (0..vectors).step_by(4) {
                // SAFETY: the caller's promise, and the tile is part of the rows and vectors.
                unsafe {
                    let from = self.from.add(row * self.from_row + S::LANES * v);
                    let to = self.to.add(row * self.to_row + S::LANES * v);
                    let tile = Products { from, to, ..*self };
                    match ((rows - row).min(3), (vectors - v).min(4)) {
                        (1, 1) => tile.add_tile::<S, 1, 1>(),
                        (1, 2) => tile.add_tile::<S, 1, 2>(),
                        (1, 3) => tile.add_tile::<S, 1, 3>(),
                        (1, _) => tile.add_tile::<S, 1, 4>(),
                        (2, 1) => tile.add_tile::<S, 2, 1>(),
                        (2, 2) => tile.add_tile::<S, 2, 2>(),
                        (2, 3) => tile.add_tile::<S, 2, 3>(),
                        (2, _) => tile.add_tile::<S, 2, 4>(),
                        (_, 1) => tile.add_tile::<S, 3, 1>(),
                        (_, 2) => tile.add_tile::<S, 3, 2>(),
                        (_, 3) => tile.add_tile::<S, 3, 3>(),
                        (_, _) => tile.add_tile::<S, 3, 4>(),
                    }
                }
            }
        }
    }

    /// # Safety
    /// As of [`add`](Self::add), for `R` rows and `V` vectors.
    #[inline(always)]
    unsafe fn add_tile<S: Simd, const R: usize, const V: usize>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [[S::splat(0.0); V]; R];
            for winner in self.winners {
                let from = self.from.add(winner.offset as usize);
                let value = S::splat(winner.value);
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = S::mul_add(value, S::load(from.add(r * self.from_row + S::LANES * v)), *sum);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    let to = self.to.add(r * self.to_row + S::LANES * v);
                    S::store(to, S::add(S::load(to), *sum));
                }
            }
        }
    }
}
