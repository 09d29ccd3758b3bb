use std::mem::MaybeUninit;
use std::ops::Range;

use super::PooledConv2d;
use crate::Precision;
use crate::alignment::LINE;
use crate::simd::{MAX_LANES, lanes};

/// The rows of an input image that a row of pooled pixels sees, with the zeros of the padding, and room for a vector
/// that begins at its last float.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub rows: usize,
    /// Floats of a row.
    pub row: usize,
    /// Floats of a row of the kernel of one filter, and those of so many whole vectors.
    pub segment: usize,
    pub padded_segment: usize,
    /// Floats between windows.
    window: usize,
    /// From a window's first cell to each of its cells.
    cells: [usize; 4],
}

/// A window's gradient, which one cell of it has.
#[derive(Clone, Copy)]
pub(super) struct Winner {
    /// Of what the gradient is multiplied with.
    pub offset: u32,
    pub value: f32,
}

/// Winners that are listed at a time.
const LISTED: usize = 128;

/// Room for some winners.
pub(super) type Winners = [MaybeUninit<Winner>; LISTED];

impl Band {
    pub fn new(pooled: &PooledConv2d) -> Band {
        let conv = &pooled.conv;
        let channels = conv.input[2];
        let cells = [conv.strides[0], conv.strides[1] * channels];
        let row = ((2 * pooled.output()[1]).saturating_sub(1) * conv.strides[1] + conv.kernel[1]) * channels;
        let segment = conv.kernel[1] * channels;
        Band {
            rows: conv.strides[0] + conv.kernel[0],
            row,
            segment,
            padded_segment: segment.next_multiple_of(lanes(Precision::Float32)),
            window: 2 * cells[1],
            cells: [0, cells[1], cells[0] * row, cells[0] * row + cells[1]],
        }
    }

    /// Floats in memory, in whole cache lines.
    pub fn len(&self) -> usize {
        (self.rows * self.row + MAX_LANES).next_multiple_of(LINE)
    }

    /// Where the first tap of a window's cell is.
    #[inline(always)]
    pub fn offset(&self, window: usize, cell: usize) -> usize {
        window * self.window + self.cells[cell]
    }

    /// Lists the winners of one filter among some windows of a row, from `first` on. Windows without a gradient are
    /// left out.
    #[inline(always)]
    pub fn winners<'a>(
        &self,
        dy: &[f32],
        arg: &[u8],
        [filter, filters]: [usize; 2],
        windows: Range<usize>,
        list: &'a mut Winners,
    ) -> &'a [Winner] {
        assert!(filter < filters && windows.len() <= LISTED);
        assert!(windows.end * filters <= dy.len() && windows.end * filters <= arg.len());
        let (mut count, mut first) = (0, (windows.start * self.window) as u32);
        let cells = self.cells.map(|cell| cell as u32);
        let mut at = windows.start * filters + filter;
        for _ in windows {
            // SAFETY: the window has `filters` elements, and `count` is less than the number of windows.
            unsafe {
                let bits = dy.get_unchecked(at).to_bits();
                let offset = first + cells[usize::from(*arg.get_unchecked(at) & 3)];
                list.get_unchecked_mut(count).write(Winner { offset, value: f32::from_bits(bits) });
                // Not zero, whatever its sign; faster than to compare floats.
                count += usize::from(bits << 1 != 0);
            }
            (at, first) = (at + filters, first + self.window as u32);
        }
        // SAFETY: the first `count` have been written.
        unsafe { &*(std::ptr::from_ref(&list[..count]) as *const [Winner]) }
    }
}

/// So many windows, or filters, at a time as a list has room for.
#[inline(always)]
pub(super) fn blocks(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(LISTED).map(move |start| start..count.min(start + LISTED))
}

/// Lists the winners of a window among some filters, `distance` apart, by cell. Filters without a gradient are left out.
#[inline(always)]
pub(super) fn winners_of_cells<'a>(
    dy: &[f32],
    arg: &[u8],
    distance: usize,
    lists: &'a mut [Winners; 4],
) -> [&'a [Winner]; 4] {
    assert!(dy.len() <= LISTED);
    let (mut counts, mut offset) = ([0; 4], 0);
    for (dy, arg) in dy.iter().zip(arg) {
        let (bits, cell) = (dy.to_bits(), usize::from(arg & 3));
        // SAFETY: a cell has at most as many winners as there are filters.
        unsafe {
            let winner = Winner { offset, value: f32::from_bits(bits) };
            lists[cell].get_unchecked_mut(counts[cell]).write(winner);
        }
        counts[cell] += usize::from(bits << 1 != 0);
        offset += distance as u32;
    }
    std::array::from_fn(|cell| {
        // SAFETY: the first `counts[cell]` have been written.
        unsafe { &*(std::ptr::from_ref(&lists[cell][..counts[cell]]) as *const [Winner]) }
    })
}
