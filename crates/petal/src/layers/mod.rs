//! The layers: one file each, with Keras' names, defaults and formulas.
//!
//! A layer is a plain description. Calling [`Layer::on`] puts it into a graph; what it computes, and its gradient, are
//! steps of the plan that `Definition::lower` emits.

mod activation;
mod add;
mod average_pooling2d;
mod axes;
mod batch_normalization;
mod center_crop;
mod concatenate;
mod conv2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod factor;
mod flatten;
mod global_average_pooling2d;
mod global_max_pooling2d;
mod initializer;
mod input;
mod interpolation;
mod layer_normalization;
mod max_pooling2d;
mod multiply;
mod nested;
mod normalization;
mod padding;
mod pair;
mod random_brightness;
mod random_contrast;
mod random_crop;
mod random_flip;
mod random_rotation;
mod random_translation;
mod random_zoom;
mod re_lu;
mod rescaling;
mod reshape;
mod resizing;
mod reverse_channels;
mod separable_conv2d;
mod softmax;
mod spatial_dropout2d;
mod window;
mod zero_padding2d;

use serde::{Deserialize, Serialize};

pub use activation::{Activation, Function};
pub use add::Add;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use center_crop::CenterCrop;
pub use concatenate::Concatenate;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use factor::Factor;
pub use flatten::Flatten;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub use initializer::{Distribution, Fan, Initializer};
pub use input::Input;
pub use interpolation::{FillMode, Interpolation};
pub use layer_normalization::LayerNormalization;
pub use max_pooling2d::MaxPooling2D;
pub use multiply::Multiply;
pub use nested::Nested;
pub use normalization::Normalization;
pub use padding::Padding;
pub use pair::Pair;
pub use random_brightness::RandomBrightness;
pub use random_contrast::RandomContrast;
pub use random_crop::RandomCrop;
pub use random_flip::{FlipMode, RandomFlip};
pub use random_rotation::RandomRotation;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;
pub use re_lu::ReLU;
pub use rescaling::{PerChannel, Rescaling};
pub use reshape::Reshape;
pub use resizing::Resizing;
pub use reverse_channels::ReverseChannels;
pub use separable_conv2d::SeparableConv2D;
pub use softmax::Softmax;
pub use spatial_dropout2d::SpatialDropout2D;
pub use zero_padding2d::ZeroPadding2D;

use crate::Result;
use crate::model::plan::{Lowering, Value};
use crate::model::{Shape, Tensor};

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
}

impl<L: Into<AnyLayer>> From<L> for LayerSpec {
    fn from(layer: L) -> Self {
        LayerSpec { layer: layer.into(), name: None, trainable: true }
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

/// What a layer is to the graph and to the plan.
pub(crate) trait Definition {
    /// The shape of the output for inputs of these shapes, or what is wrong with them.
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String>;

    /// The weights in Keras' order. Called only for inputs that [`Definition::output_shape`] accepts.
    fn weights(&self, _inputs: &[Shape]) -> Vec<WeightSpec> {
        Vec::new()
    }

    /// Emits the steps that compute the layer.
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
    Add,
    AveragePooling2D,
    BatchNormalization,
    CenterCrop,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    LayerNormalization,
    MaxPooling2D,
    Multiply,
    Normalization,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Rescaling,
    Reshape,
    Resizing,
    ReverseChannels,
    SeparableConv2D,
    Softmax,
    SpatialDropout2D,
    ZeroPadding2D,
}

impl Definition for AnyLayer {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        self.definition().output_shape(inputs)
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        self.definition().weights(inputs)
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        self.definition().lower(node)
    }
}
