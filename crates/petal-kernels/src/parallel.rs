//! Elementwise loops over rayon's pool, in chunks of a fixed size; results that tasks share.

use rayon::prelude::*;

use crate::simd::{Kernel, Simd, dispatch};

/// Elements of one task: enough to hide the cost of a task, little enough for the cache.
pub(crate) const CHUNK: usize = 1 << 14;

/// Rows of `width` elements in one task.
pub(crate) fn chunk_rows(width: usize) -> usize {
    (CHUNK / width.max(1)).max(1)
}

/// `y = f(a)`.
pub(crate) fn map<A: Copy + Sync>(a: &[A], y: &mut [f32], f: impl Fn(A) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    y.par_chunks_mut(CHUNK)
        .zip(a.par_chunks(CHUNK))
        .for_each(|(y, a)| dispatch(Each(y.iter_mut().zip(a), |(y, a): (&mut f32, &A)| *y = f(*a))));
}

/// `y = f(y, a)`.
pub(crate) fn map_assign(y: &mut [f32], a: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    y.par_chunks_mut(CHUNK)
        .zip(a.par_chunks(CHUNK))
        .for_each(|(y, a)| dispatch(Each(y.iter_mut().zip(a), |(y, a): (&mut f32, &f32)| *y = f(*y, *a))));
}

/// `y = f(a, b)`.
pub(crate) fn map2(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    assert_eq!(b.len(), y.len());
    y.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((y, a), b)| {
        dispatch(Each(y.iter_mut().zip(a).zip(b), |((y, a), b): ((&mut f32, &f32), &f32)| *y = f(*a, *b)));
    });
}

/// `y = f(a, b, c)`.
pub(crate) fn map3(a: &[f32], b: &[f32], c: &[f32], y: &mut [f32], f: impl Fn(f32, f32, f32) -> f32 + Sync) {
    assert_eq!(a.len(), y.len());
    assert_eq!(b.len(), y.len());
    assert_eq!(c.len(), y.len());
    let inputs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).zip(c.par_chunks(CHUNK));
    y.par_chunks_mut(CHUNK).zip(inputs).for_each(|(y, ((a, b), c))| {
        let each = |(((y, a), b), c): (((&mut f32, &f32), &f32), &f32)| *y = f(*a, *b, *c);
        dispatch(Each(y.iter_mut().zip(a).zip(b).zip(c), each));
    });
}

/// Runs a function on each element, compiled for the best vectors of this machine: the compiler vectorises what is
/// simple enough.
pub(crate) struct Each<I, F>(pub I, pub F);

impl<I: Iterator, F: Fn(I::Item)> Kernel for Each<I, F> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for item in self.0 {
            (self.1)(item);
        }
    }
}

/// A pointer that tasks write disjoint elements through.
pub(crate) struct SharedMut<T>(*mut T);

impl<T> SharedMut<T> {
    pub fn new(elements: &mut [T]) -> Self {
        SharedMut(elements.as_mut_ptr())
    }

    pub fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }

    /// The same place for elements of another type.
    pub fn cast<U>(self) -> SharedMut<U> {
        SharedMut(self.0.cast())
    }
}

impl<T> Clone for SharedMut<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedMut<T> {}

// SAFETY: only used to write elements that belong to one task.
unsafe impl<T: Send> Send for SharedMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<T> {}
