//! Images mixed with others of their batch.
//!
//! Strategy: one task an image.

use std::ops::Range;

use rayon::prelude::*;

/// How an image is mixed with another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Mix {
    /// `share · own + (1 - share) · other`.
    Blend {
        /// What stays of the image.
        share: f32,
    },
    /// A rectangle is the other's.
    Paste {
        /// Its rows and columns.
        rectangle: [Range<usize>; 2],
    },
}

/// Mixes each image of `x`, `[mixes.len(), height, width, channels]`, with the one whose number is in `partners`.
pub fn mix(image: [usize; 3], mixes: &[Mix], partners: &[usize], x: &[f32], y: &mut [f32]) {
    let len = checked(image, mixes, partners, x, y);
    if len == 0 {
        return;
    }
    y.par_chunks_mut(len).enumerate().for_each(|(n, y)| {
        let [own, other] = [n, partners[n]].map(|n| &x[n * len..][..len]);
        match &mixes[n] {
            Mix::Blend { share } => {
                for ((y, own), other) in y.iter_mut().zip(own).zip(other) {
                    *y = share * own + (1.0 - share) * other;
                }
            }
            Mix::Paste { rectangle } => {
                y.copy_from_slice(own);
                each_row(image, rectangle, |row| y[row.clone()].copy_from_slice(&other[row]));
            }
        }
    });
}

/// Gradient of [`mix`] by its input. Each image must be the partner of one.
pub fn mix_backward(image: [usize; 3], mixes: &[Mix], partners: &[usize], dy: &[f32], dx: &mut [f32]) {
    let len = checked(image, mixes, partners, dy, dx);
    if len == 0 {
        return;
    }
    let mut partner_of = vec![0; partners.len()];
    partners.iter().enumerate().for_each(|(n, &partner)| partner_of[partner] = n);
    dx.par_chunks_mut(len).enumerate().for_each(|(n, dx)| {
        let guest_in = partner_of[n];
        let [own, guest] = [n, guest_in].map(|n| &dy[n * len..][..len]);
        match &mixes[n] {
            Mix::Blend { share } => dx.iter_mut().zip(own).for_each(|(dx, dy)| *dx = share * dy),
            Mix::Paste { rectangle } => {
                dx.copy_from_slice(own);
                each_row(image, rectangle, |row| dx[row].fill(0.0));
            }
        }
        match &mixes[guest_in] {
            Mix::Blend { share } => dx.iter_mut().zip(guest).for_each(|(dx, dy)| *dx += (1.0 - share) * dy),
            Mix::Paste { rectangle } => each_row(image, rectangle, |row| {
                dx[row.clone()].iter_mut().zip(&guest[row]).for_each(|(dx, dy)| *dx += dy);
            }),
        }
    });
}

/// The values of an image.
fn checked(image: [usize; 3], mixes: &[Mix], partners: &[usize], x: &[f32], y: &[f32]) -> usize {
    let len = image.iter().product::<usize>();
    assert_eq!(x.len(), mixes.len() * len);
    assert_eq!((y.len(), partners.len()), (x.len(), mixes.len()));
    len
}

/// Calls `f` with the places of the values of each row of the rectangle.
fn each_row(
    [_, width, channels]: [usize; 3],
    [rows, columns]: &[Range<usize>; 2],
    mut f: impl FnMut(Range<usize>),
) {
    for row in rows.clone() {
        let at = |column: usize| (row * width + column) * channels;
        f(at(columns.start)..at(columns.end));
    }
}
