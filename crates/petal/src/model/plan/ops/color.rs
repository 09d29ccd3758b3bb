use petal_kernels as kernels;

use crate::model::plan::{Backward, Forward, Needs, Operation, Run};
use crate::random::Key;

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

/// What [`ColorOp`] changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Color {
    Contrast,
    Brightness,
}

/// Random contrast or brightness of each image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColorOp {
    pub color: Color,
    /// The range of the factors of contrast, or of what brightness adds.
    pub draws: [f32; 2],
    /// The range that values are clipped to.
    pub range: [f32; 2],
    pub pixels: usize,
    pub channels: usize,
    pub stream: Key,
}

impl ColorOp {
    fn amounts(&self, run: &Run<'_>, keys: &mut Vec<u64>) -> Vec<f32> {
        let [low, high] = self.draws;
        run.fill_keys(self.stream, keys);
        keys.iter().map(|&key| Key::from_bits(key).generator().uniform_in(low, high)).collect()
    }
}

impl Operation for ColorOp {
    fn forward(&self, call: Forward<'_>) {
        let amounts = self.amounts(call.run, call.keys);
        let kernel = match self.color {
            Color::Contrast => kernels::contrast,
            Color::Brightness => kernels::brightness,
        };
        let (x, y) = (call.inputs[0], call.output);
        kernel(call.run.batch(), self.pixels, self.channels, &amounts, self.range, x, y);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let amounts = self.amounts(call.run, call.keys);
        let kernel = match self.color {
            Color::Contrast => kernels::contrast_backward,
            Color::Brightness => kernels::brightness_backward,
        };
        let (x, dy) = (call.inputs[0], &*call.d_output);
        kernel(call.run.batch(), self.pixels, self.channels, &amounts, self.range, x, dy, dx);
    }

    fn is_constant(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }
}
