"""Convolutions over images `(batch, height, width, channels)`."""

from .layer import Layer


class Conv2D(Layer):
    """Convolves the image with `filters` kernels, then adds a bias and applies `activation`."""

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
        groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
        bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
        kernel_constraint=None, bias_constraint=None, **kwargs,
    ):
        super().__init__(locals())


class DepthwiseConv2D(Layer):
    """Convolves each channel by itself, with `depth_multiplier` kernels each."""

    def __init__(
        self, kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1, data_format=None,
        dilation_rate=(1, 1), activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
        bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None,
        activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs,
    ):
        super().__init__(locals())


class SeparableConv2D(Layer):
    """A convolution of each channel by itself, then one of 1 × 1 that mixes them."""

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
        depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
        pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
        depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs,
    ):
        super().__init__(locals())
