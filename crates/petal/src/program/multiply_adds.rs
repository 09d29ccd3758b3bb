use super::{Op, Program};

impl Program {
    /// The multiplications, each with an addition, of convolutions and dense layers for one sample, as they are defined:
    /// an engine may do with fewer, and a padding's zeros count.
    pub fn multiply_adds(&self) -> usize {
        let of_a_value = |kernel: usize, axes: usize| self.weights[kernel].shape[..axes].iter().product();
        let steps = self.steps.iter().map(|step| {
            let factors: usize = match &step.op {
                Op::Conv2d(conv) => of_a_value(conv.kernel, 3),
                Op::DepthwiseConv2d(conv) => of_a_value(conv.kernel, 2),
                Op::Dense(dense) => of_a_value(dense.kernel, 1),
                _ => 0,
            };
            factors * self.values[step.output].elements()
        });
        steps.sum()
    }
}

#[cfg(test)]
mod tests {
    use crate::applications::Application;
    use crate::program::{Gradient, Mode};

    #[test]
    fn multiply_adds_are_those_that_papers_state() {
        // In millions: table 4 of MobileNetV2's paper, and Keras' documentation of MobileNetV3.
        for (application, millions) in [(Application::MobileNetV2, 300), (Application::MobileNetV3Large, 217)]
        {
            let program = application.graph(true).unwrap().program(Mode::Infer, Gradient::None);
            let found = program.multiply_adds() / 1_000_000;
            assert!(found.abs_diff(millions) <= 2, "{found} for {application:?}");
        }
    }
}
