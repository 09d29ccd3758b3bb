//! Convolutions of 3×3 kernels with stride 1 by Winograd's F(2×2, 3×3): `Aᵀ [(G g Gᵀ) · (Bᵀ d B)] A` of Lavin and Gray,
//! "Fast Algorithms for Convolutional Neural Networks" (2015, arXiv:1509.09308), which computes the four outputs of a
//! tile with 16 products of a source and a target channel where the direct way has 36.
//!
//! A transformed tile has 4×4 places. Some neighbouring tiles are computed at a time, so that all between source and
//! target stays in the caches: their pixels are transformed (`inputs.rs`), and for each block of targets 16 matrix
//! products (`products.rs`) with the transformed kernel (`kernel.rs`) give sums, of which the caller makes outputs.
//!
//! Each pixel takes part in the outputs that it takes part in directly, and in no others. One that is infinite reaches
//! them as an infinity of the same sign, or as NaN. The same holds of weights, but these take part in all outputs, also
//! where they meet the padding alone. Sums are rounded as if each pixel met all nine weights of its channel, of which all
//! but its own cancel.

mod inputs;
mod kernel;
mod outputs;
mod products;
mod transforms;

use std::ops::Range;

use rayon::prelude::*;

use crate::alignment::{ALIGNMENT, LINE, aligned};
use crate::conv2d::Conv2d;
use crate::register_tile::{self, COLUMNS, MAX_COLUMNS, ROWS};
use crate::simd::{MAX_LANES, Simd, dispatch, dispatch_pairs, lanes};
use crate::{KernelWeights, Precision};
use inputs::{Inputs, Transform};
use kernel::Pack;
use products::{Multiply, Products};
use transforms::transform_sums;

/// Targets in one block of the packed kernel, at most.
const MAX_BLOCK: usize = MAX_COLUMNS;
/// Elements of a transformed tile.
const PLACES: usize = 16;
/// Tiles that are computed at a time, in one or more register tiles.
const GROUP: usize = 3 * ROWS / 2;
/// Tasks, at most, and bound for the floats that they need.
const TASKS: usize = 64;
const TASK_FLOATS: usize = 1 << 22;

/// A convolution that makes `targets` channels of tiles of 2×2 pixels.
pub(crate) struct Winograd {
    batch: usize,
    /// `[height, width, channels]` of the image that is convolved.
    source: [usize; 3],
    targets: usize,
    /// Zeros above the image and left of it; if negative, pixels that no kernel sees.
    before: [isize; 2],
    /// `[rows, columns]` of tiles.
    grid: [usize; 2],
    /// Whether the kernel is turned by 180° and its channels are the targets.
    turned: bool,
    /// Of what the transforms make.
    precision: Precision,
}

impl Winograd {
    /// The forward pass, if the convolution is of this kind; a grid of tiles covers its outputs.
    pub fn forward(conv: &Conv2d, grid: [usize; 2]) -> Option<Winograd> {
        let before = [conv.padding.top, conv.padding.left].map(|padding| padding as isize);
        suits(conv).then_some(Winograd {
            batch: conv.batch,
            source: conv.input,
            targets: conv.filters,
            before,
            grid,
            turned: false,
            precision: conv.precision,
        })
    }

    /// The gradient by the input, as a convolution of the gradient by the output.
    pub fn input_gradient(conv: &Conv2d) -> Option<Winograd> {
        let [height, width, channels] = conv.input;
        let before = [conv.padding.top, conv.padding.left].map(|padding| 2 - padding as isize);
        suits(conv).then_some(Winograd {
            batch: conv.batch,
            source: conv.output(),
            targets: channels,
            before,
            grid: [height, width].map(|size| size.div_ceil(2)),
            turned: true,
            precision: conv.precision,
        })
    }

    /// With fewer channels the transforms cost more than they spare.
    pub fn if_at_least(self, sources: usize, targets: usize) -> Option<Winograd> {
        (self.source[2] >= sources && self.targets >= targets).then_some(self)
    }

    pub fn scratch(&self) -> usize {
        self.packed_len() + self.tasks() * self.task_len() + ALIGNMENT
    }

    /// Calls `finish` with the sums of all tiles and targets.
    pub fn run(
        &self,
        x: &[f32],
        kernel: KernelWeights<'_>,
        bias: Option<&[f32]>,
        scratch: &mut [f32],
        finish: impl Fn(Sums) + Sync,
    ) {
        assert_eq!(x.len(), self.batch * self.source.iter().product::<usize>());
        assert!(bias.is_none_or(|bias| bias.len() == self.targets));
        let (room, scratch) = aligned(scratch).split_at_mut(self.packed_len());
        let packed = kernel.packed(room, |kernel, packed| self.pack(kernel, packed));
        let (width, block) = (self.width(), self.block());
        let task_tiles = self.groups().div_ceil(self.tasks().max(1)) * GROUP;
        let tasks = scratch.par_chunks_exact_mut(self.task_len()).take(self.tasks());
        tasks.enumerate().for_each(|(i, task)| {
            let (inputs, task) = task.split_at_mut(PLACES * GROUP * self.source_vectors());
            let (sums, border) = task.split_at_mut(PLACES * GROUP * width);
            let task = i * task_tiles..self.tiles().min((i + 1) * task_tiles);
            for start in task.clone().step_by(GROUP) {
                let tiles = start..task.end.min(start + GROUP);
                let transform = Inputs { winograd: self, x, tiles: tiles.clone(), inputs, border };
                match self.precision {
                    Precision::Float32 => dispatch(Transform::<false>(transform)),
                    Precision::Bfloat16 => dispatch_pairs(Transform::<true>(transform)),
                }
                for (i, packed) in packed.chunks_exact(block).enumerate() {
                    let targets = i * width..self.targets.min((i + 1) * width);
                    let mut start = [0.0; MAX_BLOCK];
                    if let Some(bias) = bias {
                        start[..targets.len()].copy_from_slice(&bias[targets.clone()]);
                    }
                    let products = Products {
                        tiles: tiles.len(),
                        sources: self.slots(),
                        stride: self.source_vectors(),
                        targets: targets.len(),
                        inputs,
                        packed,
                        bias: &start,
                        sums,
                    };
                    match self.precision {
                        Precision::Float32 => dispatch(Multiply::<false, COLUMNS>(products)),
                        Precision::Bfloat16 if width == COLUMNS => {
                            dispatch_pairs(Multiply::<true, COLUMNS>(products));
                        }
                        Precision::Bfloat16 => dispatch_pairs(Multiply::<true, MAX_BLOCK>(products)),
                    }
                    finish(Sums { tiles: tiles.clone(), targets, width, values: sums });
                }
            }
        });
    }

    /// Transforms and packs a kernel.
    pub fn pack(&self, kernel: &[f32], packed: &mut [f32]) {
        assert_eq!(kernel.len(), 9 * self.source[2] * self.targets);
        assert_eq!(packed.len(), self.packed_len());
        packed.par_chunks_exact_mut(self.block()).enumerate().for_each(|(block, packed)| {
            let winograd = self;
            match self.precision {
                Precision::Float32 => dispatch(Pack::<false> { winograd, kernel, block, packed }),
                Precision::Bfloat16 => dispatch_pairs(Pack::<true> { winograd, kernel, block, packed }),
            }
        });
    }

    pub fn tiles(&self) -> usize {
        self.batch * self.grid[0] * self.grid[1]
    }

    pub fn targets(&self) -> usize {
        self.targets
    }

    fn groups(&self) -> usize {
        self.tiles().div_ceil(GROUP)
    }

    /// Tasks that there is room for: not more for fewer images.
    fn tasks(&self) -> usize {
        self.groups().min((TASK_FLOATS / self.task_len()).clamp(8, TASKS))
    }

    /// Floats of a tile's source channels at a place, in whole vectors.
    fn source_vectors(&self) -> usize {
        match self.precision {
            Precision::Float32 => self.source[2].next_multiple_of(lanes(Precision::Float32)),
            Precision::Bfloat16 => self.source[2].next_multiple_of(MAX_LANES) / 2,
        }
    }

    /// Floats that a target's weights of a place take.
    fn slots(&self) -> usize {
        self.precision.slots(self.source[2])
    }

    /// Targets in a block. AVX-512 multiplies pairs with a second vector at no cost of loading them; numbers as they are
    /// it reads while it multiplies.
    fn width(&self) -> usize {
        match self.precision {
            Precision::Float32 => COLUMNS,
            Precision::Bfloat16 => {
                register_tile::columns(self.precision).min(self.targets.next_multiple_of(COLUMNS))
            }
        }
    }

    /// Floats of the packed weights of a block of targets.
    fn block(&self) -> usize {
        PLACES * self.slots() * self.width()
    }

    pub fn packed_len(&self) -> usize {
        self.targets.div_ceil(self.width()) * self.block()
    }

    /// Scratch of a task: transformed tiles, sums, a tile at the border.
    fn task_len(&self) -> usize {
        let floats = PLACES * GROUP * (self.source_vectors() + self.width()) + PLACES * self.source[2];
        floats.next_multiple_of(LINE)
    }
}

fn suits(conv: &Conv2d) -> bool {
    conv.kernel == [3, 3] && conv.strides == [1, 1] && conv.dilation == [1, 1] && conv.groups == 1
}

/// The sums of some tiles, in the order of batch, rows and columns, and of a block of targets.
pub(crate) struct Sums<'a> {
    pub tiles: Range<usize>,
    pub targets: Range<usize>,
    /// Of the block: 16 or 32.
    width: usize,
    /// `[place][tile][width]`.
    values: &'a [f32],
}

impl Sums<'_> {
    /// The four outputs of a tile, a vector of targets from `lane` on.
    #[inline(always)]
    pub fn outputs<S: Simd>(&self, tile: usize, lane: usize) -> [[S::V; 2]; 2] {
        // Distances that the compiler knows: with others a convolution takes a fifteenth more time.
        if self.width == COLUMNS {
            self.outputs_of::<S, COLUMNS>(tile, lane)
        } else {
            self.outputs_of::<S, MAX_BLOCK>(tile, lane)
        }
    }

    #[inline(always)]
    fn outputs_of<S: Simd, const WIDTH: usize>(&self, tile: usize, lane: usize) -> [[S::V; 2]; 2] {
        let values = &self.values[(tile - self.tiles.start) * WIDTH + lane..];
        assert!(values.len() >= (PLACES - 1) * GROUP * WIDTH + S::LANES);
        // SAFETY: a vector of each place is within the asserted length.
        unsafe {
            let mut places = [[S::splat(0.0); 4]; 4];
            for (place, sums) in places.as_flattened_mut().iter_mut().enumerate() {
                *sums = S::load(values.as_ptr().add(place * GROUP * WIDTH));
            }
            transform_sums::<S>(places)
        }
    }
}
