use petal_kernels as kernels;

use crate::model::plan::{Backward, Forward, Needs, Operation};

/// Max pooling; keeps where each maximum was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MaxPool {
    pub pool: kernels::Pool2d,
}

impl MaxPool {
    fn at(&self, batch: usize) -> kernels::Pool2d {
        kernels::Pool2d { batch, ..self.pool }
    }
}

impl Operation for MaxPool {
    fn forward(&self, call: Forward<'_>) {
        self.at(call.run.batch()).max_forward(call.inputs[0], call.output, call.mask);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            self.at(call.run.batch()).max_backward(call.d_output, call.mask, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn mask_len(&self, batch: usize) -> usize {
        self.at(batch).arg_bytes()
    }
}
