"""Layers that are noisy in training and give their input as it is otherwise."""

from .layer import Layer


class Dropout(Layer):
    """Sets a share `rate` of the values to 0 and scales the others up."""

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(locals())


class SpatialDropout2D(Layer):
    """Dropout of whole channels."""

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class GaussianDropout(Layer):
    """Multiplies by Gaussian noise of mean 1."""

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(locals())


class GaussianNoise(Layer):
    """Adds Gaussian noise."""

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(locals())


class AlphaDropout(Layer):
    """Dropout that keeps mean and variance, for SELU."""

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(locals())


class ActivityRegularization(Layer):
    """Gives its input as it is. Petal trains without the penalty, and `fit` says so."""

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(locals())
