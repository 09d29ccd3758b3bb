use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{RandomErase, Run};

/// Random rectangles filled with a colour or noise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EraseOp {
    pub erase: RandomErase,
    pub image: [usize; 3],
}

impl EraseOp {
    fn rectangles(&self, run: &Run<'_>) -> Vec<kernels::Rectangle> {
        let [height, width, _] = self.image;
        run.keys(&self.erase.stream).map(|key| self.erase.draw([height, width], key)).collect()
    }
}

impl Operation for EraseOp {
    fn forward(&self, call: Forward<'_>) {
        let rectangles = self.rectangles(call.run);
        let fill = match &self.erase.colour {
            Some(colour) => kernels::Fill::Colour(colour),
            None => {
                let range = self.erase.range;
                call.keys.clear();
                call.keys.extend(call.run.keys_within(&self.erase.stream, "noise"));
                kernels::Fill::Noise { keys: call.keys, stddev: range[1], range }
            }
        };
        kernels::erase(self.image, &rectangles, fill, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let rectangles = self.rectangles(call.run);
        kernels::erase_backward(self.image, &rectangles, call.d_output, dx);
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
