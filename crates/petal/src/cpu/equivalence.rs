//! Passes and the number of threads change nothing.

use std::sync::Arc;

use petal_kernels::Pixels;

use super::runner::Runner;
use super::{Passes, Plan};
use crate::applications::{MobileNetV2, Weights};
use crate::layers::*;
use crate::model::{Model, Sequential};
use crate::program::{self, DTypePolicy, Gradient, Mode, Program, Run};
use crate::random::{Generator, Key};

fn models() -> Vec<Model> {
    let chain = |layers: Vec<LayerSpec>| {
        layers.into_iter().fold(Sequential::new(Input::image(12, 10, 3)), Sequential::add).build().unwrap()
    };
    let plain = chain(vec![
        RandomFlip::new(FlipMode::Horizontal).into(),
        Rescaling::new(0.5).offset(-1.0).into(),
        Conv2D::new(8, 3).same().relu().into(),
        MaxPooling2D::new(2).into(),
        Conv2D::new(5, 3).into(),
        ReLU::new().max_value(6.0).into(),
        Dropout::new(0.3).into(),
        Flatten::new().into(),
        Dense::new(7).relu().into(),
        Dense::new(3).into(),
    ]);
    let depthwise = chain(vec![
        Conv2D::new(6, 3).strides(2).same().use_bias(false).into(),
        BatchNormalization::new().into(),
        ReLU::new().max_value(6.0).into(),
        DepthwiseConv2D::new(3).same().relu().into(),
        DepthwiseConv2D::new(3).same().activation(Function::Relu6).into(),
        SeparableConv2D::new(4, 3).same().relu().into(),
        RandomRotation::new(0.1).into(),
        Rescaling::new(2.0).offset(0.1).into(),
        GlobalAveragePooling2D::new().into(),
        Dense::new(3).softmax().into(),
    ]);
    // The second pooling drops a row, and its convolution has channels enough for Winograd's transforms; the third has
    // another window.
    let pooled = chain(vec![
        Conv2D::new(8, 3).into(),
        ReLU::new().max_value(6.0).into(),
        MaxPooling2D::new(2).into(),
        Conv2D::new(9, 3).same().relu().into(),
        MaxPooling2D::new(2).into(),
        Conv2D::new(9, 2).same().use_bias(false).into(),
        MaxPooling2D::new(2).strides(1).into(),
        Flatten::new().into(),
        Dense::new(3).into(),
    ]);
    let x = Input::image(12, 10, 3);
    let a = Conv2D::new(4, 3).same().relu().on(&x).unwrap();
    let b = Conv2D::new(4, 1).activation(Function::Sigmoid).on(&a).unwrap();
    let product = Multiply::new().on([&a, &b]).unwrap();
    let mean = GlobalAveragePooling2D::new().keepdims(true).on(&a).unwrap();
    let gated = Multiply::new().on([&product, &mean]).unwrap();
    let dropped = Dropout::new(0.3).noise_shape([None, Some(1), Some(1), Some(1)]).on(&gated).unwrap();
    let reversed = ReverseChannels::new().on(&dropped).unwrap();
    let sum = Add::new().on([&product, &a, &b, &reversed]).unwrap();
    let all = Concatenate::new().on([&sum, &b]).unwrap();
    let y = Dense::new(3).on(&GlobalMaxPooling2D::new().on(&all).unwrap()).unwrap();
    let branches = Model::new(&x, &y).unwrap();
    vec![plain, depthwise, pooled, branches, fine_tuned(0), fine_tuned(4), fine_tuned(6), rare()]
}

/// Layers that no pass knows, after and before those that passes change.
fn rare() -> Model {
    let x = Input::image(12, 10, 3);
    let h = Conv2D::new(8, 3).same().on(&GaussianNoise::new(0.1).on(&x).unwrap()).unwrap();
    let h = GroupNormalization::new().groups(2).on(&h).unwrap();
    let a = PReLU::new().shared_axes([1, 2]).on(&h).unwrap();
    let b = Conv2D::new(8, 1).activation(Function::Mish).on(&a).unwrap();
    let largest = Maximum::new().on([&a, &b]).unwrap();
    let mean = Average::new().on([&largest, &a]).unwrap();
    let h = Subtract::new().on([&mean, &b]).unwrap();
    let h = AlphaDropout::new(0.2).on(&LayerScale::new(0.5, 8).on(&h).unwrap()).unwrap();
    let h = UpSampling2D::new(2).on(&Permute::new([2, 1, 3]).on(&h).unwrap()).unwrap();
    let h = Conv2D::new(8, 3).relu().on(&Cropping2D::new(1).on(&h).unwrap()).unwrap();
    let h = UnitNormalization::new().on(&RMSNormalization::new().on(&h).unwrap()).unwrap();
    let h = GaussianDropout::new(0.2).on(&GlobalAveragePooling2D::new().on(&h).unwrap()).unwrap();
    Model::new(&x, &Dense::new(3).activation(Function::LogSoftmax).on(&h).unwrap()).unwrap()
}

/// A base with normalization in inference mode, whose first layers are frozen, under a head.
fn fine_tuned(frozen: usize) -> Model {
    let x = Input::image(12, 10, 3);
    let h = Conv2D::new(8, 3).strides(2).same().on(&x).unwrap();
    let h = ReLU::new().max_value(6.0).on(&BatchNormalization::new().on(&h).unwrap()).unwrap();
    let h = ZeroPadding2D::sides([[0, 1], [1, 1]]).on(&h).unwrap();
    let h = DepthwiseConv2D::new(3).strides(2).use_bias(false).on(&h).unwrap();
    let h = ReLU::new().max_value(6.0).on(&BatchNormalization::new().on(&h).unwrap()).unwrap();
    let a = BatchNormalization::new()
        .scale(false)
        .on(&Conv2D::new(8, 1).use_bias(false).on(&h).unwrap())
        .unwrap();
    let b = BatchNormalization::new().center(false).on(&a).unwrap();
    let h = Add::new().on([&a, &b]).unwrap();
    let mut base = Model::new(&x, &h).unwrap();
    for layer in &mut base.layers_mut()[..frozen] {
        layer.set_trainable(false);
    }
    let x = Input::image(12, 10, 3);
    let h = base.with_training(false).on(&x).unwrap();
    let h = Dense::new(6).on(&GlobalAveragePooling2D::new().on(&h).unwrap()).unwrap();
    let h = BatchNormalization::new().on(&h).unwrap();
    Model::new(&x, &Dense::new(3).on(&h).unwrap()).unwrap()
}

/// The program of a training whose loss starts from the output.
fn training(model: &Model) -> Program {
    model.program(Mode::Train, Gradient::Weights).without_logits()
}

/// Output and gradients of one training step.
fn step(model: &Model, passes: Passes) -> [Vec<f32>; 2] {
    let mut generator = Key::new(3).named("step").generator();
    let inputs: Vec<f32> = (0..5 * 360).map(|_| generator.normal()).collect();
    step_on(&inputs, generator, model, passes)
}

/// [`step`] on five samples of 360 values.
fn step_on<'a>(
    inputs: impl Into<Pixels<'a>>,
    mut generator: Generator,
    model: &Model,
    passes: Passes,
) -> [Vec<f32>; 2] {
    let batch = 5;
    let mut engine = Runner::new(Plan::new(training(model), batch, passes)).unwrap();
    let run = Run { samples: &[4, 8, 15, 16, 23], epoch: 2, seed: 1 };
    // Moving statistics too are somewhere in the middle of training; a variance stays above 0.
    let mut weights: Vec<f32> =
        model.arena().iter().map(|weight| weight + 0.3 * generator.uniform()).collect();
    engine.forward(run, inputs, &weights);
    engine.move_statistics(&mut weights);
    let output = engine.output(batch).to_vec();
    let d_output = engine.loss_buffers(batch).1.expect("the models have weights to train");
    d_output.iter_mut().for_each(|value| *value = generator.normal());
    engine.backward(run, &weights, &mut |_, _| Ok(())).unwrap();
    [output, engine.gradients_mut().to_vec()]
}

#[test]
fn bytes_are_the_numbers_that_they_hold() {
    let bytes: Vec<u8> = (0..5 * 360).map(|i| (i * 7919 % 256) as u8).collect();
    let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
    let bits =
        |values: [Vec<f32>; 2]| values.map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>());
    for model in models() {
        for passes in [Passes::default(), Passes::none()] {
            let generator = || Key::new(3).named("bytes").generator();
            let of_bytes = bits(step_on(&*bytes, generator(), &model, passes));
            let of_floats = bits(step_on(&floats, generator(), &model, passes));
            assert!(of_bytes == of_floats, "{}", model.graph().name());
        }
    }
}

#[test]
fn passes_change_nothing_beyond_rounding() {
    for model in models() {
        let [with, without] = [Passes::default(), Passes::none()].map(|passes| step(&model, passes));
        for (with, without) in with.iter().flatten().zip(without.iter().flatten()) {
            assert!((with - without).abs() <= 1e-5 * without.abs().max(1.0), "{with} {without}");
        }
    }
}

#[test]
fn a_training_step_has_the_same_bits_on_any_number_of_threads() {
    for model in models() {
        let [one, many] = [1, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                step(&model, Passes::default())
                    .map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            })
        });
        assert!(one == many, "{}", model.graph().name());
    }
}

/// Output of the watched layer and its gradient for a batch.
fn watch(model: &Model, watched: &str, passes: Passes) -> [Vec<f32>; 2] {
    let batch = 3;
    let mut generator = Key::new(3).named("watch").generator();
    let inputs: Vec<f32> = (0..batch * 360).map(|_| generator.normal()).collect();
    let plan =
        Plan::new(model.program_watching(Mode::Infer, Gradient::Watched, Some(watched)), batch, passes);
    assert!(plan.gradients.segments.is_empty());
    let mut engine = Runner::new(plan).unwrap();
    let run = Run { samples: &[0, 1, 2], epoch: 0, seed: 1 };
    engine.forward(run, &inputs, model.arena());
    engine.loss_buffers(batch).1.expect("the layer lies before the output").fill(1.0);
    engine.backward(run, model.arena(), &mut |_, _| Ok(())).unwrap();
    engine.watched(batch).map(<[f32]>::to_vec)
}

#[test]
fn every_layer_can_be_watched_whatever_the_passes_and_what_trains() {
    for mut model in models() {
        // The last one is the output itself.
        let (_, layers) = model.layers().split_last().expect("the models have layers");
        let names: Vec<String> = layers.iter().map(|node| node.name().to_owned()).collect();
        for name in names {
            let all = [Passes::default(), Passes::none()].map(|passes| watch(&model, &name, passes));
            let [[value, gradient], without] = &all;
            assert_eq!(value.len(), gradient.len());
            assert!(!value.is_empty(), "{name}");
            for (with, without) in [value, gradient].into_iter().flatten().zip(without.iter().flatten()) {
                assert!((with - without).abs() <= 1e-5 * without.abs().max(1.0), "{name}: {with} {without}");
            }
            model.set_trainable(false);
            assert_eq!(&watch(&model, &name, Passes::default()), &all[0]);
            model.set_trainable(true);
        }
    }
}

#[test]
fn fixed_normalization_and_padding_leave_no_steps_of_their_own() {
    let plan = |passes| {
        let model = fine_tuned(4);
        Plan::new(training(&model), 2, passes).forward.len()
    };
    // Three normalizations, one padding and two activations become part of a convolution; the normalization of a value
    // that has another reader stays, as does that with batch statistics.
    assert_eq!(plan(Passes::none()) - plan(Passes::default()), 6);
}

fn inference(model: &Model) -> Program {
    model.program(Mode::Infer, Gradient::None)
}

/// Output of a batch, and the number of steps.
fn infer(model: &Model, program: Program, passes: Passes) -> (Vec<f32>, usize) {
    let batch = 2;
    let mut generator = Key::new(3).named("infer").generator();
    let sample: usize = model.input_shape().elements();
    let inputs: Vec<f32> = (0..batch * sample).map(|_| generator.normal()).collect();
    let mut engine = Runner::new(Plan::new(program, batch, passes)).unwrap();
    engine.forward(Run { samples: &[0, 1], epoch: 0, seed: 1 }, &inputs, model.arena());
    (engine.output(batch).to_vec(), engine.plan().forward.len())
}

#[test]
fn blocks_of_a_frozen_base_become_single_steps_of_the_same_bits() {
    let mut base = MobileNetV2::new(64, 64).include_top(false).weights(Weights::None).build().unwrap();
    let apart = Passes { fuse_inverted_residual: false, ..Passes::default() };
    let (whole, steps) = infer(&base, inference(&base), Passes::default());
    let (parts, all_steps) = infer(&base, inference(&base), apart);
    assert!(whole == parts);
    // The first block becomes one step with the convolution before it, the twelve after it too, and the eight sums of these
    // go; the weights of the last four are too many for the cache.
    assert_eq!(all_steps - steps, 13 * 2 + 8);
    let model = |base: &Model| {
        let x = Input::image(64, 64, 3);
        let h = base.clone().with_training(false).on(&x).unwrap();
        Model::new(&x, &Dense::new(3).on(&GlobalAveragePooling2D::new().on(&h).unwrap()).unwrap()).unwrap()
    };
    // All train; from the middle of block 11 on.
    let steps = |base: &Model, passes| {
        let model = model(base);
        infer(&model, training(&model), passes).1
    };
    assert_eq!(steps(&base, apart), steps(&base, Passes::default()));
    base.layers_mut()[..100].iter_mut().for_each(|layer| layer.set_trainable(false));
    assert_eq!(steps(&base, apart) - steps(&base, Passes::default()), 11 * 2 + 6);
}

#[test]
fn weights_that_stay_as_they_are_are_folded_once_to_the_same_bits() {
    let base = MobileNetV2::new(64, 64).include_top(false).weights(Weights::None).build().unwrap();
    let rounded = models().into_iter().chain([base.clone()]).map(|mut model| {
        model.set_dtype_policy(DTypePolicy::MixedBfloat16);
        model
    });
    for model in models().into_iter().chain([base.clone()]).chain(rounded) {
        let (batch, model) = (2, &model);
        let mut generator = Key::new(3).named("fold").generator();
        let inputs: Vec<f32> =
            (0..batch * model.input_shape().elements()).map(|_| generator.normal()).collect();
        let weights: Vec<f32> =
            model.arena().iter().map(|weight| weight + 0.3 * generator.uniform()).collect();
        let passes = Passes::default();
        let mut constant = Arc::new(weights.clone());
        let folded = Plan::with_constant_weights(inference(model), batch, passes, &mut constant);
        let plan = Plan::new(inference(model), batch, passes);
        let [folded, plan] = [(folded, constant), (plan, weights.into())].map(|(plan, weights)| {
            let mut engine = Runner::new(plan).unwrap();
            // A second batch too: the first one must not change what was folded.
            for _ in 0..2 {
                engine.forward(Run { samples: &[0, 1], epoch: 0, seed: 1 }, &inputs, &weights);
            }
            engine.output(batch).to_vec()
        });
        assert!(folded == plan, "{}", model.graph().name());
    }
}

/// A smooth picture after these layers, with and without composing.
fn augment(layers: Vec<LayerSpec>) -> [Vec<f32>; 2] {
    let sequential = Sequential::new(Input::image(40, 30, 2));
    let model = layers.into_iter().fold(sequential, Sequential::add).build().unwrap();
    let batch = 3;
    let picture = |i: usize| {
        let (x, y, c) = (i / 2 % 30, i / 60 % 40, i % 2);
        (0.2 * x as f32 + c as f32).sin() + (0.15 * y as f32).cos()
    };
    let inputs: Vec<f32> = (0..batch * 2400).map(picture).collect();
    [true, false].map(|compose_warps| {
        let simplify = program::Passes { compose_warps, ..program::Passes::default() };
        let passes = Passes { simplify, ..Passes::default() };
        let program = model.program(Mode::Augment, Gradient::None);
        let mut engine = Runner::new(Plan::new(program, batch, passes)).unwrap();
        assert!(!compose_warps || engine.plan().forward.len() == 1);
        engine.forward(Run { samples: &[0, 1, 2], epoch: 1, seed: 7 }, &inputs, &[]);
        engine.output(batch).to_vec()
    })
}

#[test]
fn a_flip_is_sampled_with_what_follows_it_to_the_same_picture() {
    for layer in [
        LayerSpec::from(RandomRotation::new(0.1)),
        RandomZoom::new(0.3).into(),
        RandomTranslation::new(0.2, 0.3).fill_mode(FillMode::Wrap).into(),
    ] {
        let flip = RandomFlip::new(FlipMode::HorizontalAndVertical);
        for layers in [vec![flip.clone().into(), layer.clone()], vec![layer.clone(), flip.into()]] {
            let [composed, apart] = augment(layers);
            for (composed, apart) in composed.iter().zip(&apart) {
                assert!((composed - apart).abs() < 1e-4, "{composed} {apart}");
            }
        }
    }
}

#[test]
fn rotation_and_zoom_sampled_once_are_the_same_picture_but_for_the_blur() {
    let layers = || vec![RandomRotation::new(0.05).into(), RandomZoom::new(0.1).into()];
    let [composed, apart] = augment(layers());
    let difference: f32 = composed.iter().zip(&apart).map(|(a, b)| (a - b).abs()).sum();
    assert!(difference / (composed.len() as f32) < 0.02, "{}", difference / composed.len() as f32);
}

#[test]
fn an_augmented_image_is_rescaled_in_the_same_step_to_the_same_bits() {
    for model in &models()[..2] {
        let [fused, apart] = [true, false].map(|fuse_rescaling| {
            let passes = Passes { fuse_rescaling, ..Passes::default() };
            let steps = Plan::new(training(model), 5, passes).forward.len();
            (step(model, passes), steps)
        });
        assert_eq!(fused.0, apart.0);
        assert_eq!(fused.1 + 1, apart.1);
    }
}

#[test]
fn an_activations_gradient_is_computed_by_the_step_after_it_to_the_same_bits() {
    let models = models();
    let fused = models.iter().map(|model| {
        let apart = Passes { fuse_activation_gradient: false, ..Passes::default() };
        assert!(step(model, Passes::default()) == step(model, apart), "{}", model.graph().name());
        let mut plan = Plan::new(training(model), 5, Passes::default());
        let activations = plan.forward.iter_mut().filter_map(|step| step.op.activations_mut());
        activations.filter(|activations| activations.input != petal_kernels::Activation::Linear).count()
    });
    assert_eq!(fused.collect::<Vec<_>>(), [2, 2, 2, 0, 2, 2, 2, 0]);
}

#[test]
fn poolings_over_two_by_two_leave_no_steps_of_their_own() {
    let models = models();
    let plan = |watched, passes: Passes| {
        let program = match watched {
            Some(_) => models[2].program_watching(Mode::Infer, Gradient::Watched, watched),
            None => training(&models[2]),
        };
        Plan::new(program, 2, passes).forward.len()
    };
    let separate = Passes { fuse_pooling: false, ..Passes::default() };
    assert_eq!(plan(None, separate) - plan(None, Passes::default()), 2);
    // Who watches a convolution wants its output, not the maxima.
    let convolution = Some("conv2d_1");
    assert_eq!(plan(convolution, separate) - plan(convolution, Passes::default()), 1);
    let pooling = Some("max_pooling2d_1");
    assert_eq!(plan(pooling, separate) - plan(pooling, Passes::default()), 2);
}
