//! MobileNetV2's blocks at 180×180: as one kernel, and as three convolutions one after the other.

use std::fmt;

use divan::Bencher;
use divan::counter::ItemsCount;
use petal_kernels::{
    Activation, BlockWeights, Conv2d, DepthwiseConv2d, InvertedResidual, Padding, Precision,
};

use crate::{BATCH, values};

/// `[size, channels, wide channels, stride, filters]`; as many channels as wide ones are not expanded.
#[derive(Clone, Copy)]
struct Shape([usize; 5]);

const SHAPES: [Shape; 9] = [
    Shape([90, 32, 32, 1, 16]),
    Shape([90, 16, 96, 2, 24]),
    Shape([45, 24, 144, 1, 24]),
    Shape([45, 24, 144, 2, 32]),
    Shape([23, 32, 192, 1, 32]),
    Shape([23, 32, 192, 2, 64]),
    Shape([12, 64, 384, 1, 64]),
    Shape([12, 96, 576, 1, 96]),
    Shape([6, 160, 960, 1, 160]),
];

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [size, channels, wide, stride, filters] = self.0;
        write!(f, "{size}x{size}x{channels} over {wide}/{stride} to {filters}")
    }
}

impl Shape {
    fn block(&self) -> InvertedResidual {
        let [size, channels, wide, stride, filters] = self.0;
        let depthwise = DepthwiseConv2d {
            batch: BATCH,
            input: [size, size, wide],
            multiplier: 1,
            kernel: [3; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: Padding::same([size; 2], [3; 2], [stride; 2]),
        };
        InvertedResidual {
            expand: (channels != wide).then(|| pointwise([size, size, channels], wide)),
            depthwise,
            filters,
            residual: channels == filters,
            precision: Precision::Float32,
        }
    }

    fn operations(&self) -> ItemsCount {
        let [size, channels, wide, stride, filters] = self.0;
        let out = size.div_ceil(stride);
        let expand = if channels == wide { 0 } else { size * size * channels * wide };
        ItemsCount::new(2 * BATCH * (expand + out * out * wide * (9 + filters)))
    }
}

fn pointwise([height, width, channels]: [usize; 3], filters: usize) -> Conv2d {
    Conv2d {
        batch: BATCH,
        input: [height, width, channels],
        filters,
        kernel: [1; 2],
        strides: [1; 2],
        dilation: [1; 2],
        padding: Padding::default(),
        groups: 1,
        precision: Precision::Float32,
    }
}

#[divan::bench(args = SHAPES, max_time = 0.4, sample_size = 1)]
fn as_one(bencher: Bencher, shape: &Shape) {
    bench_block(bencher, shape, shape.block());
}

#[divan::bench(args = SHAPES, max_time = 0.4, sample_size = 1)]
fn as_one_bfloat16(bencher: Bencher, shape: &Shape) {
    let (precision, block) = (Precision::Bfloat16, shape.block());
    let expand = block.expand.map(|expand| Conv2d { precision, ..expand });
    bench_block(bencher, shape, InvertedResidual { expand, precision, ..block });
}

fn bench_block(bencher: Bencher, shape: &Shape, block: InvertedResidual) {
    let [channels, wide] = [block.input()[2], block.depthwise.input[2]];
    let x = values(BATCH * block.input().iter().product::<usize>());
    let mut y = values(BATCH * block.output().iter().product::<usize>());
    let [expand, depthwise, project] = [channels * wide, 9 * wide, wide * block.filters].map(values);
    fn weights(kernel: &[f32], activation: Activation) -> BlockWeights<'_> {
        BlockWeights { kernel: kernel.into(), bias: None, activation }
    }
    let mut scratch = values(block.forward_scratch());
    bencher.counter(shape.operations()).bench_local(|| {
        let expand = block.expand.map(|_| weights(&expand, Activation::Relu6));
        let (depthwise, project) =
            (weights(&depthwise, Activation::Relu6), weights(&project, Activation::Linear));
        block.forward(&x, expand, depthwise, project, &mut y, &mut scratch);
    });
}

#[divan::bench(args = SHAPES, max_time = 0.4, sample_size = 1)]
fn one_by_one(bencher: Bencher, shape: &Shape) {
    let block = shape.block();
    let wide = block.depthwise.input[2];
    let expand = pointwise(block.input(), wide);
    let project = pointwise(block.depthwise.output(), block.filters);
    let kernels = [expand.kernel_len(), 9 * wide, project.kernel_len()].map(values);
    let x = values(BATCH * block.input().iter().product::<usize>());
    let mut expanded = values(BATCH * block.depthwise.input.iter().product::<usize>());
    let mut convolved = values(BATCH * block.depthwise.output().iter().product::<usize>());
    let mut y = values(BATCH * block.output().iter().product::<usize>());
    let mut scratch = values(expand.forward_scratch().max(project.forward_scratch()));
    bencher.counter(shape.operations()).bench_local(|| {
        if block.expand.is_some() {
            expand.forward(&x, &kernels[0], None, Activation::Relu6, &mut expanded, &mut scratch);
        }
        block.depthwise.forward(&expanded, &kernels[1], None, Activation::Relu6, &mut convolved, &mut []);
        project.forward(&convolved, &kernels[2], None, Activation::Linear, &mut y, &mut scratch);
        if block.residual {
            petal_kernels::add_assign(&mut y, &x);
        }
    });
}
