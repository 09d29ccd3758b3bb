//! The models of the suite: small, of odd sizes, and together with every operation in every setting that changes what is
//! computed.

mod random;

use crate::Result;
use crate::applications::lecture_cnn_regularized;
use crate::layers::*;
use crate::model::{Model, Sequential, Tensor};

/// A model, and what it is called with.
pub(super) struct Case {
    pub name: &'static str,
    pub input: Numbers,
    pub build: fn() -> Result<Model>,
}

/// What a model's input is drawn from.
#[derive(Clone, Copy)]
pub(super) enum Numbers {
    /// Colours in 0..=255, also as bytes.
    Bytes,
    /// Colours in 0..1.
    Unit,
    /// The normal distribution.
    Normal,
}

pub(super) const CASES: &[Case] = &[
    Case { name: "lecture", input: Numbers::Bytes, build: lecture },
    Case { name: "convolutions", input: Numbers::Normal, build: convolutions },
    Case { name: "many channels", input: Numbers::Normal, build: many_channels },
    Case { name: "depthwise convolutions", input: Numbers::Normal, build: depthwise },
    Case { name: "poolings", input: Numbers::Normal, build: poolings },
    Case { name: "dense layers", input: Numbers::Normal, build: dense },
    Case { name: "rows", input: Numbers::Normal, build: rows },
    Case { name: "batch normalization", input: Numbers::Normal, build: batch_normalization },
    Case { name: "frozen base", input: Numbers::Bytes, build: || transfer(usize::MAX) },
    Case { name: "fine-tuned base", input: Numbers::Bytes, build: || transfer(7) },
    Case { name: "trained base", input: Numbers::Bytes, build: || transfer(0) },
    Case { name: "activations", input: Numbers::Normal, build: activations },
    Case { name: "branches", input: Numbers::Normal, build: branches },
    Case { name: "normalizations", input: Numbers::Normal, build: normalizations },
    Case { name: "layouts", input: Numbers::Normal, build: layouts },
    Case { name: "dropout and noise", input: Numbers::Normal, build: random::dropout_and_noise },
    Case { name: "warps", input: Numbers::Unit, build: random::warps },
    Case { name: "warps of bytes", input: Numbers::Bytes, build: random::warps_of_bytes },
    Case { name: "colours", input: Numbers::Unit, build: random::colours },
    Case { name: "changes", input: Numbers::Unit, build: random::changes },
    Case { name: "changes of bytes", input: Numbers::Bytes, build: random::changes_of_bytes },
    Case { name: "layers that Keras lacks", input: Numbers::Bytes, build: random::not_in_keras },
    Case { name: "mixed images", input: Numbers::Unit, build: random::mixed },
    Case { name: "colours of bytes", input: Numbers::Bytes, build: random::colours_of_bytes },
];

fn chain(input: &Tensor, layers: Vec<LayerSpec>) -> Result<Tensor> {
    layers.into_iter().try_fold(input.clone(), |value, layer| layer.on(&value))
}

fn sequence(input: Tensor, layers: Vec<LayerSpec>) -> Result<Model> {
    layers.into_iter().fold(Sequential::new(input).seed(3), Sequential::add).build()
}

/// Flips, rotations, zooms, convolutions, dropout and dense layers.
fn lecture() -> Result<Model> {
    lecture_cnn_regularized([10, 13, 3], 4, 3)
}

fn convolutions() -> Result<Model> {
    sequence(
        Input::image(13, 11, 3),
        vec![
            Conv2D::new(6, (3, 2)).strides((2, 1)).same().relu().into(),
            Conv2D::new(4, (2, 3)).groups(2).use_bias(false).into(),
            Conv2D::new(5, 3).dilation_rate((1, 2)).same().activation(Function::Relu6).into(),
            Conv2D::new(7, 1).strides(2).activation(Function::Tanh).into(),
            ZeroPadding2D::sides([[0, 1], [2, 1]]).into(),
            Conv2D::new(3, 3).strides(2).into(),
            Flatten::new().into(),
            Dense::new(3).softmax().into(),
        ],
    )
}

/// Channels enough for blocks of them, and for transforms of small convolutions; pooled at once.
fn many_channels() -> Result<Model> {
    sequence(
        Input::image(9, 11, 2),
        vec![
            Conv2D::new(33, 3).same().relu().into(),
            Conv2D::new(18, 3).same().relu().into(),
            MaxPooling2D::new(2).into(),
            Conv2D::new(35, 1).relu().into(),
            Conv2D::new(17, 3).use_bias(false).into(),
            MaxPooling2D::new(2).into(),
            Flatten::new().into(),
            Dense::new(41).relu().into(),
            Dense::new(2).into(),
        ],
    )
}

fn depthwise() -> Result<Model> {
    sequence(
        Input::image(11, 13, 3),
        vec![
            DepthwiseConv2D::new(3).strides(2).same().depth_multiplier(3).relu().into(),
            DepthwiseConv2D::new((1, 3)).use_bias(false).into(),
            DepthwiseConv2D::new(3).same().dilation_rate(2).activation(Function::Relu6).into(),
            ZeroPadding2D::sides([[0, 1], [1, 2]]).into(),
            DepthwiseConv2D::new(3).into(),
            SeparableConv2D::new(4, 3).same().depth_multiplier(2).relu().into(),
            GlobalAveragePooling2D::new().into(),
            Dense::new(2).into(),
        ],
    )
}

fn poolings() -> Result<Model> {
    let x = Input::image(11, 13, 3);
    let h = Conv2D::new(4, 2).on(&x)?;
    let a = chain(
        &h,
        vec![
            MaxPooling2D::new(3).strides(2).same().into(),
            Conv2D::new(5, 1).into(),
            MaxPooling2D::new((2, 3)).strides(1).into(),
            GlobalAveragePooling2D::new().into(),
        ],
    )?;
    let b = chain(
        &h,
        vec![
            AveragePooling2D::new((3, 2)).strides(2).same().into(),
            Conv2D::new(5, 1).relu().into(),
            AveragePooling2D::new(2).into(),
            GlobalMaxPooling2D::new().into(),
        ],
    )?;
    let c = MaxPooling2D::new(2).on(&ReLU::new().on(&h)?)?;
    // Whole channels of zeros: pixels that are equal share the gradient.
    let c = GlobalMaxPooling2D::new().on(&ReLU::new().threshold(0.5).on(&c)?)?;
    Model::new(&x, &Dense::new(3).softmax().on(&Concatenate::new().on([&a, &b, &c])?)?)
}

/// An ensemble, whose output is a mean of probabilities.
fn dense() -> Result<Model> {
    let x = Input::new([7]);
    let h = Dense::new(9).use_bias(false).relu().on(&x)?;
    let a = Dense::new(4).softmax().on(&h)?;
    let b = Dense::new(4).softmax().on(&Dense::new(6).activation(Function::Relu6).on(&h)?)?;
    Model::new(&x, &Average::new().on([&a, &b])?)
}

/// Dense layers and softmax on several rows of a sample, and one output with a sigmoid.
fn rows() -> Result<Model> {
    sequence(
        Input::new([5, 7]),
        vec![
            Dense::new(6).activation(Function::Softmax).into(),
            BatchNormalization::new().into(),
            Dense::new(4).into(),
            Softmax::new().axis(1).into(),
            Flatten::new().into(),
            Dense::new(1).activation(Function::Sigmoid).into(),
        ],
    )
}

fn batch_normalization() -> Result<Model> {
    let frozen = BatchNormalization::new().trainable(false);
    sequence(
        Input::image(9, 7, 3),
        vec![
            Conv2D::new(6, 3).strides(2).same().use_bias(false).into(),
            BatchNormalization::new().momentum(0.8).into(),
            ReLU::new().max_value(6.0).into(),
            DepthwiseConv2D::new(3).same().into(),
            BatchNormalization::new().scale(false).epsilon(0.01).into(),
            ReLU::new().into(),
            Conv2D::new(5, 1).into(),
            BatchNormalization::new().center(false).into(),
            Conv2D::new(4, 2).into(),
            frozen,
            Flatten::new().into(),
            Dense::new(6).into(),
            BatchNormalization::new().into(),
            Dense::new(2).into(),
        ],
    )
}

/// A base with normalization in inference mode, whose first layers are frozen, under a head: blocks that expand the
/// channels, convolve each by itself, and project them to few.
fn transfer(frozen: usize) -> Result<Model> {
    let expanded = |x: &Tensor, strides: usize| {
        chain(
            x,
            vec![
                Conv2D::new(18, 1).same().use_bias(false).into(),
                BatchNormalization::new().into(),
                ReLU::new().max_value(6.0).into(),
                ZeroPadding2D::sides([[strides - 1, 1], [strides - 1, 1]]).into(),
                DepthwiseConv2D::new(3).strides(strides).use_bias(false).into(),
                BatchNormalization::new().scale(false).into(),
                ReLU::new().max_value(6.0).into(),
                Conv2D::new(6, 1).same().into(),
                BatchNormalization::new().center(false).into(),
            ],
        )
    };
    let x = Input::image(14, 13, 3);
    let first = Conv2D::new(6, 3).strides(2).same().use_bias(false).on(&x)?;
    let first = ReLU::new().max_value(6.0).on(&BatchNormalization::new().on(&first)?)?;
    let h = chain(
        &first,
        vec![
            DepthwiseConv2D::new(3).same().use_bias(false).into(),
            BatchNormalization::new().into(),
            ReLU::new().max_value(6.0).into(),
            Conv2D::new(6, 1).use_bias(false).into(),
            BatchNormalization::new().into(),
        ],
    )?;
    let h = Add::new().on([&first, &h])?;
    let h = expanded(&h, 2)?;
    let y = BatchNormalization::new().on(&DepthwiseConv2D::new(3).same().on(&h)?)?;
    let mut base = Model::named("base", 3, &x, &Add::new().on([&h, &y])?)?;
    let layers = base.layers_mut();
    let frozen = frozen.min(layers.len());
    layers[..frozen].iter_mut().for_each(|layer| layer.set_trainable(false));
    let x = Input::image(14, 13, 3);
    let h = Rescaling::new(1.0 / 127.5).offset(-1.0).on(&x)?;
    let h = base.with_training(false).on(&h)?;
    let h = chain(
        &h,
        vec![
            GlobalAveragePooling2D::new().into(),
            Dropout::new(0.2).into(),
            Dense::new(6).relu().into(),
            Dense::new(3).softmax().into(),
        ],
    )?;
    Model::new(&x, &h)
}

/// Each function on the same values, so that none is where another has made it flat.
fn activations() -> Result<Model> {
    let x = Input::new([6]);
    let h = Dense::new(8).on(&x)?;
    let functions = [
        Function::Linear,
        Function::Relu,
        Function::Relu6,
        Function::Sigmoid,
        Function::Tanh,
        Function::Elu,
        Function::Selu,
        Function::Gelu,
        Function::Silu,
        Function::Softplus,
        Function::Softsign,
        Function::LeakyRelu,
        Function::HardSigmoid,
        Function::HardSilu,
        Function::Exponential,
        Function::Softmax,
        Function::LogSoftmax,
        Function::Mish,
        Function::LogSigmoid,
        Function::Squareplus,
        Function::SparsePlus,
        Function::SparseSigmoid,
        Function::HardTanh,
        Function::TanhShrink,
        Function::SoftShrink,
        Function::HardShrink,
        ReLU::new().negative_slope(0.1).threshold(0.3).max_value(1.2).into(),
        ELU::new(0.6).into(),
    ];
    let branches: Vec<Tensor> =
        functions.into_iter().map(|function| Activation::new(function).on(&h)).collect::<Result<_>>()?;
    let all = Concatenate::new().on(branches.as_slice())?;
    Model::new(&x, &Dense::new(3).activation(Function::LogSoftmax).on(&all)?)
}

fn branches() -> Result<Model> {
    let x = Input::image(7, 9, 3);
    let a = Conv2D::new(4, 3).same().relu().on(&x)?;
    let b = Conv2D::new(4, 1).activation(Function::Sigmoid).on(&a)?;
    let product = Multiply::new().on([&a, &b, &a])?;
    let mean = GlobalAveragePooling2D::new().keepdims(true).on(&a)?;
    let largest = GlobalMaxPooling2D::new().keepdims(true).on(&b)?;
    let gated = Multiply::new().on([&product, &mean, &largest])?;
    let reversed = ReverseChannels::new().on(&gated)?;
    let sum = Add::new().on([&product, &a, &b, &reversed, &a])?;
    let larger = Maximum::new().on([&a, &b, &sum])?;
    let smaller = Minimum::new().on([&b, &sum])?;
    let difference = Subtract::new().on([&larger, &smaller])?;
    let scaled = CustomScaleLayer::new(0.17).on([&difference, &b])?;
    let below = Concatenate::new().axis(1).on([&scaled, &a])?;
    let beside = Concatenate::new().axis(2).on([&below, &below])?;
    let h = Concatenate::new().on([&beside, &Conv2D::new(2, 1).on(&beside)?])?;
    Model::new(&x, &Dense::new(3).on(&GlobalAveragePooling2D::new().on(&h)?)?)
}

fn normalizations() -> Result<Model> {
    let x = Input::image(6, 5, 3);
    let h = chain(
        &x,
        vec![
            Normalization::default().into(),
            Normalization::new([0.1, -0.2, 0.3], [1.5, 0.5, 2.0]).into(),
            Conv2D::new(6, 2).into(),
            GroupNormalization::new().groups(3).into(),
            PReLU::new().shared_axes([1, 2]).into(),
            Normalization::default().invert().into(),
            LayerNormalization::new().into(),
            Conv2D::new(4, 1).into(),
            LayerNormalization::new().axis([1, 2, 3]).center(false).into(),
            LayerScale::new(0.5, 4).into(),
            RMSNormalization::new().into(),
            PReLU::new().into(),
            UnitNormalization::new().into(),
            GroupNormalization::new().groups(1).scale(false).into(),
            Normalization::new([0.4], [0.6]).invert().into(),
            Flatten::new().into(),
            Dense::new(2).into(),
        ],
    )?;
    Model::new(&x, &h)
}

fn layouts() -> Result<Model> {
    let x = Input::image(7, 8, 3);
    let h = Conv2D::new(4, 2).on(&x)?;
    let a = chain(
        &h,
        vec![
            Permute::new([2, 1, 3]).into(),
            UpSampling2D::new((2, 3)).into(),
            Cropping2D::sides([[1, 0], [2, 3]]).into(),
            Resizing::new(5, 9).into(),
            Permute::new([3, 1, 2]).into(),
            Reshape::new([6, 5, 6]).into(),
            ZeroPadding2D::new((1, 2)).into(),
            Resizing::new(7, 6).interpolation(Interpolation::Nearest).into(),
            Flatten::new().into(),
        ],
    )?;
    let b = chain(
        &h,
        vec![
            UpSampling2D::new(2).interpolation(Interpolation::Bilinear).into(),
            CenterCrop::new(9, 4).into(),
            Resizing::new(6, 6).crop_to_aspect_ratio().into(),
            Resizing::new(5, 8).pad_to_aspect_ratio(0.5).into(),
            Flatten::new().into(),
        ],
    )?;
    Model::new(&x, &Dense::new(3).on(&Concatenate::new().on([&a, &b])?)?)
}
