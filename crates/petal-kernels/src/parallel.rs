//! Elementwise loops over rayon's pool, in chunks of a fixed size.

use rayon::prelude::*;

/// Elements of one task: enough to hide the cost of a task, little enough for the cache.
pub(crate) const CHUNK: usize = 1 << 14;

/// Rows of `width` elements in one task.
pub(crate) fn chunk_rows(width: usize) -> usize {
    (CHUNK / width.max(1)).max(1)
}

/// `y = f(a)`.
pub(crate) fn map(a: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    y.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).for_each(|(y, a)| {
        for (y, &a) in y.iter_mut().zip(a) {
            *y = f(a);
        }
    });
}

/// `y = f(a, b)`.
pub(crate) fn map2(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    assert_eq!(b.len(), y.len());
    y.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((y, a), b)| {
        for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
            *y = f(a, b);
        }
    });
}

/// `y = f(a, b, c)`.
pub(crate) fn map3(a: &[f32], b: &[f32], c: &[f32], y: &mut [f32], f: impl Fn(f32, f32, f32) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    assert_eq!(b.len(), y.len());
    assert_eq!(c.len(), y.len());
    let inputs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).zip(c.par_chunks(CHUNK));
    y.par_chunks_mut(CHUNK).zip(inputs).for_each(|(y, ((a, b), c))| {
        for (((y, &a), &b), &c) in y.iter_mut().zip(a).zip(b).zip(c) {
            *y = f(a, b, c);
        }
    });
}
