//! Operations that move values, and sums and choices of values at one place.

use super::Affine;
use super::step::Call;
use crate::program::{Padding, RandomCrop};

impl Call<'_> {
    pub(super) fn reshape(&self) -> Affine {
        Affine::gather(self.outputs(), |i| (i, 1.0))
    }

    pub(super) fn sum(&self) -> Affine {
        let mut map = Affine::new(self.outputs());
        for input in 0..self.inputs.len() {
            (0..self.outputs()).for_each(|i| map.add(input, i, i, 1.0));
        }
        map
    }

    /// Of each place the value of the first input that none is better than; NaN is better than all, so that it shows.
    pub(super) fn extremum(&self, better: impl Fn(f64, f64) -> bool) -> Affine {
        let mut map = Affine::new(self.outputs());
        for i in 0..self.outputs() {
            let mut best = 0;
            for (input, values) in self.inputs.iter().enumerate() {
                if better(values[i], self.inputs[best][i]) || values[i].is_nan() {
                    best = input;
                }
            }
            map.add(best, i, i, 1.0);
        }
        map
    }

    pub(super) fn concatenate(&self, axis: usize) -> Affine {
        let mut map = Affine::new(self.outputs());
        let inner: usize = self.output[axis + 1..].iter().product();
        let whole = self.output[axis] * inner;
        let mut start = 0;
        for (input, (values, shape)) in self.inputs.iter().zip(&self.shapes).enumerate() {
            let part = shape[axis] * inner;
            for from in 0..values.len() {
                map.add(input, from, from / part * whole + start + from % part, 1.0);
            }
            start += part;
        }
        map
    }

    pub(super) fn transpose(&self, order: &[usize]) -> Affine {
        let elements = self.output.elements();
        Affine::gather(self.outputs(), |to| {
            // The position along each axis of the output, from the last on.
            let (mut rest, mut position) = (to % elements, vec![0; order.len()]);
            for (output_axis, &axis) in order.iter().enumerate().rev() {
                position[axis] = rest % self.output[output_axis];
                rest /= self.output[output_axis];
            }
            let place =
                position.iter().zip(self.shapes[0].iter()).fold(0, |place, (at, len)| place * len + at);
            (to / elements * elements + place, 1.0)
        })
    }

    pub(super) fn reverse_channels(&self) -> Affine {
        let channels = self.channels();
        Affine::gather(self.outputs(), |i| (i / channels * channels + channels - 1 - i % channels, 1.0))
    }

    pub(super) fn pad(&self, padding: &Padding) -> Affine {
        let ([height, width, channels], [_, around, _]) = (image(self.shapes[0]), image(self.output));
        let mut map = Affine::new(self.outputs());
        for n in 0..self.samples() {
            for (y, x, c) in pixels([height, width, channels]) {
                let to = (n * self.output[0] + y + padding.top) * around + x + padding.left;
                map.add(0, ((n * height + y) * width + x) * channels + c, to * channels + c, 1.0);
            }
        }
        map
    }

    /// A part of each image, which begins at the row and column given for it.
    pub(super) fn crop(&self, start: impl Fn(usize) -> [usize; 2]) -> Affine {
        let ([height, width, channels], [rows, columns, _]) = (image(self.shapes[0]), image(self.output));
        let mut map = Affine::new(self.outputs());
        for n in 0..self.samples() {
            let [top, left] = start(n);
            for (y, x, c) in pixels([rows, columns, channels]) {
                let from = ((n * height + y + top) * width + x + left) * channels + c;
                map.add(0, from, ((n * rows + y) * columns + x) * channels + c, 1.0);
            }
        }
        map
    }

    pub(super) fn random_crop(&self, crop: &RandomCrop) -> Affine {
        let ([height, width, _], [rows, columns, _]) = (image(self.shapes[0]), image(self.output));
        let keys: Vec<u64> = self.run.keys(&crop.stream).collect();
        self.crop(|n| RandomCrop::draw([height, width], [rows, columns], keys[n]))
    }
}

/// Height, width and channels; without pixels if it is no image, which the program's check refuses.
pub(super) fn image(shape: &[usize]) -> [usize; 3] {
    <[usize; 3]>::try_from(shape).unwrap_or_default()
}

/// Row, column and channel of each value of an image.
pub(super) fn pixels([height, width, channels]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..height * width * channels).map(move |i| (i / (width * channels), i / channels % width, i % channels))
}
