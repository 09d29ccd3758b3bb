use petal_kernels as kernels;
use smallvec::SmallVec;

use super::weighted::Weighted;
use crate::cpu::{Backward, Forward, Needs, Operation, Param};

/// A convolution to many channels, a depthwise one, a 1×1 convolution back, and maybe the input added: forward only, so
/// it stands where no gradient goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InvertedResidual {
    pub expand: Option<Weighted<kernels::Conv2d>>,
    pub depthwise: Weighted<kernels::DepthwiseConv2d>,
    pub project: Weighted<kernels::Conv2d>,
    pub residual: bool,
}

impl InvertedResidual {
    /// The kernel for a batch.
    pub(crate) fn shape(&self, batch: usize) -> kernels::InvertedResidual {
        kernels::InvertedResidual {
            expand: self.expand.as_ref().map(|expand| kernels::Conv2d { batch, ..expand.shape }),
            depthwise: kernels::DepthwiseConv2d { batch, ..self.depthwise.shape },
            filters: self.project.shape.filters,
            residual: self.residual,
            precision: self.project.shape.precision,
        }
    }

    fn convolutions(&self) -> impl Iterator<Item = &dyn Operation> {
        let expand = self.expand.as_ref().map(|expand| expand as &dyn Operation);
        expand.into_iter().chain([&self.depthwise as &dyn Operation, &self.project])
    }
}

impl Operation for InvertedResidual {
    fn forward(&self, call: Forward<'_>) {
        let (weights, packed) = (call.weights, call.packed);
        let expand_len = self.expand.as_ref().map_or(0, |expand| expand.saved_len(0));
        let (expand, saved) = call.saved.split_at_mut(expand_len);
        let (depthwise, project) = saved.split_at_mut(self.depthwise.saved_len(0));
        let expand = self.expand.as_ref().map(|own| own.effective(weights, packed, expand));
        let depthwise = self.depthwise.effective(weights, packed, depthwise);
        let project = self.project.effective(weights, packed, project);
        let shape = self.shape(call.run.batch());
        shape.forward(call.inputs[0], expand, depthwise, project, call.output, call.scratch);
    }

    fn backward(&self, _call: Backward<'_>) {
        unreachable!("a block is made of convolutions only where no gradient goes");
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        self.convolutions().flat_map(Operation::params).collect()
    }

    fn saved_len(&self, batch: usize) -> usize {
        self.convolutions().map(|convolution| convolution.saved_len(batch)).sum()
    }

    fn scratch_len(&self, batch: usize) -> [usize; 2] {
        [self.shape(batch).forward_scratch(), 0]
    }
}
