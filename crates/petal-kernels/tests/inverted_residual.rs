//! A block as one kernel gives the bits of its convolutions one after the other.

mod reference;

use petal_kernels::{
    Activation, BlockWeights, Conv2d, DepthwiseConv2d, InvertedResidual, Padding, Precision,
};
use proptest::prelude::*;
use reference::{unset, values};

/// Of `x`, `y` and scratch.
type Run<'a> = &'a dyn Fn(&[f32], &mut [f32], &mut [f32]);

fn pointwise(
    batch: usize,
    [height, width, channels]: [usize; 3],
    filters: usize,
    precision: Precision,
) -> Conv2d {
    Conv2d {
        batch,
        input: [height, width, channels],
        filters,
        kernel: [1; 2],
        strides: [1; 2],
        dilation: [1; 2],
        padding: Padding::default(),
        groups: 1,
        precision,
    }
}

fn check(block: InvertedResidual) -> Result<(), TestCaseError> {
    let (batch, wide) = (block.depthwise.batch, block.depthwise.input[2]);
    let (input, output) = (block.input(), block.output());
    let mut x = values(batch * input.iter().product::<usize>(), 1);
    if let Some(x) = x.last_mut() {
        *x = f32::NAN;
    }
    let expand = block.expand.unwrap_or(pointwise(batch, input, wide, block.precision));
    let project = pointwise(batch, block.depthwise.output(), block.filters, block.precision);
    let kernels = [expand.kernel_len(), block.depthwise.kernel_len(), project.kernel_len()];
    let kernels: Vec<_> = kernels.into_iter().zip(2..).map(|(len, seed)| values(len, seed)).collect();
    let biases = [values(wide, 5), values(wide, 6), values(block.filters, 7)];
    let weights = |i: usize, activation| BlockWeights {
        kernel: (&kernels[i]).into(),
        bias: Some(&biases[i]),
        activation,
    };

    let mut h = x.clone();
    let mut apply = |len: usize, scratch: usize, run: Run<'_>| {
        let mut y = unset(len);
        run(&h, &mut y, &mut unset(scratch));
        h = y;
    };
    if block.expand.is_some() {
        let len = batch * block.depthwise.input.iter().product::<usize>();
        apply(len, expand.forward_scratch(), &|x, y, scratch| {
            expand.forward(x, &kernels[0], Some(&biases[0]), Activation::Relu6, y, scratch);
        });
    }
    let len = batch * block.depthwise.output().iter().product::<usize>();
    apply(len, block.depthwise.forward_scratch(), &|x, y, scratch| {
        block.depthwise.forward(x, &kernels[1], Some(&biases[1]), Activation::Relu6, y, scratch);
    });
    apply(batch * output.iter().product::<usize>(), project.forward_scratch(), &|x, y, scratch| {
        project.forward(x, &kernels[2], Some(&biases[2]), Activation::Linear, y, scratch);
    });
    if block.residual {
        h.iter_mut().zip(&x).for_each(|(h, x)| *h += x);
    }

    let mut y = unset(h.len());
    let expand = block.expand.map(|_| weights(0, Activation::Relu6));
    let (depthwise, project) = (weights(1, Activation::Relu6), weights(2, Activation::Linear));
    block.forward(&x, expand, depthwise, project, &mut y, &mut unset(block.forward_scratch()));
    for (i, (y, expected)) in y.iter().zip(&h).enumerate() {
        prop_assert!(
            y.to_bits() == expected.to_bits() || (y.is_nan() && expected.is_nan()),
            "{i}: {y} {expected}"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_block_is_its_convolutions(
        batch in 1usize..4,
        [height, width] in prop::array::uniform2(1usize..40),
        channels in 1usize..20,
        wide in 1usize..150,
        filters in 1usize..20,
        stride in 1usize..3,
        [top, bottom, left, right] in prop::array::uniform4(0usize..3),
        [expands, residual, rounds] in prop::array::uniform3(any::<bool>()),
    ) {
        let input = [height, width, wide];
        let padding = Padding { top, bottom, left, right };
        let depthwise = DepthwiseConv2d {
            batch, input, multiplier: 1, kernel: [3; 2], strides: [stride; 2], dilation: [1; 2], padding,
        };
        let [out_height, out_width, _] = depthwise.output();
        let channels = if expands { channels } else { wide };
        let residual = residual && [out_height, out_width] == [height, width];
        let filters = if residual { channels } else { filters };
        let precision = if rounds { Precision::Bfloat16 } else { Precision::Float32 };
        let expand = expands.then(|| pointwise(batch, [height, width, channels], wide, precision));
        check(InvertedResidual { expand, depthwise, filters, residual, precision })?;
    }

    #[test]
    fn a_block_may_begin_with_any_convolution_that_makes_rows(
        batch in 1usize..4,
        size in prop::array::uniform2(5usize..60),
        [channels, wide] in [1usize..6, 1usize..80],
        filters in 1usize..20,
        [kernel, strides] in prop::array::uniform2(prop::array::uniform2(1usize..4)),
        stride in 1usize..3,
    ) {
        let expand = Conv2d {
            kernel, strides,
            padding: Padding::same(size, kernel, strides),
            ..pointwise(batch, [size[0], size[1], channels], wide, Precision::Float32)
        };
        prop_assume!(expand.makes_rows());
        let [height, width, _] = expand.output();
        let depthwise = DepthwiseConv2d {
            batch, input: expand.output(), multiplier: 1, kernel: [3; 2], strides: [stride; 2], dilation: [1; 2],
            padding: Padding::same([height, width], [3; 2], [stride; 2]),
        };
        let precision = Precision::Float32;
        check(InvertedResidual { expand: Some(expand), depthwise, filters, residual: false, precision })?;
    }
}

#[test]
fn blocks_of_mobilenet_v2_are_their_convolutions() {
    let block = |size: usize, channels, wide, stride, filters, expands: bool| {
        let depthwise = DepthwiseConv2d {
            batch: 2,
            input: [size, size, wide],
            multiplier: 1,
            kernel: [3; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: Padding::same([size; 2], [3; 2], [stride; 2]),
        };
        let block = InvertedResidual {
            expand: expands.then(|| pointwise(2, [size, size, channels], wide, Precision::Float32)),
            depthwise,
            filters,
            residual: stride == 1 && filters == channels,
            precision: Precision::Float32,
        };
        assert!(block.is_worthwhile());
        check(block).unwrap();
        let precision = Precision::Bfloat16;
        let expand = block.expand.map(|expand| Conv2d { precision, ..expand });
        check(InvertedResidual { expand, precision, ..block }).unwrap();
    };
    block(90, 32, 32, 1, 16, false);
    block(90, 16, 96, 2, 24, true);
    block(45, 24, 144, 1, 24, true);
    block(12, 64, 384, 1, 64, true);
}
