use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{Mix, RandomMix, Run};

/// Images mixed with others of their batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MixOp {
    pub mix: RandomMix,
    pub image: [usize; 3],
}

impl MixOp {
    fn draws(&self, run: &Run<'_>) -> (Vec<kernels::Mix>, Vec<usize>) {
        let [height, width, _] = self.image;
        let (mixes, partners) = self.mix.draw_batch([height, width], run);
        let kernel = |mix| match mix {
            Mix::Blend { share } => kernels::Mix::Blend { share },
            Mix::Paste { rectangle, .. } => kernels::Mix::Paste { rectangle },
        };
        (mixes.into_iter().map(kernel).collect(), partners)
    }
}

impl Operation for MixOp {
    fn forward(&self, call: Forward<'_>) {
        let (mixes, partners) = self.draws(call.run);
        kernels::mix(self.image, &mixes, &partners, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let (mixes, partners) = self.draws(call.run);
        kernels::mix_backward(self.image, &mixes, &partners, call.d_output, dx);
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
