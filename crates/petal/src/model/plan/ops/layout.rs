//! Operations that only move values: joining several inputs, exchanging two axes.

use petal_kernels as kernels;

use crate::model::plan::{Backward, Forward, Needs, Operation};

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

/// `[outer, rows, columns]` → `[outer, columns, rows]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SwapAxes {
    pub outer: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Operation for SwapAxes {
    fn forward(&self, call: Forward<'_>) {
        let outer = self.outer * call.run.batch();
        kernels::swap_axes(outer, self.rows, self.columns, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            let outer = self.outer * call.run.batch();
            kernels::swap_axes(outer, self.columns, self.rows, call.d_output, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
