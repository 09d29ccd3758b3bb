"""Normalizations."""

from .layer import Layer


class BatchNormalization(Layer):
    """Normalizes each channel: by the batch in training, else by moving statistics."""

    def __init__(
        self, axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True, beta_initializer="zeros",
        gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
        renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False, **kwargs,
    ):
        super().__init__(locals())


class LayerNormalization(Layer):
    """Normalizes each sample over the last axis."""

    def __init__(
        self, axis=-1, epsilon=0.001, center=True, scale=True, beta_initializer="zeros",
        gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
        gamma_constraint=None, **kwargs,
    ):
        super().__init__(locals())


class GroupNormalization(Layer):
    """Normalizes each sample over groups of channels."""

    def __init__(
        self, groups=32, axis=-1, epsilon=0.001, center=True, scale=True, beta_initializer="zeros",
        gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
        gamma_constraint=None, **kwargs,
    ):
        super().__init__(locals())


class RMSNormalization(Layer):
    """Divides each sample by the root mean square of the last axis."""

    def __init__(self, axis=-1, epsilon=1e-06, **kwargs):
        super().__init__(locals())


class UnitNormalization(Layer):
    """Scales each sample to the Euclidean norm 1 along the last axis."""

    def __init__(self, axis=-1, **kwargs):
        super().__init__(locals())


class Normalization(Layer):
    """`(x - mean) / √variance`, by numbers that are given."""

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(locals())
