//! How far photos are from those that are most like them.

use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Nearest photos whose mean distance counts.
const NEAREST: usize = 5;
/// The most photos that each is compared to: more don't make the distance clearer.
const REFERENCES: usize = 20_000;
/// Rows that are multiplied at a time.
const ROWS: usize = 128;

/// Rows of length 1.
pub(super) fn of_length_one(features: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut features = features.to_owned();
    for mut row in features.rows_mut() {
        let length = row.dot(&row).sqrt();
        row.mapv_inplace(|value| value / length.max(1e-12));
    }
    features
}

/// For each photo the mean distance (1 minus the cosine) to the five nearest others. `features` are of length 1.
pub(super) fn distances(features: ArrayView2<'_, f32>) -> Vec<f32> {
    let photos = features.nrows();
    let step = photos.div_ceil(REFERENCES).max(1);
    let references = features.slice_axis(Axis(0), Slice::new(0, None, step as isize));
    let blocks: Vec<Vec<f32>> = (0..photos.div_ceil(ROWS))
        .into_par_iter()
        .map(|block| {
            let first = block * ROWS;
            let rows = features.slice_axis(Axis(0), (first..(first + ROWS).min(photos)).into());
            let mut cosines = rows.dot(&references.t());
            let mut distance = |row: usize| {
                let mut cosines = cosines.index_axis_mut(Axis(0), row);
                let own = first + row;
                if own.is_multiple_of(step) {
                    cosines[own / step] = f32::NEG_INFINITY;
                }
                let mut cosines: Vec<f32> = cosines.iter().copied().filter(|v| v.is_finite()).collect();
                cosines.sort_unstable_by(|a, b| b.total_cmp(a));
                let nearest = &cosines[..NEAREST.min(cosines.len())];
                1.0 - nearest.iter().sum::<f32>() / nearest.len().max(1) as f32
            };
            (0..rows.nrows()).map(&mut distance).collect()
        })
        .collect();
    blocks.concat()
}
