//! Maximum over 2×2 windows that neither overlap nor are padded: the pooling of most networks. Eight channels of a
//! window's four cells are compared in registers; each cell belongs to one window, so the backward pass writes every
//! cell once.

use super::Pool2d;
use crate::simd::{Kernel, Simd};

/// One row of windows: two rows of `x` to one of `y`.
pub(crate) struct Forward<'a> {
    pub pool: &'a Pool2d,
    pub x: &'a [f32],
    pub y: &'a mut [f32],
    pub arg: &'a mut [u8],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Forward { pool, x, y, arg } = self;
        let ([_, width, channels], row) = (pool.output(), pool.input[1] * pool.input[2]);
        for column in 0..width {
            let start = 2 * column * channels;
            let cells = [0, channels, row, row + channels].map(|cell| &x[start + cell..][..channels]);
            let y = &mut y[column * channels..][..channels];
            let arg = &mut arg[column * channels..][..channels];
            let mut c = 0;
            while c + 8 <= channels {
                // SAFETY: all slices have `channels` elements, of which eight from `c` on are left.
                unsafe {
                    let mut best = S::load(cells[0].as_ptr().add(c));
                    let mut winner = S::splat(0.0);
                    for (i, cell) in cells.iter().enumerate().skip(1) {
                        let value = S::load(cell.as_ptr().add(c));
                        let greater = S::greater_or_nan(value, best);
                        best = S::select(greater, value, best);
                        winner = S::select(greater, S::splat(i as f32), winner);
                    }
                    S::store(y.as_mut_ptr().add(c), best);
                    S::store_bytes(arg.as_mut_ptr().add(c), winner);
                }
                c += 8;
            }
            for c in c..channels {
                (y[c], arg[c]) = (cells[0][c], 0);
                for (i, cell) in cells.iter().enumerate().skip(1) {
                    if cell[c] > y[c] || cell[c].is_nan() {
                        (y[c], arg[c]) = (cell[c], i as u8);
                    }
                }
            }
        }
    }
}

/// One row of windows: a row of `dy` to two rows of `dx`.
pub(super) struct Backward<'a> {
    pub pool: &'a Pool2d,
    pub dy: &'a [f32],
    pub arg: &'a [u8],
    pub dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Backward { pool, dy, arg, dx } = self;
        let [_, width, channels] = pool.output();
        let row = pool.input[1] * channels;
        let (upper, lower) = dx.split_at_mut(row);
        for column in 0..width {
            let dy = &dy[column * channels..][..channels];
            let arg = &arg[column * channels..][..channels];
            for (first, dx) in [(0, &mut *upper), (2, &mut *lower)] {
                let (left, right) = dx[2 * column * channels..][..2 * channels].split_at_mut(channels);
                let mut c = 0;
                while c + 8 <= channels {
                    // SAFETY: all slices have `channels` elements, of which eight from `c` on are left.
                    unsafe {
                        let (dy, winner) = (S::load(dy.as_ptr().add(c)), S::load_bytes(arg.as_ptr().add(c)));
                        for (cell, dx) in [(first, &mut *left), (first + 1, &mut *right)] {
                            let won = S::equal(winner, S::splat(cell as f32));
                            S::store(dx.as_mut_ptr().add(c), S::select(won, dy, S::splat(0.0)));
                        }
                    }
                    c += 8;
                }
                for c in c..channels {
                    left[c] = if arg[c] == first { dy[c] } else { 0.0 };
                    right[c] = if arg[c] == first + 1 { dy[c] } else { 0.0 };
                }
            }
        }
        // A last column that is in no window.
        upper[2 * width * channels..].fill(0.0);
        lower[2 * width * channels..row].fill(0.0);
    }
}
