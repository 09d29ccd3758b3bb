"""Layers that move values."""

from .layer import Layer


class Flatten(Layer):
    """All values of a sample in one row."""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(locals())


class Reshape(Layer):
    """The same values in another shape; one axis may be -1."""

    def __init__(self, target_shape, **kwargs):
        super().__init__(locals())


class Permute(Layer):
    """Puts the axes of a sample into another order, counted from 1."""

    def __init__(self, dims, **kwargs):
        super().__init__(locals())


class ZeroPadding2D(Layer):
    """Zeros around an image."""

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(locals())


class Cropping2D(Layer):
    """Takes rows and columns off an image."""

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(locals())


class UpSampling2D(Layer):
    """Repeats or interpolates rows and columns."""

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(locals())
