//! Operations on each value or pixel by itself.

use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Op, Operation};

/// The sum of two or more inputs. Its backward step is none: the plan hands the output's gradient on.
pub(crate) struct Add;

impl Operation for Add {
    fn forward(&self, call: Forward<'_>) {
        kernels::add(call.inputs[0], call.inputs[1], call.output);
        for input in &call.inputs[2..] {
            kernels::add_assign(call.output, input);
        }
    }

    fn backward(&self, _call: Backward<'_>) {}

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// The largest or the smallest of two or more inputs, value by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extremum {
    Maximum,
    Minimum,
}

impl Operation for Extremum {
    fn forward(&self, call: Forward<'_>) {
        let assign = match self {
            Extremum::Maximum => kernels::maximum_assign,
            Extremum::Minimum => kernels::minimum_assign,
        };
        kernels::copy(call.inputs[0], call.output);
        for input in &call.inputs[1..] {
            assign(call.output, input);
        }
    }

    fn backward(&self, call: Backward<'_>) {
        for (i, d_input) in call.d_inputs.into_iter().enumerate() {
            if let Some(d_input) = d_input {
                kernels::chosen_gradient(&call.inputs, i, call.output, call.d_output, d_input);
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: true }
    }
}

/// The product of two or more inputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Multiply {
    /// The output's values in a sample.
    pub elements: usize,
    /// How often each input's values come in a sample of the output, over and over.
    pub repeats: Vec<usize>,
}

impl Multiply {
    /// `y *= input`, with the values of input number `i` repeated.
    fn times(&self, batch: usize, i: usize, input: &[f32], y: &mut [f32]) {
        match self.repeats[i] {
            1 => kernels::multiply_assign(y, input),
            rows => kernels::multiply_rows_assign(batch, rows, self.elements / rows, y, input),
        }
    }

    /// `y *=` all inputs but one.
    fn times_all_but(&self, batch: usize, without: usize, inputs: &[&[f32]], y: &mut [f32]) {
        for (i, input) in inputs.iter().enumerate().filter(|&(i, _)| i != without) {
            self.times(batch, i, input, y);
        }
    }
}

impl Operation for Multiply {
    fn forward(&self, call: Forward<'_>) {
        let batch = call.run.batch();
        let rows = self.repeats[0];
        kernels::repeat_rows(batch, rows, self.elements / rows, call.inputs[0], call.output);
        self.times_all_but(batch, 0, &call.inputs, call.output);
    }

    fn backward(&self, call: Backward<'_>) {
        let batch = call.run.batch();
        for (i, d_input) in call.d_inputs.into_iter().enumerate() {
            let Some(d_input) = d_input else { continue };
            let rows = self.repeats[i];
            if rows == 1 {
                d_input.copy_from_slice(call.d_output);
                self.times_all_but(batch, i, &call.inputs, d_input);
            } else {
                let product = &mut call.scratch[..call.d_output.len()];
                product.copy_from_slice(call.d_output);
                self.times_all_but(batch, i, &call.inputs, product);
                kernels::sum_rows(batch, rows, self.elements / rows, product, d_input);
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        let repeated = self.repeats.iter().any(|&rows| rows > 1);
        [0, if repeated { batch * self.elements } else { 0 }]
    }
}

/// Scale, reversal, softmax with its logarithm, and the activation functions.
impl Operation for Op {
    fn forward(&self, call: Forward<'_>) {
        match self {
            Op::Scale { scale, offset } => kernels::scale_offset(call.pixels(), *scale, *offset, call.output),
            Op::ReverseChannels { channels } => {
                kernels::reverse_channels(*channels, call.inputs[0], call.output);
            }
            Op::Softmax { rows, classes } => {
                kernels::softmax_forward(rows * call.run.batch(), *classes, call.inputs[0], call.output);
            }
            Op::LogSoftmax { rows, classes } => {
                kernels::log_softmax_forward(rows * call.run.batch(), *classes, call.inputs[0], call.output);
            }
            Op::Unary(unary) => unary.forward(call.inputs[0], call.output),
            _ => unreachable!("operation() gives the operation itself only for the variants above"),
        }
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(d_input) = call.d_inputs[0].take() else { return };
        match self {
            Op::Scale { scale, .. } => kernels::scale_offset(&*call.d_output, *scale, 0.0, d_input),
            Op::ReverseChannels { channels } => {
                kernels::reverse_channels(*channels, call.d_output, d_input);
            }
            Op::Softmax { rows, classes } => {
                let (y, dy) = (call.output, &*call.d_output);
                kernels::softmax_backward(rows * call.run.batch(), *classes, y, dy, d_input);
            }
            Op::LogSoftmax { rows, classes } => {
                let (y, dy) = (call.output, &*call.d_output);
                kernels::log_softmax_backward(rows * call.run.batch(), *classes, y, dy, d_input);
            }
            Op::Unary(unary) => unary.backward(call.inputs[0], call.output, call.d_output, d_input),
            _ => unreachable!("operation() gives the operation itself only for the variants above"),
        }
    }

    fn reads_bytes(&self) -> bool {
        matches!(self, Op::Scale { .. })
    }

    fn needs(&self) -> Needs {
        match self {
            Op::Softmax { .. } | Op::LogSoftmax { .. } => Needs { inputs: false, output: true },
            Op::Unary(_) => Needs { inputs: true, output: true },
            _ => Needs::default(),
        }
    }
}
