//! All networks that Keras has ImageNet weights for: the list, and what each of them can do.

use super::network::Network;
use super::settings::{Pooling, Settings};
use super::weights::Weights;
use super::{
    convnext, densenet, efficientnet, efficientnet_v2, inception_resnet_v2, inception_v3, mobilenet,
    mobilenet_v2, mobilenet_v3, nasnet, resnet, vgg, xception,
};
use crate::Result;
use crate::model::{Graph, Model, Tensor};

/// For each network its type with the settings, and its place among the names.
macro_rules! applications {
    ($($(#[$doc:meta])* $class:ident, $name:literal, $top_1:literal: $network:ty = $numbers:expr;)*) => {
        $(
            $(#[$doc])*
            ///
            /// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': with the top for 1,000
            /// classes, weights trained on ImageNet, no pooling.
            #[derive(Clone, Debug)]
            pub struct $class {
                pub(super) network: $network,
                settings: Settings,
            }

            impl $class {
                /// For RGB images of this size, at least 32 × 32 pixels; for Xception 71 × 71, for InceptionV3 and
                /// InceptionResNetV2 75 × 75.
                pub fn new(height: usize, width: usize) -> Self {
                    $class { network: $numbers, settings: Settings::new(height, width) }
                }

                /// The number of colour channels; 3 by default. ImageNet weights need 3.
                pub fn channels(mut self, channels: usize) -> Self {
                    self.settings.image[2] = channels;
                    self
                }

                /// Whether the classifier is part of the model; by default it is.
                pub fn include_top(mut self, include_top: bool) -> Self {
                    self.settings.include_top = include_top;
                    self
                }

                /// The weights to begin with; by default those trained on ImageNet.
                pub fn weights(mut self, weights: Weights) -> Self {
                    self.settings.weights = weights;
                    self
                }

                /// What becomes of the last feature maps, without the top; by default nothing.
                pub fn pooling(mut self, pooling: Pooling) -> Self {
                    self.settings.pooling = pooling;
                    self
                }

                /// The number of classes of the top; 1,000 by default. ImageNet weights with their top need 1,000.
                pub fn classes(mut self, classes: usize) -> Self {
                    self.settings.classes = classes;
                    self
                }

                /// Whether the top ends with a softmax, as it does by default, or gives logits.
                pub fn classifier_softmax(mut self, softmax: bool) -> Self {
                    self.settings.softmax = softmax;
                    self
                }

                /// The seed of the weights' first values and of what is random in training; 0 by default.
                pub fn seed(mut self, seed: u64) -> Self {
                    self.settings.seed = seed;
                    self
                }

                /// The folder whose sub-folder `models` keeps ImageNet weights; by default Keras', which is
                /// `$KERAS_HOME`, else `.keras` in the home folder.
                pub fn cache_dir(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
                    self.settings.cache_dir = Some(folder.into());
                    self
                }

                /// Brings colours of 0..=255 into the range that the model expects; one that does so itself gives `x` as
                /// it is.
                ///
                /// # Errors
                /// If the image doesn't have three channels, where each channel has a mean.
                pub fn preprocess_input(x: &Tensor) -> Result<Tensor> {
                    Application::$class.preprocess_input(x)
                }

                /// The model.
                ///
                /// # Errors
                /// If the image is too small, a setting makes no network, there are no ImageNet weights for these
                /// settings, or they cannot be had.
                pub fn build(&self) -> Result<Model> {
                    self.settings.build(stringify!($class), &self.network)
                }
            }
        )*

        /// A network that Keras has ImageNet weights for, by its name.
        ///
        /// ```
        /// use petal::applications::Application;
        /// let application: Application = "EfficientNetB0".parse()?;
        /// assert_eq!(application.name(), "efficientnet-b0");
        /// assert_eq!(application.graph(true)?.count_params(), 5_330_571);
        /// # Ok::<(), petal::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Application {
            $(
                #[doc = concat!("[`", stringify!($class), "`]")]
                $class,
            )*
        }

        impl Application {
            /// All of them, the smaller and the usual ones first.
            pub const ALL: &'static [Application] = &[$(Application::$class),*];

            /// Its name: `mobilenet-v2`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Application::$class => $name,)*
                }
            }

            /// Keras' name for it: `MobileNetV2`.
            pub fn keras_name(self) -> &'static str {
                match self {
                    $(Application::$class => stringify!($class),)*
                }
            }

            /// The share of ImageNet's photos, in percent, of which it names the right one of 1,000 classes, as Keras'
            /// documentation has it.
            pub fn top_1(self) -> f32 {
                match self {
                    $(Application::$class => $top_1,)*
                }
            }

            fn network(self) -> &'static dyn Network {
                match self {
                    $(Application::$class => {
                        static NETWORK: $network = $numbers;
                        &NETWORK
                    })*
                }
            }
        }
    };
}

applications! {
    /// MobileNetV2 (Sandler et al. 2018): inverted residual blocks with depthwise convolutions, 2.3 million parameters
    /// without its top. Expects colours in [-1, 1], see [`MobileNetV2::preprocess_input`].
    ///
    /// ```
    /// use petal::applications::{MobileNetV2, Weights};
    /// let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
    /// assert_eq!(base.layers().len(), 154);
    /// assert_eq!(base.layers()[100].name(), "block_11_expand_relu");
    /// assert_eq!(base.count_params(), 2_257_984);
    /// # Ok::<(), petal::Error>(())
    /// ```
    MobileNetV2, "mobilenet-v2", 71.3: mobilenet_v2::Numbers = mobilenet_v2::NUMBERS;

    /// MobileNet (Howard et al. 2017): depthwise and pointwise convolutions in turn, 3.2 million parameters without its
    /// top. Expects colours in [-1, 1], see [`MobileNet::preprocess_input`].
    MobileNet, "mobilenet", 70.4: mobilenet::Numbers = mobilenet::NUMBERS;

    /// MobileNetV3-Small (Howard et al. 2019): inverted residual blocks, most of them with squeeze-and-excite and hard
    /// swish, 0.9 million parameters without its top. Expects colours in 0..=255: what they need is in the model.
    MobileNetV3Small, "mobilenet-v3-small", 68.1: mobilenet_v3::MobileNetV3 = mobilenet_v3::SMALL;

    /// MobileNetV3-Large: as [`MobileNetV3Small`], with 3.0 million parameters.
    MobileNetV3Large, "mobilenet-v3-large", 75.6: mobilenet_v3::MobileNetV3 = mobilenet_v3::LARGE;

    /// EfficientNet-B0 (Tan and Le 2019): inverted residual blocks with squeeze-and-excite, 4.0 million parameters
    /// without its top. Expects colours in 0..=255: what they need is in the model.
    EfficientNetB0, "efficientnet-b0", 77.1: efficientnet::EfficientNet = efficientnet::VARIANTS[0];

    /// EfficientNet-B1, for photos of 240 × 240: as [`EfficientNetB0`], with 6.6 million parameters.
    EfficientNetB1, "efficientnet-b1", 79.1: efficientnet::EfficientNet = efficientnet::VARIANTS[1];

    /// EfficientNet-B2, for photos of 260 × 260: as [`EfficientNetB0`], with 7.8 million parameters.
    EfficientNetB2, "efficientnet-b2", 80.1: efficientnet::EfficientNet = efficientnet::VARIANTS[2];

    /// EfficientNet-B3, for photos of 300 × 300: as [`EfficientNetB0`], with 10.8 million parameters.
    EfficientNetB3, "efficientnet-b3", 81.6: efficientnet::EfficientNet = efficientnet::VARIANTS[3];

    /// EfficientNet-B4, for photos of 380 × 380: as [`EfficientNetB0`], with 17.7 million parameters.
    EfficientNetB4, "efficientnet-b4", 82.9: efficientnet::EfficientNet = efficientnet::VARIANTS[4];

    /// EfficientNet-B5, for photos of 456 × 456: as [`EfficientNetB0`], with 28.5 million parameters.
    EfficientNetB5, "efficientnet-b5", 83.6: efficientnet::EfficientNet = efficientnet::VARIANTS[5];

    /// EfficientNet-B6, for photos of 528 × 528: as [`EfficientNetB0`], with 41.0 million parameters.
    EfficientNetB6, "efficientnet-b6", 84.0: efficientnet::EfficientNet = efficientnet::VARIANTS[6];

    /// EfficientNet-B7, for photos of 600 × 600: as [`EfficientNetB0`], with 64.1 million parameters.
    EfficientNetB7, "efficientnet-b7", 84.3: efficientnet::EfficientNet = efficientnet::VARIANTS[7];

    /// EfficientNetV2-B0 (Tan and Le 2021): inverted residual blocks, fused ones at first, later with
    /// squeeze-and-excite; 5.9 million parameters without its top. Expects colours in 0..=255: what they need is in the
    /// model.
    EfficientNetV2B0, "efficientnet-v2-b0", 78.7: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(0);

    /// EfficientNetV2-B1, for photos of 240 × 240: as [`EfficientNetV2B0`], with 6.9 million parameters.
    EfficientNetV2B1, "efficientnet-v2-b1", 79.8: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(1);

    /// EfficientNetV2-B2, for photos of 260 × 260: as [`EfficientNetV2B0`], with 8.8 million parameters.
    EfficientNetV2B2, "efficientnet-v2-b2", 80.5: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(2);

    /// EfficientNetV2-B3, for photos of 300 × 300: as [`EfficientNetV2B0`], with 12.9 million parameters.
    EfficientNetV2B3, "efficientnet-v2-b3", 82.0: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(3);

    /// EfficientNetV2-S, for photos of 384 × 384: as [`EfficientNetV2B0`], with 20.3 million parameters.
    EfficientNetV2S, "efficientnet-v2-s", 83.9: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(4);

    /// EfficientNetV2-M, for photos of 480 × 480: as [`EfficientNetV2B0`], with 53.2 million parameters.
    EfficientNetV2M, "efficientnet-v2-m", 85.3: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(5);

    /// EfficientNetV2-L, for photos of 480 × 480: as [`EfficientNetV2B0`], with 117.7 million parameters.
    EfficientNetV2L, "efficientnet-v2-l", 85.7: efficientnet_v2::EfficientNetV2 = efficientnet_v2::variant(6);

    /// ResNet50 (He et al. 2015): sixteen bottleneck blocks with shortcuts around them, 23.6 million parameters without
    /// its top. Expects centred BGR colours, see [`ResNet50::preprocess_input`].
    ResNet50, "resnet50", 74.9: resnet::ResNet = resnet::RESNET50;

    /// ResNet101: as [`ResNet50`], with 33 blocks and 42.7 million parameters.
    ResNet101, "resnet101", 76.4: resnet::ResNet = resnet::RESNET101;

    /// ResNet152: as [`ResNet50`], with 50 blocks and 58.4 million parameters.
    ResNet152, "resnet152", 76.6: resnet::ResNet = resnet::RESNET152;

    /// ResNet50V2 (He et al. 2016): as [`ResNet50`], but normalized before each convolution. Expects colours in [-1, 1],
    /// see [`ResNet50V2::preprocess_input`].
    ResNet50V2, "resnet50-v2", 76.0: resnet::ResNet = resnet::RESNET50_V2;

    /// ResNet101V2: as [`ResNet50V2`], with 33 blocks and 42.6 million parameters.
    ResNet101V2, "resnet101-v2", 77.2: resnet::ResNet = resnet::RESNET101_V2;

    /// ResNet152V2: as [`ResNet50V2`], with 50 blocks and 58.3 million parameters.
    ResNet152V2, "resnet152-v2", 78.0: resnet::ResNet = resnet::RESNET152_V2;

    /// ConvNeXt-Tiny (Liu et al. 2022): blocks of a 7 × 7 depthwise convolution and two dense layers of each pixel, 27.8
    /// million parameters without its top. Expects colours in 0..=255: what they need is in the model.
    ConvNeXtTiny, "convnext-tiny", 81.3: convnext::ConvNeXt = convnext::variant(0);

    /// ConvNeXt-Small: as [`ConvNeXtTiny`], with 49.5 million parameters.
    ConvNeXtSmall, "convnext-small", 82.3: convnext::ConvNeXt = convnext::variant(1);

    /// ConvNeXt-Base: as [`ConvNeXtTiny`], with 87.6 million parameters.
    ConvNeXtBase, "convnext-base", 85.3: convnext::ConvNeXt = convnext::variant(2);

    /// ConvNeXt-Large: as [`ConvNeXtTiny`], with 196 million parameters.
    ConvNeXtLarge, "convnext-large", 86.3: convnext::ConvNeXt = convnext::variant(3);

    /// ConvNeXt-XLarge: as [`ConvNeXtTiny`], with 348 million parameters.
    ConvNeXtXLarge, "convnext-xlarge", 86.7: convnext::ConvNeXt = convnext::variant(4);

    /// DenseNet121 (Huang et al. 2017): blocks of convolutions each of which sees the feature maps of all before it, 7.0
    /// million parameters without its top. Expects normalized colours, see [`DenseNet121::preprocess_input`].
    DenseNet121, "densenet121", 75.0: densenet::DenseNet = densenet::DENSENET121;

    /// DenseNet169: as [`DenseNet121`], with 12.6 million parameters.
    DenseNet169, "densenet169", 76.2: densenet::DenseNet = densenet::DENSENET169;

    /// DenseNet201: as [`DenseNet121`], with 18.3 million parameters.
    DenseNet201, "densenet201", 77.3: densenet::DenseNet = densenet::DENSENET201;

    /// Xception (Chollet 2017): separable convolutions with shortcuts around them, for photos of 299 × 299; 20.9 million
    /// parameters without its top. Expects colours in [-1, 1], see [`Xception::preprocess_input`].
    Xception, "xception", 79.0: xception::Xception = xception::Xception;

    /// InceptionV3 (Szegedy et al. 2015): convolutions of several sizes side by side, for photos of 299 × 299; 21.8
    /// million parameters without its top. Expects colours in [-1, 1], see [`InceptionV3::preprocess_input`].
    InceptionV3, "inception-v3", 77.9: inception_v3::InceptionV3 = inception_v3::InceptionV3;

    /// InceptionResNetV2 (Szegedy et al. 2016): the same with shortcuts around them, for photos of 299 × 299; 54.3 million
    /// parameters without its top. Expects colours in [-1, 1], see [`InceptionResNetV2::preprocess_input`].
    InceptionResNetV2, "inception-resnet-v2", 80.3: inception_resnet_v2::InceptionResNetV2 = inception_resnet_v2::InceptionResNetV2;

    /// NASNet-A Mobile (Zoph et al. 2018): cells of small branches, found by search, 4.3 million parameters without its
    /// top. Expects colours in [-1, 1], see [`NASNetMobile::preprocess_input`].
    NASNetMobile, "nasnet-mobile", 74.4: nasnet::NasNet = nasnet::MOBILE;

    /// NASNet-A Large, for photos of 331 × 331: as [`NASNetMobile`], with 84.9 million parameters.
    NASNetLarge, "nasnet-large", 82.5: nasnet::NasNet = nasnet::LARGE;

    /// VGG16 (Simonyan and Zisserman 2014): thirteen 3 × 3 convolutions in five blocks, 14.7 million parameters without
    /// its top, 138 million with it. Expects centred BGR colours, see [`VGG16::preprocess_input`].
    VGG16, "vgg16", 71.3: vgg::Vgg = vgg::VGG16;

    /// VGG19: as [`VGG16`], with sixteen convolutions and 20.0 million parameters.
    VGG19, "vgg19", 71.3: vgg::Vgg = vgg::VGG19;
}

impl Application {
    /// The side in pixels of the square photos that it was made for.
    pub fn image_size(self) -> usize {
        self.network().size()
    }

    /// The file with ImageNet's weights without the top, if Keras' cache has it.
    #[cfg(feature = "download")]
    pub fn cached_weights(self) -> Option<std::path::PathBuf> {
        let size = self.image_size();
        let settings = Settings { include_top: false, ..Settings::new(size, size) };
        crate::download::cached_application(&self.network().imagenet(&settings).file)
    }

    /// Brings colours of 0..=255 into the range that the model expects; one that does so itself gives `x` as it is.
    ///
    /// # Errors
    /// If the image doesn't have three channels, where each channel has a mean.
    pub fn preprocess_input(self, x: &Tensor) -> Result<Tensor> {
        self.network().preprocess_input().map_or_else(|| Ok(x.clone()), |mode| mode.on(x))
    }

    /// Its layers without their weights, for photos of its own size; with the top for the classes of ImageNet or without.
    ///
    /// # Errors
    /// None.
    pub fn graph(self, include_top: bool) -> Result<Graph> {
        let size = self.image_size();
        let settings = Settings { include_top, weights: Weights::None, ..Settings::new(size, size) };
        settings.graph(self.keras_name(), self.network())
    }

    /// The model without its top, for images `[height, width, channels]`.
    ///
    /// # Errors
    /// If the image is too small, or the weights cannot be had.
    pub fn base(self, [height, width, channels]: [usize; 3], weights: &Weights, seed: u64) -> Result<Model> {
        let settings = Settings {
            image: [height, width, channels],
            include_top: false,
            weights: weights.clone(),
            seed,
            ..Settings::new(height, width)
        };
        settings.build(self.keras_name(), self.network())
    }
}

impl std::str::FromStr for Application {
    type Err = crate::Error;

    /// By its name or Keras', in letters of any case, with `-`, `_` or nothing between its parts.
    fn from_str(text: &str) -> Result<Self> {
        let letters = |name: &str| name.replace(['-', '_'], "").to_lowercase();
        let found = Application::ALL.iter().find(|application| letters(application.name()) == letters(text));
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Application::ALL.iter().map(|application| application.name()).collect();
            crate::Error::argument("network", text, format!("one of {}", names.join(", ")))
        })
    }
}

/// A setting of several networks.
macro_rules! include_preprocessing {
    ($($class:ident),*) => {
        $(impl $class {
            /// Whether the model begins with what colours of 0..=255 need, as it does by default.
            pub fn include_preprocessing(mut self, include_preprocessing: bool) -> Self {
                self.network.include_preprocessing = include_preprocessing;
                self
            }
        })*
    };
}

pub(super) use include_preprocessing;
