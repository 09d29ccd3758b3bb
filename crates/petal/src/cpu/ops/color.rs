use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{RandomShift, Run, Shift};

/// Each channel of each image stretched to a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AutoContrast {
    pub pixels: usize,
    pub channels: usize,
    pub range: [f32; 2],
}

impl Operation for AutoContrast {
    fn forward(&self, call: Forward<'_>) {
        let (x, y) = (call.inputs[0], call.output);
        kernels::auto_contrast(call.run.batch(), self.pixels, self.channels, self.range, x, y);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let (x, dy) = (call.inputs[0], &*call.d_output);
        kernels::auto_contrast_backward(call.run.batch(), self.pixels, self.channels, self.range, x, dy, dx);
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }
}

/// Random contrast or brightness of each image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColorOp {
    pub shift: RandomShift,
    pub pixels: usize,
    pub channels: usize,
}

impl ColorOp {
    fn amounts(&self, run: &Run<'_>) -> Vec<f32> {
        run.keys(&self.shift.stream).map(|key| self.shift.draw(key)).collect()
    }
}

impl Operation for ColorOp {
    fn forward(&self, call: Forward<'_>) {
        let amounts = self.amounts(call.run);
        let kernel = match self.shift.kind {
            Shift::Contrast => kernels::contrast,
            Shift::Brightness => kernels::brightness,
        };
        let (x, y) = (call.inputs[0], call.output);
        kernel(call.run.batch(), self.pixels, self.channels, &amounts, self.shift.range, x, y);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let amounts = self.amounts(call.run);
        let kernel = match self.shift.kind {
            Shift::Contrast => kernels::contrast_backward,
            Shift::Brightness => kernels::brightness_backward,
        };
        let (x, dy) = (call.inputs[0], &*call.d_output);
        kernel(call.run.batch(), self.pixels, self.channels, &amounts, self.shift.range, x, dy, dx);
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }
}
