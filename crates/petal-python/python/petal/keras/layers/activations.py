"""Activations that are layers."""

from .layer import Layer


class ReLU(Layer):
    """`max(x, 0)`, with an upper bound, a slope below the threshold, and the threshold."""

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(locals())


class LeakyReLU(Layer):
    """`x` where positive, else `negative_slope · x`."""

    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__(locals())


class PReLU(Layer):
    """A leaky ReLU whose slopes train."""

    def __init__(
        self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None,
        **kwargs,
    ):
        super().__init__(locals())


class ELU(Layer):
    """`x` where positive, else `alpha · (exp(x) - 1)`."""

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(locals())


class Softmax(Layer):
    """`exp(x) / Σ exp(x)` along `axis`."""

    def __init__(self, axis=-1, **kwargs):
        super().__init__(locals())
