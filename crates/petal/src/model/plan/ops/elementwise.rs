//! Operations on each value by itself, small enough to need no settings of their own.

use petal_kernels as kernels;

use crate::model::plan::{Backward, Forward, Needs, Op, Operation};

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

/// The product of two or more inputs.
pub(crate) struct Multiply;

/// `y` = `factor` times the product of all inputs but one.
fn product_without(inputs: &[&[f32]], without: usize, factor: &[f32], y: &mut [f32]) {
    y.copy_from_slice(factor);
    for (_, input) in inputs.iter().enumerate().filter(|&(i, _)| i != without) {
        kernels::multiply_assign(y, input);
    }
}

impl Operation for Multiply {
    fn forward(&self, call: Forward<'_>) {
        product_without(&call.inputs, 0, call.inputs[0], call.output);
    }

    fn backward(&self, call: Backward<'_>) {
        for (i, d_input) in call.d_inputs.into_iter().enumerate() {
            let Some(d_input) = d_input else { continue };
            product_without(&call.inputs, i, call.d_output, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }
}

/// Scale, softmax and the activation functions.
impl Operation for Op {
    fn forward(&self, call: Forward<'_>) {
        match self {
            Op::Scale { scale, offset } => {
                kernels::scale_offset(call.inputs[0], *scale, *offset, call.output)
            }
            Op::Softmax { rows, classes } => {
                kernels::softmax_forward(rows * call.run.batch(), *classes, call.inputs[0], call.output);
            }
            Op::Unary(unary) => unary.forward(call.inputs[0], call.output),
            _ => self.operation().forward(call),
        }
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(d_input) = call.d_inputs[0].take() else { return };
        match self {
            Op::Scale { scale, .. } => kernels::scale_offset(call.d_output, *scale, 0.0, d_input),
            Op::Softmax { rows, classes } => {
                kernels::softmax_backward(
                    rows * call.run.batch(),
                    *classes,
                    call.output,
                    call.d_output,
                    d_input,
                );
            }
            Op::Unary(unary) => unary.backward(call.inputs[0], call.output, call.d_output, d_input),
            _ => unreachable!("operation() gives the operation itself only for the variants above"),
        }
    }

    fn needs(&self) -> Needs {
        match self {
            Op::Softmax { .. } => Needs { inputs: false, output: true },
            Op::Unary(_) => Needs { inputs: true, output: true },
            _ => Needs::default(),
        }
    }
}
