//! Measures the steps of a plan.

use petal_kernels::Pixels;

use super::plan::{ForwardStep, Plan};
use crate::profile::{Call, Cost, Measured, Profile};
use crate::program::{GradientStep, Mode, Value};

/// A plan's rows in a profile.
#[derive(Debug)]
pub(super) struct Timing {
    profile: Profile,
    forward: Vec<Timed>,
    backward: Vec<Timed>,
    /// Bytes that the first step reads less of a sample where that is bytes.
    bytes_saved: u64,
}

/// A step's row, and what a call costs.
#[derive(Debug)]
struct Timed {
    row: usize,
    /// For each sample.
    each: Cost,
    /// Bytes of weights and their gradients.
    weights: u64,
}

impl Timing {
    pub(super) fn new(profile: &Profile, mode: Mode, plan: &Plan) -> Self {
        let pass = if mode.trains() { "forward" } else { "infer" };
        Timing {
            profile: profile.clone(),
            forward: plan.forward.iter().map(|step| forward(profile, pass, plan, step)).collect(),
            backward: plan.backward.iter().map(|step| backward(profile, plan, step)).collect(),
            bytes_saved: 3 * plan.buffers[plan.input].per_sample as u64,
        }
    }

    /// All forward steps.
    pub(super) fn forward(&self) -> Measured {
        self.profile.whole("forward")
    }

    /// All backward steps.
    pub(super) fn backward(&self) -> Measured {
        self.profile.whole("backward")
    }

    /// The forward step of this number; `pixels` is the model's input where the step reads it directly.
    pub(super) fn forward_step(&self, number: usize, samples: usize, pixels: Option<Pixels<'_>>) -> Measured {
        let step = &self.forward[number];
        let saved = if matches!(pixels, Some(Pixels::Bytes(_))) { self.bytes_saved } else { 0 };
        self.begin(step, samples, saved)
    }

    pub(super) fn backward_step(&self, number: usize, samples: usize) -> Measured {
        self.begin(&self.backward[number], samples, 0)
    }

    fn begin(&self, step: &Timed, samples: usize, saved: u64) -> Measured {
        let samples = samples as u64;
        let Cost { flops, bytes } = step.each;
        let bytes = samples * (bytes - saved) + step.weights;
        self.profile.begin(step.row, Cost { flops: samples * flops, bytes })
    }
}

fn forward(profile: &Profile, pass: &'static str, plan: &Plan, step: &ForwardStep) -> Timed {
    let weights: usize = step.op.operation().params().iter().map(|param| param.len).sum();
    Timed {
        row: row(profile, &step.layer, step.op.label(), pass),
        each: Cost {
            flops: 2 * step.op.multiply_adds() as u64,
            bytes: bytes(plan, step.inputs.iter().chain([&step.output])),
        },
        weights: floats(weights),
    }
}

fn backward(profile: &Profile, plan: &Plan, step: &GradientStep) -> Timed {
    // Where branches meet there is no step of a layer.
    let of_branches = |operation: &str, values: &[Value]| Timed {
        row: row(profile, "branches", operation.to_owned(), "backward"),
        each: Cost { flops: 0, bytes: bytes(plan, values) },
        weights: 0,
    };
    match step {
        GradientStep::Copy { from, to } => of_branches("copy", &[*from, *to]),
        GradientStep::Accumulate { into, from } => of_branches("add", &[*into, *from, *into]),
        GradientStep::Gradient { step, d_output, d_inputs } => {
            let step = &plan.forward[*step];
            let operation = step.op.operation();
            let (needs, params) = (operation.needs(), operation.params());
            let gradients: usize =
                params.iter().filter(|param| param.gradient.is_some()).map(|param| param.len).sum();
            let (by_weights, by_inputs) = (gradients > 0, d_inputs.iter().any(Option::is_some));
            let weights: usize = params.iter().map(|param| param.len).filter(|_| by_inputs).sum();
            let inputs = step.inputs.iter().filter(|_| needs.inputs);
            let output = [&step.output].into_iter().filter(|_| needs.output);
            let moved = inputs.chain(output).chain([d_output]).chain(d_inputs.iter().flatten());
            let products = u64::from(by_weights) + u64::from(by_inputs);
            Timed {
                row: row(profile, &step.layer, step.op.label(), "backward"),
                each: Cost {
                    flops: 2 * products * step.op.multiply_adds() as u64,
                    bytes: bytes(plan, moved),
                },
                weights: floats(weights + gradients),
            }
        }
    }
}

fn row(profile: &Profile, layer: &str, operation: String, pass: &'static str) -> usize {
    profile.row(Call { name: layer.to_owned(), operation, pass, is_whole: false })
}

/// Bytes of a sample's values.
fn bytes<'a>(plan: &Plan, values: impl IntoIterator<Item = &'a Value>) -> u64 {
    floats(values.into_iter().map(|&value| plan.buffers[value].per_sample).sum())
}

fn floats(count: usize) -> u64 {
    (count * size_of::<f32>()) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::cpu::Cpu;
    use crate::layers::*;
    use crate::model::Model;
    use crate::profile::{Cost, Profile};
    use crate::program::{Engine, Gradient, Mode, Run};

    const BATCH: u64 = 4;

    /// The profile of a call forward and, in training, one backward.
    fn profile_of(model: &Model, mode: Mode, gradient: Gradient) -> Profile {
        let profile = Profile::new();
        let mut engine = Cpu::profiled(profile.clone());
        let program = engine.load(model.program(mode, gradient), 8).unwrap();
        engine.set_weights(Arc::new(model.shared_weights().to_vec()));
        let run = Run { samples: &[0, 1, 2, 3], epoch: 0, seed: 0 };
        let inputs = vec![1u8; BATCH as usize * model.input_shape().elements()];
        engine.forward(program, run, (&inputs[..]).into()).unwrap();
        if gradient == Gradient::Weights {
            engine.backward(program, run).unwrap();
        }
        profile
    }

    #[test]
    fn a_step_costs_what_its_shape_says() {
        let x = Input::image(12, 10, 3);
        let h = Rescaling::new(0.5).name("scale").on(&x).unwrap();
        let h = Conv2D::new(16, 3).same().strides(2).name("first").on(&h).unwrap();
        let h = Conv2D::new(24, 3).same().name("winograd").on(&h).unwrap();
        let h = DepthwiseConv2D::new(3).name("depthwise").on(&h).unwrap();
        let h = Conv2D::new(6, 1).groups(2).name("groups").on(&h).unwrap();
        let h = Dense::new(5).name("dense").on(&Flatten::new().on(&h).unwrap()).unwrap();
        let profile = profile_of(&Model::new(&x, &h).unwrap(), Mode::Train, Gradient::Weights);
        let cost = |layer: &str, pass: &str| {
            let (calls, cost) = profile.cost_of(layer, pass).unwrap();
            assert_eq!(calls, 1);
            cost
        };

        // Pixels out × weights; backward once for the weights and once for the input, if a weight lies before it.
        let flops = |multiply_adds: u64| 2 * BATCH * multiply_adds;
        for (layer, multiply_adds, backward) in [
            ("first", 6 * 5 * (9 * 3 * 16), 1),
            ("winograd", 6 * 5 * (9 * 16 * 24), 2),
            ("depthwise", 4 * 3 * (9 * 24), 2),
            ("groups", 4 * 3 * (12 * 6), 2),
            ("dense", 4 * 3 * 6 * 5, 2),
        ] {
            assert_eq!(cost(layer, "forward").flops, flops(multiply_adds), "{layer}");
            assert_eq!(cost(layer, "backward").flops, backward * flops(multiply_adds), "{layer}");
        }

        let floats = |count: u64| 4 * count;
        let [x, first, winograd] = [12 * 10 * 3, 6 * 5 * 16, 6 * 5 * 24];
        assert_eq!(cost("scale", "forward"), Cost { flops: 0, bytes: BATCH * (x + floats(x)) });
        let (kernel, bias) = (9 * 16 * 24, 24);
        let forward = BATCH * floats(first + winograd) + floats(kernel + bias);
        assert_eq!(cost("winograd", "forward").bytes, forward);
        // Input, its gradient and that of the output; weights and their gradients.
        let backward = BATCH * floats(2 * first + winograd) + 2 * floats(kernel + bias);
        assert_eq!(cost("winograd", "backward").bytes, backward);
    }

    #[test]
    fn steps_that_are_one_cost_what_they_do_together() {
        let x = Input::image(16, 16, 16);
        let h = Conv2D::new(96, 1).use_bias(false).on(&x).unwrap();
        let h = DepthwiseConv2D::new(3).same().use_bias(false).on(&h).unwrap();
        let h = Conv2D::new(16, 1).use_bias(false).name("project").on(&h).unwrap();
        let profile = profile_of(&Model::new(&x, &h).unwrap(), Mode::Infer, Gradient::None);
        let (_, cost) = profile.cost_of("project", "infer").unwrap();
        assert_eq!(cost.flops, 2 * BATCH * 16 * 16 * (16 * 96 + 9 * 96 + 96 * 16));

        let x = Input::image(16, 16, 16);
        let h = Conv2D::new(24, 3).same().relu().name("pooled").on(&x).unwrap();
        let h = MaxPooling2D::new(2).on(&h).unwrap();
        let profile = profile_of(&Model::new(&x, &h).unwrap(), Mode::Train, Gradient::Weights);
        let flops = 2 * BATCH * 16 * 16 * (9 * 16 * 24);
        assert_eq!(profile.cost_of("pooled", "forward").unwrap().1.flops, flops);
        assert_eq!(profile.cost_of("pooled", "backward").unwrap().1.flops, flops);
    }
}
