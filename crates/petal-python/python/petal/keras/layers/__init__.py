"""Keras' layers, as far as Petal has them: the same names, arguments and defaults."""

from .core import Dense, Activation, Identity
from .convolutional import Conv2D, DepthwiseConv2D, SeparableConv2D
from .pooling import MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D
from .normalization import (
    BatchNormalization,
    LayerNormalization,
    GroupNormalization,
    RMSNormalization,
    UnitNormalization,
    Normalization,
)
from .regularization import (
    Dropout,
    SpatialDropout2D,
    GaussianDropout,
    GaussianNoise,
    AlphaDropout,
    ActivityRegularization,
)
from .merging import Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate
from .activations import ReLU, LeakyReLU, PReLU, ELU, Softmax
from .reshaping import Flatten, Reshape, Permute, ZeroPadding2D, Cropping2D, UpSampling2D
from .preprocessing import (
    Rescaling,
    Resizing,
    CenterCrop,
    RandomFlip,
    RandomRotation,
    RandomZoom,
    RandomTranslation,
    RandomShear,
    RandomCrop,
    RandomBrightness,
    RandomContrast,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomErasing,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPerspective,
    RandomPosterization,
    RandomSaturation,
    RandomSharpness,
    RandomElasticTransform,
    Solarization,
    AutoContrast,
    Equalization,
    AugMix,
    RandAugment,
    MixUp,
    CutMix,
)
from .input import Input, InputLayer
from .layer import Layer

MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
Convolution2D = Conv2D
DepthwiseConvolution2D = DepthwiseConv2D
SeparableConvolution2D = SeparableConv2D


def _function(layer):
    def merge(inputs, **kwargs):
        return layer(**kwargs)(inputs)

    merge.__doc__ = layer.__doc__
    return merge


add, subtract, multiply, average = map(_function, (Add, Subtract, Multiply, Average))
maximum, minimum, concatenate = map(_function, (Maximum, Minimum, Concatenate))
