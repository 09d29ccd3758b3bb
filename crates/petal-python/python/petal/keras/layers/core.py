"""Fully connected layers and what stands beside them."""

from .layer import Layer


class Dense(Layer):
    """`activation(x · kernel + bias)` on the last axis: `(batch, …, inputs)` to `(batch, …, units)`."""

    def __init__(
        self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
        bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
        kernel_constraint=None, bias_constraint=None, **kwargs,
    ):
        super().__init__(locals())


class Activation(Layer):
    """Applies a function, `relu` for instance, to each value."""

    def __init__(self, activation, **kwargs):
        super().__init__(locals())


class Identity(Layer):
    """Gives its input as it is: a place with a name."""

    def __init__(self, **kwargs):
        super().__init__(locals())
