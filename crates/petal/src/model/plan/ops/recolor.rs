use petal_kernels as kernels;

use crate::layers::{
    RandomColorDegeneration, RandomGrayscale, RandomInvert, RandomPosterization, Solarization,
};
use crate::model::plan::{Backward, Forward, Needs, Operation, Run};
use crate::random::Key;

/// A layer that draws how the colours of each image change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Draw {
    Degenerate(RandomColorDegeneration),
    Gray(RandomGrayscale),
    Invert(RandomInvert),
    Posterize(RandomPosterization),
    Solarize(Solarization),
}

/// Random changes of colours, pixel by pixel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecolorOp {
    pub draw: Draw,
    pub channels: usize,
    pub stream: Key,
}

impl RecolorOp {
    fn recolors(&self, run: &Run<'_>, keys: &mut Vec<u64>) -> Vec<kernels::Recolor> {
        run.fill_keys(self.stream, keys);
        let draw = |&key: &u64| {
            let generator = &mut Key::from_bits(key).generator();
            match &self.draw {
                Draw::Degenerate(layer) => layer.draw(generator),
                Draw::Gray(layer) => layer.draw(generator),
                Draw::Invert(layer) => layer.draw(generator),
                Draw::Posterize(layer) => layer.draw(generator),
                Draw::Solarize(layer) => layer.draw(generator),
            }
        };
        keys.iter().map(draw).collect()
    }
}

impl Operation for RecolorOp {
    fn forward(&self, call: Forward<'_>) {
        let recolors = self.recolors(call.run, call.keys);
        kernels::recolor(self.channels, &recolors, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let recolors = self.recolors(call.run, call.keys);
        kernels::recolor_backward(self.channels, &recolors, call.inputs[0], call.d_output, dx);
    }

    fn is_constant(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs { inputs: true, output: false }
    }
}
