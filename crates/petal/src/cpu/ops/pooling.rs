use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};

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
        let pool = self.at(call.run.batch());
        let arg = &mut call.mask[..pool.arg_bytes()];
        pool.max_forward(call.inputs[0], call.output, arg);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            let pool = self.at(call.run.batch());
            pool.max_backward(call.d_output, &call.mask[..pool.arg_bytes()], d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn mask_len(&self, batch: usize) -> usize {
        self.at(batch).arg_bytes()
    }
}

/// Average pooling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AveragePool {
    pub pool: kernels::Pool2d,
}

impl Operation for AveragePool {
    fn forward(&self, call: Forward<'_>) {
        let pool = kernels::Pool2d { batch: call.run.batch(), ..self.pool };
        pool.average_forward(call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            let pool = kernels::Pool2d { batch: call.run.batch(), ..self.pool };
            pool.average_backward(call.d_output, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// The mean or the maximum of each channel over all pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GlobalPool {
    pub pixels: usize,
    pub channels: usize,
    pub kind: GlobalPoolKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum GlobalPoolKind {
    Average,
    Max,
}

impl Operation for GlobalPool {
    fn forward(&self, call: Forward<'_>) {
        let forward = match self.kind {
            GlobalPoolKind::Average => kernels::global_average_forward,
            GlobalPoolKind::Max => kernels::global_max_forward,
        };
        forward(call.run.batch(), self.pixels, self.channels, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let (batch, pixels, channels) = (call.run.batch(), self.pixels, self.channels);
        match self.kind {
            GlobalPoolKind::Average => {
                kernels::global_average_backward(batch, pixels, channels, call.d_output, dx);
            }
            GlobalPoolKind::Max => {
                let (x, y) = (call.inputs[0], call.output);
                kernels::global_max_backward(batch, pixels, channels, x, y, call.d_output, dx);
            }
        }
    }

    fn needs(&self) -> Needs {
        let max = self.kind == GlobalPoolKind::Max;
        Needs { inputs: max, output: max }
    }
}
