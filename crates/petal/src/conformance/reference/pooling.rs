//! Poolings, as affine maps around their input.

use super::Affine;
use super::layout::{image, pixels};
use super::step::Call;
use crate::program::Window;

impl Call<'_> {
    /// The first of the largest values of each window.
    pub(super) fn max_pool(&self, window: &Window) -> Affine {
        self.pool(window, |map, cells, to| {
            let x = self.inputs[0];
            let mut best = cells[0];
            for &cell in cells {
                if x[cell] > x[best] || x[cell].is_nan() {
                    best = cell;
                }
            }
            map.add(0, best, to, 1.0);
        })
    }

    /// The mean of the cells of each window that lie in the image.
    pub(super) fn average_pool(&self, window: &Window) -> Affine {
        self.pool(window, |map, cells, to| {
            cells.iter().for_each(|&cell| map.add(0, cell, to, 1.0 / cells.len() as f64));
        })
    }

    /// Calls `pool` with the places of the values in each window, and with that of its output.
    fn pool(&self, window: &Window, pool: impl Fn(&mut Affine, &[usize], usize)) -> Affine {
        let ([height, width, channels], output) = (image(self.shapes[0]), image(self.output));
        let mut map = Affine::new(self.outputs());
        for n in 0..self.samples() {
            for (to, (y, x, c)) in pixels(output).enumerate() {
                let mut cells = Vec::new();
                for ky in 0..window.size[0] {
                    for kx in 0..window.size[1] {
                        let row = (y * window.strides[0] + ky).checked_sub(window.padding.top);
                        let column = (x * window.strides[1] + kx).checked_sub(window.padding.left);
                        if let (Some(row), Some(column)) = (row, column)
                            && row < height
                            && column < width
                        {
                            cells.push(((n * height + row) * width + column) * channels + c);
                        }
                    }
                }
                // A window in the padding alone gives 0.
                if !cells.is_empty() {
                    pool(&mut map, &cells, n * self.output.elements() + to);
                }
            }
        }
        map
    }

    pub(super) fn global_average_pool(&self) -> Affine {
        self.global_pool(|map, pixels, to| {
            pixels.iter().for_each(|&pixel| map.add(0, pixel, to, 1.0 / pixels.len() as f64));
        })
    }

    /// Pixels that are equal share the gradient.
    pub(super) fn global_max_pool(&self) -> Affine {
        let x = self.inputs[0];
        self.global_pool(|map, pixels, to| {
            // A NaN counts as the largest, so that it shows.
            let larger = |best: f64, x: f64| if x > best || x.is_nan() { x } else { best };
            let largest = pixels.iter().map(|&pixel| x[pixel]).fold(f64::NEG_INFINITY, larger);
            let is_largest = |pixel: &usize| x[*pixel] == largest || x[*pixel].is_nan();
            let ties: Vec<usize> = pixels.iter().copied().filter(is_largest).collect();
            ties.iter().for_each(|&pixel| map.add(0, pixel, to, 1.0 / ties.len() as f64));
        })
    }

    fn global_pool(&self, pool: impl Fn(&mut Affine, &[usize], usize)) -> Affine {
        let [height, width, channels] = image(self.shapes[0]);
        let mut map = Affine::new(self.outputs());
        for n in 0..self.samples() {
            for c in 0..channels {
                let pixel = |i: usize| (n * height * width + i) * channels + c;
                pool(&mut map, &(0..height * width).map(pixel).collect::<Vec<_>>(), n * channels + c);
            }
        }
        map
    }
}
