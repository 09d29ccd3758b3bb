//! The layers: one file each, with Keras' names, defaults and formulas.
//!
//! ```
//! use petal::layers::*;
//! let x = Input::image(180, 180, 3);
//! let h = Conv2D::new(16, 3).same().relu().on(&x)?;
//! let y = Dense::new(5).on(&GlobalAveragePooling2D::new().on(&h)?)?;
//! # let _ = y;
//! # Ok::<(), petal::Error>(())
//! ```
//!
//! A layer is a plain description. Calling [`Layer::on`] puts it into a graph; what it computes, and its gradient, are
//! steps of the [program](crate::program) that `Definition::lower` adds.

mod activation;
mod activity_regularization;
mod add;
mod alpha_dropout;
mod augmentations;
mod auto_contrast;
mod average;
mod average_pooling2d;
mod axes;
mod batch_normalization;
mod center_crop;
mod concatenate;
mod conv2d;
mod cropping2d;
mod custom_scale_layer;
mod cut_mix;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod elu;
mod equalization;
mod factor;
mod flatten;
mod gaussian_dropout;
mod gaussian_noise;
mod global_average_pooling2d;
mod global_max_pooling2d;
pub(crate) mod graph;
mod group_normalization;
mod identity;
mod inference_only;
mod initializer;
mod input;
mod interpolation;
mod layer_normalization;
mod layer_scale;
mod leaky_re_lu;
mod max_pooling2d;
mod maximum;
mod minimum;
mod mix_up;
mod mix_up_or_cut_mix;
mod multiply;
mod normalization;
mod p_re_lu;
mod padding;
mod pair;
mod permute;
mod rand_augment;
mod random_brightness;
mod random_color_degeneration;
mod random_color_jitter;
mod random_contrast;
mod random_crop;
mod random_erasing;
mod random_flip;
mod random_gaussian_blur;
mod random_grayscale;
mod random_hue;
mod random_invert;
mod random_perspective;
mod random_posterization;
mod random_resized_crop;
mod random_rotation;
mod random_saturation;
mod random_sharpness;
mod random_shear;
mod random_translation;
mod random_zoom;
mod re_lu;
mod rescaling;
mod reshape;
mod resizing;
mod reverse_channels;
mod rms_normalization;
mod separable_conv2d;
mod sides;
mod softmax;
mod solarization;
mod spatial_dropout2d;
mod stochastic_depth;
mod subtract;
mod trivial_augment_wide;
mod unit_normalization;
mod up_sampling2d;
mod window;
mod zero_padding2d;

use serde::{Deserialize, Serialize};

pub use activation::{Activation, ActivationLayer, Function};
pub use activity_regularization::ActivityRegularization;
pub use add::Add;
pub use alpha_dropout::AlphaDropout;
pub use auto_contrast::AutoContrast;
pub use average::Average;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use center_crop::CenterCrop;
pub use concatenate::Concatenate;
pub use conv2d::Conv2D;
pub use cropping2d::Cropping2D;
pub use custom_scale_layer::CustomScaleLayer;
pub use cut_mix::CutMix;
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use elu::ELU;
pub use factor::Factor;
pub use flatten::Flatten;
pub use gaussian_dropout::GaussianDropout;
pub use gaussian_noise::GaussianNoise;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub(crate) use graph::Lowering;
pub use graph::Nested;
use graph::Tensor;
pub use group_normalization::GroupNormalization;
pub use identity::Identity;

pub use equalization::Equalization;
pub use inference_only::{AugMix, RandomElasticTransform};
pub use initializer::{Distribution, Fan, Initializer};
pub use input::Input;
pub use interpolation::{FillMode, Interpolation};
pub use layer_normalization::LayerNormalization;
pub use layer_scale::LayerScale;
pub use leaky_re_lu::LeakyReLU;
pub use max_pooling2d::MaxPooling2D;
pub use maximum::Maximum;
pub use minimum::Minimum;
pub use mix_up::MixUp;
pub use mix_up_or_cut_mix::MixUpOrCutMix;
pub use multiply::Multiply;
pub use normalization::Normalization;
pub use p_re_lu::PReLU;
pub use padding::Padding;
pub use pair::Pair;
pub use permute::Permute;
pub use rand_augment::RandAugment;
pub use random_brightness::RandomBrightness;
pub use random_color_degeneration::RandomColorDegeneration;
pub use random_color_jitter::RandomColorJitter;
pub use random_contrast::RandomContrast;
pub use random_crop::RandomCrop;
pub use random_erasing::RandomErasing;
pub use random_flip::{FlipMode, RandomFlip};
pub use random_gaussian_blur::RandomGaussianBlur;
pub use random_grayscale::RandomGrayscale;
pub use random_hue::RandomHue;
pub use random_invert::RandomInvert;
pub use random_perspective::RandomPerspective;
pub use random_posterization::RandomPosterization;
pub use random_resized_crop::RandomResizedCrop;
pub use random_rotation::RandomRotation;
pub use random_saturation::RandomSaturation;
pub use random_sharpness::RandomSharpness;
pub use random_shear::RandomShear;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;
pub use re_lu::ReLU;
pub use rescaling::{PerChannel, Rescaling};
pub use reshape::Reshape;
pub use resizing::Resizing;
pub use reverse_channels::ReverseChannels;
pub use rms_normalization::RMSNormalization;
pub use separable_conv2d::SeparableConv2D;
pub use softmax::Softmax;
pub use solarization::Solarization;
pub use spatial_dropout2d::SpatialDropout2D;
pub use stochastic_depth::StochasticDepth;
pub use subtract::Subtract;
pub use trivial_augment_wide::TrivialAugmentWide;
pub use unit_normalization::UnitNormalization;
pub use up_sampling2d::UpSampling2D;
pub use zero_padding2d::ZeroPadding2D;

use crate::Result;
use crate::program::Value;
use crate::shape::Shape;

/// What can be done with every layer.
pub trait Layer: Into<LayerSpec> {
    /// Calls the layer on one tensor, or on several (`Add::new().on([&a, &b])`).
    ///
    /// # Errors
    /// If the layer cannot take inputs of these shapes; the error names the layer, what it got and what it wants.
    fn on<'a>(self, inputs: impl IntoInputs<'a>) -> Result<Tensor> {
        Tensor::new(self.into(), inputs.into_inputs())
    }

    /// Names the layer. By default its name is its class in snake case, numbered within the model: `conv2d_1`.
    fn name(self, name: impl Into<String>) -> LayerSpec {
        LayerSpec { name: Some(name.into()), ..self.into() }
    }

    /// Whether training changes the layer's weights; by default it does. For a model that becomes a layer, it sets
    /// all of its layers: `base.trainable(false).on(&x)`.
    fn trainable(self, trainable: bool) -> LayerSpec {
        let mut spec = LayerSpec { trainable, ..self.into() };
        if let AnyLayer::Nested(nested) = &mut spec.layer {
            nested.graph.set_trainable(trainable);
        }
        spec
    }
}

impl<L: Into<LayerSpec>> Layer for L {}

/// A layer with what every layer has: a name and whether it trains.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    pub(crate) layer: AnyLayer,
    pub(crate) name: Option<String>,
    /// For a nested model, its graph's flag counts instead.
    pub(crate) trainable: bool,
    /// Settings of Keras' layer that act in training and that Petal's training leaves out: `kernel_regularizer`.
    pub(crate) left_out: Vec<String>,
}

impl<L: Into<AnyLayer>> From<L> for LayerSpec {
    fn from(layer: L) -> Self {
        LayerSpec { layer: layer.into(), name: None, trainable: true, left_out: Vec::new() }
    }
}

/// One tensor or several, as the inputs of a layer.
pub trait IntoInputs<'a> {
    /// The tensors.
    fn into_inputs(self) -> Vec<Tensor>;
}

impl<'a> IntoInputs<'a> for &'a Tensor {
    fn into_inputs(self) -> Vec<Tensor> {
        vec![self.clone()]
    }
}

impl<'a, const N: usize> IntoInputs<'a> for [&'a Tensor; N] {
    fn into_inputs(self) -> Vec<Tensor> {
        self.into_iter().cloned().collect()
    }
}

impl<'a> IntoInputs<'a> for &'a [Tensor] {
    fn into_inputs(self) -> Vec<Tensor> {
        self.to_vec()
    }
}

/// What a layer is to the graph and to the program.
pub(crate) trait Definition {
    /// The shape of the output for inputs of these shapes, or what is wrong with them.
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String>;

    /// The weights in Keras' order. Called only for inputs that [`Definition::output_shape`] accepts.
    fn weights(&self, _inputs: &[Shape]) -> Vec<WeightSpec> {
        Vec::new()
    }

    /// Why the layer can't run in training mode, if Petal computes only its inference.
    fn check_training(&self) -> Result<(), String> {
        Ok(())
    }

    /// The number of input values that an output value is computed of, where no weights say it.
    fn inputs_per_output(&self) -> usize {
        1
    }

    /// Adds the steps that compute the layer to the program.
    fn lower(&self, node: &mut Lowering<'_>) -> Value;
}

/// A weight that a layer asks for.
pub(crate) struct WeightSpec {
    pub name: &'static str,
    pub shape: Vec<usize>,
    pub initializer: Initializer,
    /// False for what training never changes by gradients: moving statistics.
    pub trainable: bool,
}

impl WeightSpec {
    pub(crate) fn new(name: &'static str, shape: impl Into<Vec<usize>>, initializer: &Initializer) -> Self {
        WeightSpec { name, shape: shape.into(), initializer: initializer.clone(), trainable: true }
    }
}

/// The one input of a layer that takes one.
pub(crate) fn only(inputs: &[Shape]) -> Result<&Shape, String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("got {} inputs; expected one", inputs.len())),
    }
}

/// The list of all layers: the enum that holds any of them, and the way from it to their definitions.
macro_rules! layers {
    ($($class:ident),* $(,)?) => {
        /// Any layer.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "class_name", content = "config")]
        #[allow(missing_docs, clippy::large_enum_variant)]
        pub enum AnyLayer {
            $($class($class),)*
            #[serde(rename = "InputLayer")]
            Input(Input),
            #[serde(rename = "Model")]
            Nested(Nested),
        }

        $(impl From<$class> for AnyLayer {
            fn from(layer: $class) -> Self {
                AnyLayer::$class(layer)
            }
        })*

        impl AnyLayer {
            /// The layer's class by Keras' name.
            pub fn class_name(&self) -> &'static str {
                match self {
                    $(AnyLayer::$class(_) => stringify!($class),)*
                    AnyLayer::Input(_) => "InputLayer",
                    AnyLayer::Nested(nested) => nested.class_name(),
                }
            }

            /// The layer's settings by Keras' names, as its `get_config()`.
            ///
            /// ```
            /// use petal::layers::{AnyLayer, Conv2D};
            /// let layer = AnyLayer::from(Conv2D::new(16, 3));
            /// assert_eq!(layer.get_config()["filters"], 16);
            /// assert_eq!(layer.get_config()["kernel_size"], serde_json::json!([3, 3]));
            /// ```
            pub fn get_config(&self) -> serde_json::Value {
                let mut layer = serde_json::to_value(self).unwrap_or_default();
                layer["config"].take()
            }

            fn definition(&self) -> &dyn Definition {
                match self {
                    $(AnyLayer::$class(layer) => layer,)*
                    AnyLayer::Input(layer) => layer,
                    AnyLayer::Nested(layer) => layer,
                }
            }
        }
    };
}

layers! {
    Activation,
    ActivityRegularization,
    Add,
    AlphaDropout,
    AugMix,
    AutoContrast,
    Average,
    AveragePooling2D,
    BatchNormalization,
    CenterCrop,
    Concatenate,
    Conv2D,
    Cropping2D,
    CustomScaleLayer,
    CutMix,
    Dense,
    DepthwiseConv2D,
    Dropout,
    ELU,
    Equalization,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Identity,
    LayerNormalization,
    LayerScale,
    LeakyReLU,
    MaxPooling2D,
    Maximum,
    Minimum,
    MixUp,
    MixUpOrCutMix,
    Multiply,
    Normalization,
    PReLU,
    Permute,
    RMSNormalization,
    RandAugment,
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomCrop,
    RandomElasticTransform,
    RandomErasing,
    RandomFlip,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPerspective,
    RandomPosterization,
    RandomResizedCrop,
    RandomRotation,
    RandomSaturation,
    RandomSharpness,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Rescaling,
    Reshape,
    Resizing,
    ReverseChannels,
    SeparableConv2D,
    Softmax,
    Solarization,
    SpatialDropout2D,
    StochasticDepth,
    Subtract,
    TrivialAugmentWide,
    UnitNormalization,
    UpSampling2D,
    ZeroPadding2D,
}

impl Definition for AnyLayer {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.definition().output_shape(inputs)
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        self.definition().weights(inputs)
    }

    fn check_training(&self) -> Result<(), String> {
        self.definition().check_training()
    }

    fn inputs_per_output(&self) -> usize {
        self.definition().inputs_per_output()
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        self.definition().lower(node)
    }
}
