//! Convolution with its activation + max pooling over 2×2 windows → one step.

use petal_kernels as kernels;

use crate::cpu::op::Op;
use crate::cpu::ops::pooled_conv2d::PooledConv2d;
use crate::program::{Step, Value, absorb};

pub(super) fn run(steps: &mut Vec<Step<Op>>, kept: &[Option<Value>]) {
    absorb(steps, kept, |before, op| {
        let Op::MaxPool(pool) = op else { return false };
        let Some(fused) = fuse(before, &pool.pool) else { return false };
        *before = Op::PooledConv2d(fused);
        true
    });
}

fn fuse(op: &Op, pool: &kernels::Pool2d) -> Option<PooledConv2d> {
    let Op::Conv2d(conv) = op else { return None };
    let two_by_two = pool.window == [2, 2] && pool.strides == [2, 2];
    let same = pool.padding == kernels::Padding::default();
    let supported = conv.norm.is_none() && kernels::PooledConv2d::supports(&conv.shape);
    (two_by_two && same && supported).then_some(PooledConv2d {
        shape: kernels::PooledConv2d { conv: conv.shape },
        packed: None,
        kernel: conv.kernel,
        bias: conv.bias,
        activations: conv.activations,
    })
}
