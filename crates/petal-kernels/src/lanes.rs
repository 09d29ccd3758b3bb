//! How work is cut: into lanes by its shape alone, so that sums don't depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

/// Enough for any desktop's cores to share evenly, few enough that partial sums stay small.
const MOST_LANES: usize = 16;

/// Floats that all lanes' partial sums may take together.
const MOST_PARTIAL: usize = 1 << 22;

/// The number of lanes for this many units of work, where each lane keeps `partial` floats of sums.
pub(crate) fn lanes(units: usize, partial: usize) -> usize {
    units.min(MOST_LANES).min((MOST_PARTIAL / partial.max(1)).max(2)).max(1)
}

/// The units of lane `lane`.
pub(crate) fn units_of(lane: usize, lanes: usize, units: usize) -> Range<usize> {
    lane * units / lanes..(lane + 1) * units / lanes
}

/// Cuts `out` into rows of `row` floats and gives them to `work` in parallel, with their numbers.
pub(crate) fn for_each_row(out: &mut [f32], row: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if row > 0 {
        out.par_chunks_mut(row).enumerate().for_each(|(number, row)| work(number, row));
    }
}
