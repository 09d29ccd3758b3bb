use petal_kernels as kernels;

use crate::layers::RandomErasing;
use crate::model::plan::{Backward, Forward, Needs, Operation, Run};
use crate::random::Key;

/// Random rectangles filled with a colour or noise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EraseOp {
    pub layer: RandomErasing,
    pub image: [usize; 3],
    pub stream: Key,
}

impl EraseOp {
    fn rectangles(&self, run: &Run<'_>, keys: &mut Vec<u64>) -> Vec<kernels::Rectangle> {
        let [height, width, _] = self.image;
        run.fill_keys(self.stream, keys);
        keys.iter()
            .map(|&key| self.layer.draw([height, width], &mut Key::from_bits(key).generator()))
            .collect()
    }
}

impl Operation for EraseOp {
    fn forward(&self, call: Forward<'_>) {
        let rectangles = self.rectangles(call.run, call.keys);
        let colour = self.layer.colour(self.image[2]);
        let fill = match &colour {
            Some(colour) => kernels::Fill::Colour(colour),
            None => {
                let range = self.layer.range();
                call.run.fill_keys(self.stream.named("noise"), call.keys);
                kernels::Fill::Noise { keys: call.keys, stddev: range[1], range }
            }
        };
        kernels::erase(self.image, &rectangles, fill, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let rectangles = self.rectangles(call.run, call.keys);
        kernels::erase_backward(self.image, &rectangles, call.d_output, dx);
    }

    fn is_constant(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
