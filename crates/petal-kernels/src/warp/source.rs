//! Where in the input an output pixel comes from.

use super::FillMode;

impl FillMode {
    /// A coordinate with what is beyond the border brought inside, by Keras' formulas; only
    /// [`FillMode::Constant`] leaves it outside. Without branches, so that the compiler computes several at once.
    #[inline(always)]
    pub(super) fn map(self, c: f32, len: usize) -> f32 {
        let len = len as f32;
        let last = len - 1.0;
        let inside = match self {
            FillMode::Constant => return c,
            FillMode::Nearest => c,
            FillMode::Reflect | FillMode::Wrap if last <= 0.0 => return 0.0,
            FillMode::Reflect => {
                let period = 2.0 * len;
                let whole = period * (c.abs() / period).trunc();
                let (below, above) = (c + whole, c - whole);
                let below = if below < -len { below + period } else { -below - 1.0 };
                let above = if above >= len { period - above - 1.0 } else { above };
                choose(c, last, below, above)
            }
            FillMode::Wrap => {
                let whole = len * (c.abs() / last).trunc();
                choose(c, last, c + (whole + len), c - whole)
            }
        };
        inside.clamp(0.0, last)
    }
}

/// `below` for a coordinate under 0, `above` for one over `last`, else itself.
#[inline(always)]
fn choose(c: f32, last: f32, below: f32, above: f32) -> f32 {
    if c < 0.0 {
        below
    } else if c > last {
        above
    } else {
        c
    }
}

/// The input position `(column, row)` of an output pixel, mapped by the fill mode.
#[inline(always)]
pub(super) fn source(
    t: &[f32; 6],
    column: f32,
    row: f32,
    [height, width]: [usize; 2],
    fill_mode: FillMode,
) -> (f32, f32) {
    (
        fill_mode.map(t[0] * column + t[1] * row + t[2], width),
        fill_mode.map(t[3] * column + t[4] * row + t[5], height),
    )
}
