//! The inverted residual block of MobileNetV2, forward only: a convolution to many channels, mostly 1×1, a depthwise 3×3
//! convolution of these, a 1×1 convolution back to few, and maybe the block's input added.
//!
//! The wide activations never reach memory: a task expands some rows of an image, convolves and projects them, while
//! they are in the second cache. Rows that the next ones need too stay there. Each number is the same bits as that of
//! the three convolutions one after the other.

use std::ops::Range;

use rayon::prelude::*;

use crate::depthwise_conv2d::Gather;
use crate::matmul::Matmul;
use crate::{Activation, Conv2d, DepthwiseConv2d, KernelWeights, Precision};

/// Floats of wide activations that one task keeps in the second cache.
const TILE_FLOATS: usize = 1 << 16;
/// Floats of weights that stay in the second cache beside them.
const WEIGHT_FLOATS: usize = 1 << 17;
/// Tasks that a batch is cut into, at least, where it has enough rows.
const TASKS: usize = 16;

/// Shape of an inverted residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvertedResidual {
    /// The convolution that makes the depthwise one's input, if one does: one that [`Conv2d::makes_rows`].
    pub expand: Option<Conv2d>,
    /// The convolution of the wide activations.
    pub depthwise: DepthwiseConv2d,
    /// Channels of the output.
    pub filters: usize,
    /// Whether the input is added to the output, which has its shape.
    pub residual: bool,
    /// Of the factors of the last convolution's products.
    pub precision: Precision,
}

/// Weights of one of a block's convolutions.
#[derive(Clone, Copy, Debug)]
pub struct BlockWeights<'a> {
    /// As the convolution has it; that of all but the depthwise one may be packed by [`Conv2d::pack`].
    pub kernel: KernelWeights<'a>,
    /// One value an output channel.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
}

impl InvertedResidual {
    /// Whether the block is one that this kernel computes, and faster than its convolutions one after the other: the
    /// depthwise one is 3×3 with stride 1 or 2, and the weights leave room in the cache.
    pub fn is_worthwhile(&self) -> bool {
        let wide = self.depthwise.input[2];
        self.depthwise.stride_of_3x3().is_some()
            && self.expand.map_or(0, |conv| conv.kernel_len()) + wide * self.filters <= WEIGHT_FLOATS
            && 2 * self.wide_row() + self.depthwise.output()[1] * wide <= TILE_FLOATS
    }

    /// `[height, width, channels]` of the input.
    pub fn input(&self) -> [usize; 3] {
        self.expand.map_or(self.depthwise.input, |conv| conv.input)
    }

    /// `[height, width, channels]` of the output.
    pub fn output(&self) -> [usize; 3] {
        let [height, width, _] = self.depthwise.output();
        [height, width, self.filters]
    }

    /// Scratch of [`forward`](Self::forward).
    pub fn forward_scratch(&self) -> usize {
        let expand = self.expand.map_or(0, |conv| conv.packed_len());
        expand + self.project(0).packed_len() + self.depthwise.batch * self.strips() * self.task_scratch()
    }

    /// `y = project(depthwise(expand(x))) [+ x]`.
    ///
    /// # Panics
    /// If the depthwise convolution is not 3×3 with stride 1 or 2, the first one makes no rows or not its input, or a slice
    /// has another length than the shape says.
    pub fn forward(
        &self,
        x: &[f32],
        expand: Option<BlockWeights<'_>>,
        depthwise: BlockWeights<'_>,
        project: BlockWeights<'_>,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (input, output) = (self.input(), self.output());
        let (image, result) = (input.iter().product(), output.iter().product());
        assert_eq!(x.len(), self.depthwise.batch * image);
        assert_eq!(y.len(), self.depthwise.batch * result);
        assert_eq!(expand.is_some(), self.expand.is_some());
        let made = |conv: Conv2d| conv.makes_rows() && conv.output() == self.depthwise.input;
        assert!(self.expand.is_none_or(made), "{:?} makes no rows of the block", self.expand);
        assert!(!self.residual || input == output);
        if y.is_empty() {
            return;
        }
        let (room, rest) = scratch.split_at_mut(self.expand.map_or(0, |conv| conv.packed_len()));
        let expand = self
            .expand
            .zip(expand)
            .map(|(conv, weights)| (conv, weights.packed(room, |kernel, packed| conv.pack(kernel, packed))));
        let matmul = self.project(0);
        let (room, rest) = rest.split_at_mut(matmul.packed_len());
        let project = project.packed(room, |kernel, packed| matmul.pack(kernel, packed));
        let BlockWeights { kernel, bias, activation } = depthwise;
        let depthwise = PackedWeights { kernel: kernel.plain(), bias, activation };
        let stride = self.depthwise.stride_of_3x3().expect("the depthwise convolution is 3×3");
        let gather = self.depthwise.forward_gather(stride);
        let block = Block { shape: self, gather, expand, depthwise, project };
        let (strips, task) = (self.strips(), self.task_scratch());
        let rows = output[0].div_ceil(strips);
        let row = output[1] * output[2];
        let images = y.par_chunks_exact_mut(result).zip(x.par_chunks_exact(image));
        images.zip(rest.par_chunks_mut(strips * task)).for_each(|((y, x), scratch)| {
            let strips = y.par_chunks_mut(rows * row).zip(scratch.par_chunks_mut(task));
            strips.enumerate().for_each(|(i, (y, scratch))| block.run(x, i * rows, y, &mut scratch[..task]));
        });
    }

    /// The last 1×1 convolution for this many pixels.
    fn project(&self, rows: usize) -> Matmul {
        let (inputs, units, precision) = (self.depthwise.input[2], self.filters, self.precision);
        Matmul { rows, inputs, units, precision }
    }

    fn wide_row(&self) -> usize {
        self.depthwise.input[1] * self.depthwise.input[2]
    }

    /// Strips of each image, so that there is work for all threads.
    fn strips(&self) -> usize {
        TASKS.div_ceil(self.depthwise.batch.max(1)).min(self.output()[0].div_ceil(self.tile_rows())).max(1)
    }

    /// Rows of wide input that so many output rows need.
    fn window_rows(&self, rows: usize) -> usize {
        ((rows - 1) * self.depthwise.strides[0] + 3).min(self.depthwise.input[0])
    }

    /// Output rows that are computed together.
    fn tile_rows(&self) -> usize {
        let height = self.output()[0];
        (1..=height.max(1)).take_while(|&rows| self.tile_floats(rows) <= TILE_FLOATS).last().unwrap_or(1)
    }

    /// Floats of one task.
    fn task_scratch(&self) -> usize {
        self.tile_floats(self.tile_rows())
    }

    /// Floats of so many rows: the window of expanded ones, and those of the depthwise convolution's output.
    fn tile_floats(&self, rows: usize) -> usize {
        let window = if self.expand.is_some() { self.window_rows(rows) * self.wide_row() } else { 0 };
        let [_, width, channels] = self.depthwise.output();
        window + rows * width * channels
    }
}

/// A block with its kernels packed.
struct Block<'a> {
    shape: &'a InvertedResidual,
    gather: Gather,
    expand: Option<(Conv2d, PackedWeights<'a>)>,
    depthwise: PackedWeights<'a>,
    project: PackedWeights<'a>,
}

impl<'a> BlockWeights<'a> {
    /// Those with a kernel that is packed into `room` if it isn't.
    fn packed<'b>(self, room: &'b mut [f32], pack: impl FnOnce(&[f32], &mut [f32])) -> PackedWeights<'b>
    where
        'a: 'b,
    {
        let BlockWeights { kernel, bias, activation } = self;
        PackedWeights { kernel: kernel.packed(room, pack), bias, activation }
    }
}

/// Weights as they are multiplied.
#[derive(Clone, Copy)]
struct PackedWeights<'a> {
    kernel: &'a [f32],
    bias: Option<&'a [f32]>,
    activation: Activation,
}

impl Block<'_> {
    /// The output rows of one image from `first` on that `y` has.
    fn run(&self, x: &[f32], first: usize, y: &mut [f32], scratch: &mut [f32]) {
        let shape = self.shape;
        let [height, width, wide] = shape.depthwise.input;
        let [_, out_width, filters] = shape.output();
        let tile_rows = shape.tile_rows();
        let (window, convolved) = scratch.split_at_mut(scratch.len() - tile_rows * out_width * wide);
        let (stride, before) = (self.gather.stride, self.gather.before[0]);
        // The rows of the image that the window has.
        let mut have: Range<usize> = 0..0;
        for (i, y) in y.chunks_mut(tile_rows * out_width * filters).enumerate() {
            let row = first + i * tile_rows;
            let rows = y.len() / (out_width * filters);
            let inside = |row: isize| row.clamp(0, height as isize) as usize;
            let top = (row * stride) as isize - before;
            let need = inside(top)..inside(top + ((rows - 1) * stride + 3) as isize);
            let source = match &self.expand {
                None => &x[need.start * width * wide..need.end * width * wide],
                Some((conv, PackedWeights { kernel, bias, activation })) => {
                    let kept = have.end.saturating_sub(need.start).min(need.len());
                    let wide_row = width * wide;
                    if kept > 0 {
                        let start = (need.start - have.start) * wide_row;
                        window.copy_within(start..start + kept * wide_row, 0);
                    }
                    let new = need.start + kept..need.end;
                    let made = &mut window[kept * wide_row..need.len() * wide_row];
                    conv.make_rows(new.start, x, kernel, *bias, *activation, made);
                    have = need.clone();
                    &window[..need.len() * wide_row]
                }
            };
            let gather = Gather {
                source: [need.len(), width],
                before: [need.start as isize - top, self.gather.before[1]],
                ..self.gather
            };
            let convolved = &mut convolved[..rows * out_width * wide];
            let PackedWeights { kernel, bias, activation } = self.depthwise;
            gather.run_rows(0, source, kernel, bias, activation, convolved);
            let PackedWeights { kernel, bias, activation } = self.project;
            shape.project(rows * out_width).forward_packed(convolved, kernel, bias, activation, y);
            if shape.residual {
                y.iter_mut().zip(&x[row * out_width * filters..]).for_each(|(y, x)| *y += x);
            }
        }
    }
}
