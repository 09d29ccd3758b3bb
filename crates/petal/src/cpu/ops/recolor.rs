use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{RandomRecolor, Recolor, Run};

/// Random changes of colours, pixel by pixel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecolorOp {
    pub recolor: RandomRecolor,
    pub channels: usize,
}

impl RecolorOp {
    fn recolors(&self, run: &Run<'_>) -> Vec<kernels::Recolor> {
        run.keys(&self.recolor.stream).map(|key| kernel(self.recolor.kind.draw(key))).collect()
    }
}

pub(super) fn kernel(recolor: Recolor) -> kernels::Recolor {
    match recolor {
        Recolor::Keep => kernels::Recolor::Keep,
        Recolor::Gray { share, range } => kernels::Recolor::Gray { share, range },
        Recolor::Invert { high } => kernels::Recolor::Invert { high },
        Recolor::Posterize { bits, range } => kernels::Recolor::Posterize { bits, range },
        Recolor::Solarize { addition, threshold, range } => {
            kernels::Recolor::Solarize { addition, threshold, range }
        }
    }
}

impl Operation for RecolorOp {
    fn forward(&self, call: Forward<'_>) {
        let recolors = self.recolors(call.run);
        kernels::recolor(self.channels, &recolors, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let recolors = self.recolors(call.run);
        kernels::recolor_backward(self.channels, &recolors, call.inputs[0], call.d_output, dx);
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }
}
