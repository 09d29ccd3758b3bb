use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::Grid;

/// Rounding to the numbers of a grid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FakeQuantize(pub Grid);

impl Operation for FakeQuantize {
    fn forward(&self, call: Forward<'_>) {
        kernels::fake_quantize(self.0.scale, self.0.zero_point, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            d_input.copy_from_slice(call.d_output);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
