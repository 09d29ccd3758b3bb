//! Two-dimensional convolution and its gradients.
//!
//! Strategies:
//! - **1×1, stride 1, no padding**: a matrix product on the pixels as they lie in memory.
//! - **anything else**: a tile of output rows at a time, its windows are gathered into rows of a matrix (im2col) that
//!   stays in cache, and multiplied with the kernel. The gradients go the same way in reverse.
//!
//! Work is cut into lanes of (image, tile of rows); a lane adds up its own kernel gradient, and the lanes' sums are
//! added in order.

use std::ops::Range;

use rayon::prelude::*;

use crate::elementwise::{channel_sum, channel_sum_scratch};
use crate::lanes::{lanes, units_of};
use crate::matrix::{Matrix, multiply};
use crate::{Activation, Padding};

/// Convolution of `[batch, height, width, channels]` with `filters` kernels; kernel
/// `[kernel height, kernel width, channels / groups, filters]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// The number of images.
    pub batch: usize,
    /// Height, width and channels of an image.
    pub input: [usize; 3],
    /// The number of output channels.
    pub filters: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// The window's step.
    pub strides: [usize; 2],
    /// The distance of the window's cells.
    pub dilation: [usize; 2],
    /// Zeros around the image.
    pub padding: Padding,
    /// Groups of channels that are convolved by themselves.
    pub groups: usize,
}

/// Floats of gathered windows in a tile: 128 KiB, a share of a core's L2 cache.
const TILE: usize = 1 << 15;

impl Conv2d {
    /// Height, width and channels of an output image.
    pub fn output(&self) -> [usize; 3] {
        let window = [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1);
        let [height, width] = self.padding.output([self.input[0], self.input[1]], window, self.strides);
        [height, width, self.filters]
    }

    /// The number of values in the kernel.
    pub fn kernel_len(&self) -> usize {
        self.depth() * self.filters
    }

    /// Floats of scratch for [`Conv2d::forward`].
    pub fn forward_scratch(&self) -> usize {
        if self.is_pointwise() { 0 } else { lanes(self.batch * self.tiles(), 0) * self.tile_len() }
    }

    /// The output; `bias` has `filters` values.
    pub fn forward(
        &self,
        x: &[f32],
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(x, kernel, y);
        if y.is_empty() {
            return;
        }
        if self.is_pointwise() {
            let (channels, filters) = (self.input[2], self.filters);
            let rows = (TILE / channels.max(filters)).max(16);
            y.par_chunks_mut(rows * filters).zip(x.par_chunks(rows * channels)).for_each(|(y, x)| {
                let shape = [y.len() / filters, filters, channels];
                multiply(shape, Matrix::rows(x, channels), Matrix::rows(kernel, filters), y, filters, false);
                activation.apply_with_bias(bias, y);
            });
            return;
        }
        let (units, tiles) = (self.batch * self.tiles(), self.tiles());
        let lanes = lanes(units, 0);
        let mut outputs = Vec::with_capacity(lanes);
        let mut rest = y;
        for lane in 0..lanes {
            let len =
                units_of(lane, lanes, units).map(|unit| self.tile_rows(unit % tiles).len()).sum::<usize>();
            let (output, tail) = rest.split_at_mut(len * self.output_row());
            outputs.push(output);
            rest = tail;
        }
        let scratch = scratch.par_chunks_mut(self.tile_len()).take(lanes);
        outputs.into_par_iter().zip(scratch).enumerate().for_each(|(lane, (mut y, columns))| {
            for unit in units_of(lane, lanes, units) {
                let rows = self.tile_rows(unit % tiles);
                let (tile, tail) = y.split_at_mut(rows.len() * self.output_row());
                y = tail;
                let x = self.image(x, unit / tiles);
                for group in 0..self.groups {
                    self.gather(x, group, rows.clone(), columns);
                    let at = group * self.group_filters();
                    let shape = [tile.len() / self.filters, self.group_filters(), self.depth()];
                    let kernel = Matrix::rows(&kernel[at..], self.filters);
                    multiply(
                        shape,
                        Matrix::rows(columns, self.depth()),
                        kernel,
                        &mut tile[at..],
                        self.filters,
                        false,
                    );
                }
                activation.apply_with_bias(bias, tile);
            }
        });
    }

    /// Floats of scratch for [`Conv2d::backward_input`].
    pub fn backward_input_scratch(&self) -> usize {
        if self.is_pointwise() { 0 } else { lanes(self.batch, 0) * self.tile_len() }
    }

    /// The gradient of the input.
    pub fn backward_input(&self, dy: &[f32], kernel: &[f32], dx: &mut [f32], scratch: &mut [f32]) {
        self.check(dx, kernel, dy);
        if dx.is_empty() {
            return;
        }
        if self.is_pointwise() {
            let (channels, filters) = (self.input[2], self.filters);
            let rows = (TILE / channels.max(filters)).max(16);
            dx.par_chunks_mut(rows * channels).zip(dy.par_chunks(rows * filters)).for_each(|(dx, dy)| {
                let shape = [dx.len() / channels, channels, filters];
                let kernel = Matrix::rows(kernel, filters).transposed();
                multiply(shape, Matrix::rows(dy, filters), kernel, dx, channels, false);
            });
            return;
        }
        // Windows of neighbouring tiles overlap, so an image belongs to one lane.
        let lanes = lanes(self.batch, 0);
        let mut inputs = Vec::with_capacity(lanes);
        let mut rest = dx;
        for lane in 0..lanes {
            let (input, tail) = rest.split_at_mut(units_of(lane, lanes, self.batch).len() * self.image_len());
            inputs.push(input);
            rest = tail;
        }
        let scratch = scratch.par_chunks_mut(self.tile_len()).take(lanes);
        inputs.into_par_iter().zip(scratch).enumerate().for_each(|(lane, (dx, columns))| {
            dx.fill(0.0);
            let images = units_of(lane, lanes, self.batch);
            for (image, dx) in images.zip(dx.chunks_exact_mut(self.image_len())) {
                for tile in 0..self.tiles() {
                    let rows = self.tile_rows(tile);
                    let dy = self.output_rows(dy, image, rows.clone());
                    for group in 0..self.groups {
                        let at = group * self.group_filters();
                        let shape = [dy.len() / self.filters, self.depth(), self.group_filters()];
                        let kernel = Matrix::rows(&kernel[at..], self.filters).transposed();
                        multiply(
                            shape,
                            Matrix::rows(&dy[at..], self.filters),
                            kernel,
                            columns,
                            self.depth(),
                            false,
                        );
                        self.scatter(columns, group, rows.clone(), dx);
                    }
                }
            }
        });
    }

    /// Floats of scratch for [`Conv2d::backward_kernel`].
    pub fn backward_kernel_scratch(&self) -> usize {
        let columns = if self.is_pointwise() { 0 } else { self.tile_len() };
        let lanes = lanes(self.batch * self.tiles(), self.kernel_len());
        let bias = channel_sum_scratch(self.output_pixels(), self.filters);
        (lanes * (columns + self.kernel_len())).max(bias)
    }

    /// The gradients of kernel and bias.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.check(x, dkernel, dy);
        let (units, tiles) = (self.batch * self.tiles(), self.tiles());
        let columns = if self.is_pointwise() { 0 } else { self.tile_len() };
        let lanes = lanes(units, self.kernel_len());
        let lane_len = columns + self.kernel_len();
        let partial = &mut scratch[..lanes * lane_len];
        partial.par_chunks_mut(lane_len).enumerate().for_each(|(lane, scratch)| {
            let (columns, sum) = scratch.split_at_mut(columns);
            sum.fill(0.0);
            for unit in units_of(lane, lanes, units) {
                let (image, rows) = (unit / tiles, self.tile_rows(unit % tiles));
                let dy = self.output_rows(dy, image, rows.clone());
                let pixels = dy.len() / self.filters.max(1);
                let image = self.image(x, image);
                for group in 0..self.groups {
                    let windows = if self.is_pointwise() {
                        &image[rows.start * self.input[1] * self.input[2]..]
                    } else {
                        self.gather(image, group, rows.clone(), columns);
                        &*columns
                    };
                    let at = group * self.group_filters();
                    let shape = [self.depth(), self.group_filters(), pixels];
                    let windows = Matrix::rows(windows, self.depth()).transposed();
                    multiply(
                        shape,
                        windows,
                        Matrix::rows(&dy[at..], self.filters),
                        &mut sum[at..],
                        self.filters,
                        true,
                    );
                }
            }
        });
        dkernel.fill(0.0);
        for lane in partial.chunks_exact(lane_len) {
            dkernel.iter_mut().zip(&lane[columns..]).for_each(|(sum, lane)| *sum += lane);
        }
        if let Some(dbias) = dbias {
            channel_sum(self.output_pixels(), self.filters, dy, dbias, scratch);
        }
    }

    /// Gathers the windows of these output rows: `[pixels, kernel height · kernel width · channels / groups]`.
    fn gather(&self, image: &[f32], group: usize, rows: Range<usize>, columns: &mut [f32]) {
        let mut cells = columns.chunks_exact_mut(self.group_channels());
        self.for_each_cell(group, rows, |source| {
            let cell = cells.next().expect("the tile has room for its windows");
            match source {
                Some(at) => cell.copy_from_slice(&image[at..at + cell.len()]),
                None => cell.fill(0.0),
            }
        });
    }

    /// Adds windows back to where [`Conv2d::gather`] took them from.
    fn scatter(&self, columns: &[f32], group: usize, rows: Range<usize>, image: &mut [f32]) {
        let mut cells = columns.chunks_exact(self.group_channels());
        self.for_each_cell(group, rows, |source| {
            let cell = cells.next().expect("the tile has room for its windows");
            if let Some(at) = source {
                image[at..at + cell.len()].iter_mut().zip(cell).for_each(|(to, from)| *to += from);
            }
        });
    }

    /// Visits the cells of the windows of these output rows, window by window, with the place of the cell's first
    /// channel in the image, or none where the cell lies in the padding.
    fn for_each_cell(&self, group: usize, rows: Range<usize>, mut visit: impl FnMut(Option<usize>)) {
        let [height, width, channels] = self.input;
        let first = group * self.group_channels();
        // Coordinates below the padding wrap around to large numbers, which lie outside too.
        let place = |output: usize, cell: usize, axis: usize, before: usize| {
            (output * self.strides[axis] + cell * self.dilation[axis]).wrapping_sub(before)
        };
        for y in rows {
            for x in 0..self.output()[1] {
                for i in 0..self.kernel[0] {
                    let row = place(y, i, 0, self.padding.top);
                    for j in 0..self.kernel[1] {
                        let column = place(x, j, 1, self.padding.left);
                        let inside = row < height && column < width;
                        visit(inside.then(|| (row * width + column) * channels + first));
                    }
                }
            }
        }
    }

    /// Whether windows are the pixels themselves.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1]
            && self.strides == [1, 1]
            && self.padding == Padding::default()
            && self.groups == 1
    }

    /// The length of a window in one group.
    fn depth(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.group_channels()
    }

    fn group_channels(&self) -> usize {
        self.input[2] / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    fn image_len(&self) -> usize {
        self.input.iter().product()
    }

    fn image<'a>(&self, x: &'a [f32], image: usize) -> &'a [f32] {
        &x[image * self.image_len()..(image + 1) * self.image_len()]
    }

    fn output_row(&self) -> usize {
        let [_, width, filters] = self.output();
        width * filters
    }

    fn output_pixels(&self) -> usize {
        let [height, width, _] = self.output();
        self.batch * height * width
    }

    fn output_rows<'a>(&self, y: &'a [f32], image: usize, rows: Range<usize>) -> &'a [f32] {
        let first = image * self.output()[0];
        &y[(first + rows.start) * self.output_row()..(first + rows.end) * self.output_row()]
    }

    /// Output rows in a tile.
    fn rows_per_tile(&self) -> usize {
        let [height, width, _] = self.output();
        (TILE / (width * self.depth()).max(1)).clamp(1, height.max(1))
    }

    fn tiles(&self) -> usize {
        self.output()[0].div_ceil(self.rows_per_tile())
    }

    fn tile_rows(&self, tile: usize) -> Range<usize> {
        let rows = self.rows_per_tile();
        tile * rows..((tile + 1) * rows).min(self.output()[0])
    }

    /// Floats of a tile's gathered windows.
    fn tile_len(&self) -> usize {
        (self.rows_per_tile() * self.output()[1] * self.depth()).max(1)
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        assert_eq!(x.len(), self.batch * self.image_len(), "input of {self:?}");
        assert_eq!(kernel.len(), self.kernel_len(), "kernel of {self:?}");
        assert_eq!(y.len(), self.output_pixels() * self.filters, "output of {self:?}");
    }
}
