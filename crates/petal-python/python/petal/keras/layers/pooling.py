"""Pooling over images `(batch, height, width, channels)`."""

from .layer import Layer


class MaxPooling2D(Layer):
    """The largest value in each window. `strides` are the window's size unless given."""

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(locals())


class AveragePooling2D(Layer):
    """The mean of each window. `strides` are the window's size unless given."""

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(locals())


class GlobalAveragePooling2D(Layer):
    """The mean of each channel over the whole image."""

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(locals())


class GlobalMaxPooling2D(Layer):
    """The largest value of each channel over the whole image."""

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(locals())
