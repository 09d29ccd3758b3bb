//! The direct convolution: each target pixel gathers its taps from the source image.
//!
//! The forward pass gathers `y` from `x`, the input's gradient gathers `dx` from `dy` through the transposed kernel.
//! Weights are packed to `[group][block of 16 targets][tap, source channel][16]`. A register tile of pixels × 16 targets
//! stays in registers over all taps and source channels. Pixels of a row that have the same taps form a run.

use rayon::prelude::*;

use crate::register_tile::{self, accumulate, for_tile};
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Activation, ActivationGradient};

/// Targets in one block of packed weights.
const BLOCK: usize = register_tile::COLUMNS;

/// One axis of the image, forward (targets are outputs) or transposed (targets are inputs).
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
    pub input: usize,
    pub output: usize,
    pub transposed: bool,
}

/// The taps of one target position: `count` of them, the first being `first`, each next one `step` further in the
/// kernel and `source_step` further in the source.
#[derive(Clone, Copy, PartialEq)]
struct Taps {
    pub first: usize,
    pub count: usize,
    pub step: usize,
    pub source: usize,
    pub source_step: isize,
}

impl Axis {
    fn targets(&self) -> usize {
        if self.transposed { self.input } else { self.output }
    }

    fn sources(&self) -> usize {
        if self.transposed { self.output } else { self.input }
    }

    /// Distance of targets whose taps are the same kind.
    fn phases(&self) -> usize {
        if self.transposed { self.stride } else { 1 }
    }

    /// How far the source moves from a target to the next of its phase.
    fn source_step(&self) -> usize {
        if self.transposed { 1 } else { self.stride }
    }

    fn taps(&self, target: usize) -> Taps {
        let source = |k: usize| {
            if self.transposed {
                let position = (target + self.before).checked_sub(k * self.dilation)?;
                (position % self.stride == 0 && position / self.stride < self.output)
                    .then_some(position / self.stride)
            } else {
                (target * self.stride + k * self.dilation)
                    .checked_sub(self.before)
                    .filter(|s| *s < self.input)
            }
        };
        let mut valid = (0..self.kernel).filter_map(|k| source(k).map(|source| (k, source)));
        let Some((first, position)) = valid.next() else {
            return Taps { first: 0, count: 0, step: 1, source: 0, source_step: 0 };
        };
        // Valid taps are evenly spaced: they solve a congruence within bounds that are monotone in k.
        match valid.next() {
            None => Taps { first, count: 1, step: 1, source: position, source_step: 0 },
            Some((second, next)) => Taps {
                first,
                count: 2 + valid.count(),
                step: second - first,
                source: position,
                source_step: next as isize - position as isize,
            },
        }
    }
}

impl Axis {
    /// The first target after `start`, of any phase, that may have other taps than `start`'s phase has there.
    fn run_end(&self, start: usize) -> usize {
        let [stride, before] = [self.stride as isize, self.before as isize];
        (0..self.kernel)
            .flat_map(|k| {
                // A tap begins to be inside the source at one target and ceases to be at another.
                let tap = (k * self.dilation) as isize - before;
                if self.transposed {
                    [tap, tap + self.output as isize * stride]
                } else {
                    [-tap, self.input as isize - tap].map(|bound| -(-bound).div_euclid(stride))
                }
            })
            .filter(|&bound| bound > start as isize)
            .min()
            .map_or(self.targets(), |bound| self.targets().min(bound as usize))
    }
}

/// A gather of `groups × targets` channels from `groups × sources` channels.
#[derive(Clone, Copy)]
pub(crate) struct Gather {
    pub axes: [Axis; 2],
    pub sources: usize,
    pub targets: usize,
    pub groups: usize,
}

impl Gather {
    pub fn packed_len(&self) -> usize {
        self.groups * self.targets.div_ceil(BLOCK) * self.packed_block()
    }

    fn packed_block(&self) -> usize {
        self.axes[0].kernel * self.axes[1].kernel * self.sources * BLOCK
    }

    /// Packs `weight(group, tap, source, target)`, with zeros beyond the last target.
    pub fn pack(&self, packed: &mut [f32], weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync) {
        let blocks = self.targets.div_ceil(BLOCK);
        if packed.is_empty() {
            return;
        }
        packed.par_chunks_mut(self.packed_block()).enumerate().for_each(|(i, packed)| {
            let (group, start) = (i / blocks, i % blocks * BLOCK);
            for (k, packed) in packed.chunks_exact_mut(BLOCK).enumerate() {
                for (j, packed) in packed.iter_mut().enumerate() {
                    let target = start + j;
                    *packed = if target < self.targets {
                        weight(group, k / self.sources, k % self.sources, target)
                    } else {
                        0.0
                    };
                }
            }
        });
    }

    pub fn run(
        &self,
        source: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        gradient: Option<ActivationGradient<'_>>,
        target: &mut [f32],
    ) {
        let [rows, columns] = self.axes;
        let channels = self.groups * self.targets;
        let row = columns.targets() * channels;
        let image = rows.sources() * columns.sources() * self.groups * self.sources;
        if target.is_empty() {
            return;
        }
        assert_eq!(target.len() % (rows.targets() * row), 0);
        assert_eq!(source.len(), target.len() / (rows.targets() * row) * image);
        target.par_chunks_mut(row).enumerate().with_min_len(4).for_each(|(i, target)| {
            let source = &source[i / rows.targets() * image..][..image];
            self.run_row(i % rows.targets(), source, packed, bias, activation, target);
            if let Some(gradient) = gradient {
                gradient.apply_part(i * target.len(), target);
            }
        });
    }

    /// One row of an image.
    pub fn run_row(
        &self,
        row: usize,
        source: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        target: &mut [f32],
    ) {
        let [rows, columns] = self.axes;
        let channels = self.groups * self.targets;
        assert!(row < rows.targets() && target.len() == columns.targets() * channels);
        assert_eq!(source.len(), rows.sources() * columns.sources() * self.groups * self.sources);
        assert_eq!(packed.len(), self.packed_len());
        assert!(bias.is_none_or(|bias| bias.len() == channels));
        let (taps, bounds) = (rows.taps(row), activation.bounds());
        dispatch(Row { gather: self, taps, source, packed, bias, bounds, target });
    }
}

/// One row of target pixels.
struct Row<'a> {
    gather: &'a Gather,
    taps: Taps,
    source: &'a [f32],
    packed: &'a [f32],
    bias: Option<&'a [f32]>,
    bounds: (f32, f32),
    target: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let columns = self.gather.axes[1];
        let phases = columns.phases();
        for phase in 0..phases.min(columns.targets()) {
            let mut start = phase;
            while start < columns.targets() {
                let taps = columns.taps(start);
                let pixels = (columns.run_end(start) - start).div_ceil(phases);
                for block in 0..self.gather.groups * self.gather.targets.div_ceil(BLOCK) {
                    self.run_block::<S>(taps, start, pixels, block);
                }
                start += pixels * phases;
            }
        }
    }
}

impl Row<'_> {
    /// `pixels` targets from column `start` on, all with the same taps, one block of target channels.
    #[inline(always)]
    fn run_block<S: Simd>(&mut self, columns: Taps, start: usize, pixels: usize, block: usize) {
        let gather = self.gather;
        let blocks = gather.targets.div_ceil(BLOCK);
        let (group, first) = (block / blocks, block % blocks * BLOCK);
        let width = BLOCK.min(gather.targets - first);
        let channel = group * gather.targets + first;
        let source_channels = gather.groups * gather.sources;
        let target_channels = gather.groups * gather.targets;
        let source_row = gather.axes[1].sources() * source_channels;
        let rows = self.taps;
        let mut bias = [0.0; BLOCK];
        if let Some(values) = self.bias {
            bias[..width].copy_from_slice(&values[channel..channel + width]);
        }
        // Neighbouring taps of a single group are neighbours in memory and in the packed weights: one long segment.
        let merged =
            gather.groups == 1 && columns.step == 1 && (columns.source_step == 1 || columns.count <= 1);
        let (segments, len) =
            if merged { (1, columns.count * gather.sources) } else { (columns.count, gather.sources) };
        let window = Window {
            rows: if columns.count == 0 { 0 } else { rows.count },
            source_row: rows.source_step * source_row as isize,
            packed_row: rows.step * gather.axes[1].kernel * gather.sources * BLOCK,
            segments,
            source_segment: columns.source_step * source_channels as isize,
            packed_segment: columns.step * gather.sources * BLOCK,
            len,
            source_pixel: gather.axes[1].source_step() * source_channels,
            target_pixel: gather.axes[1].phases() * target_channels,
            width,
            bounds: self.bounds,
        };
        let packed_start = block * gather.packed_block()
            + (rows.first * gather.axes[1].kernel + columns.first) * gather.sources * BLOCK;
        let source_start =
            rows.source * source_row + columns.source * source_channels + group * gather.sources;
        // SAFETY: Axis::taps gives only source positions inside the image and taps inside the kernel, for the first
        // pixel and, as the run's pixels have the same taps, for all of them; so each window lies in `source` and
        // `packed`, whose lengths Gather::run_row asserts. Target pixels are inside the row, `width` channels each.
        unsafe {
            let mut source = self.source.as_ptr().add(source_start);
            let packed = self.packed.as_ptr().add(packed_start);
            let mut target = self.target.as_mut_ptr().add(start * target_channels + channel);
            let mut left = pixels;
            while left > 0 {
                let n = left.min(S::ROWS);
                for_tile!(S, n, width, |P, V| tile::<S, P, V>(&window, source, packed, &bias, target));
                source = source.wrapping_add(n * window.source_pixel);
                target = target.wrapping_add(n * window.target_pixel);
                left -= n;
            }
        }
    }
}

/// What a pixel's taps look like in memory: rows of segments of `len` neighbouring source values.
struct Window {
    rows: usize,
    source_row: isize,
    packed_row: usize,
    segments: usize,
    source_segment: isize,
    packed_segment: usize,
    len: usize,
    source_pixel: usize,
    target_pixel: usize,
    width: usize,
    bounds: (f32, f32),
}

/// `P` pixels × `V` vectors of targets.
///
/// # Safety
/// The windows of `P` pixels from `source` on are valid, as are their weights from `packed` on and `width` targets of
/// each pixel from `target` on.
#[inline(always)]
unsafe fn tile<S: Simd, const P: usize, const V: usize>(
    window: &Window,
    source: *const f32,
    packed: *const f32,
    bias: &[f32; BLOCK],
    target: *mut f32,
) {
    // SAFETY: the caller's promise; wrapping arithmetic because a pointer past the last row is never read.
    unsafe {
        let mut sums = [[S::splat(0.0); V]; P];
        for sums in &mut sums {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = S::load(bias.as_ptr().add(S::LANES * v));
            }
        }
        for row in 0..window.rows {
            let source = source.wrapping_offset(row as isize * window.source_row);
            let packed = packed.wrapping_add(row * window.packed_row);
            for segment in 0..window.segments {
                let source = source.wrapping_offset(segment as isize * window.source_segment);
                let packed = packed.wrapping_add(segment * window.packed_segment);
                accumulate::<S, P, V, false>(
                    &mut sums,
                    source,
                    window.source_pixel,
                    packed,
                    BLOCK,
                    window.len,
                );
            }
        }
        let (low, high) = (S::splat(window.bounds.0), S::splat(window.bounds.1));
        for (p, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let target = target.add(p * window.target_pixel + S::LANES * v);
                let value = S::clamp(*sum, low, high);
                let n = window.width - S::LANES * v;
                if n >= S::LANES { S::store(target, value) } else { S::store_partial(target, value, n) }
            }
        }
    }
}
