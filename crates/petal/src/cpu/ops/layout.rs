//! Operations that only move values: joining several inputs, another order of the axes.

use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};

/// Several inputs one after the other along an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Concatenate {
    /// The values of a sample before the axis.
    pub outer: usize,
    /// For each input its values from the axis on.
    pub parts: Vec<usize>,
}

impl Operation for Concatenate {
    fn forward(&self, call: Forward<'_>) {
        let (outer, whole) = (self.outer * call.run.batch(), self.parts.iter().sum());
        let mut offset = 0;
        for (x, &part) in call.inputs.iter().zip(&self.parts) {
            kernels::copy_block(outer, part, whole, offset, x, call.output);
            offset += part;
        }
    }

    fn backward(&self, call: Backward<'_>) {
        let (outer, whole) = (self.outer * call.run.batch(), self.parts.iter().sum());
        let mut offset = 0;
        for (dx, &part) in call.d_inputs.into_iter().zip(&self.parts) {
            if let Some(dx) = dx {
                kernels::extract_block(outer, whole, part, offset, call.d_output, dx);
            }
            offset += part;
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// Another order of the axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transpose {
    /// The input's shape, without the batch.
    pub shape: Vec<usize>,
    /// For each axis of the output that of the input, both counted without the batch.
    pub order: Vec<usize>,
}

impl Transpose {
    /// With the batch as the first axis, which stays.
    fn apply(batch: usize, shape: &[usize], order: &[usize], x: &[f32], y: &mut [f32]) {
        let shape: Vec<usize> = [batch].iter().chain(shape).copied().collect();
        let order: Vec<usize> = [0].into_iter().chain(order.iter().map(|axis| axis + 1)).collect();
        kernels::transpose(&shape, &order, x, y);
    }
}

impl Operation for Transpose {
    fn forward(&self, call: Forward<'_>) {
        Transpose::apply(call.run.batch(), &self.shape, &self.order, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(d_input) = call.d_inputs[0].take() else { return };
        let shape: Vec<usize> = self.order.iter().map(|&axis| self.shape[axis]).collect();
        let mut order = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(to, &from)| order[from] = to);
        Transpose::apply(call.run.batch(), &shape, &order, call.d_output, d_input);
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
