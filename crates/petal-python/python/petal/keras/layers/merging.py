"""Layers of several inputs of one shape."""

from .layer import Layer


class Add(Layer):
    """The sum of its inputs."""

    def __init__(self, **kwargs):
        super().__init__(locals())


class Subtract(Layer):
    """The first input less the second."""

    def __init__(self, **kwargs):
        super().__init__(locals())


class Multiply(Layer):
    """The product of its inputs."""

    def __init__(self, **kwargs):
        super().__init__(locals())


class Average(Layer):
    """The mean of its inputs."""

    def __init__(self, **kwargs):
        super().__init__(locals())


class Maximum(Layer):
    """The largest of its inputs, value by value."""

    def __init__(self, **kwargs):
        super().__init__(locals())


class Minimum(Layer):
    """The smallest of its inputs, value by value."""

    def __init__(self, **kwargs):
        super().__init__(locals())


class Concatenate(Layer):
    """Its inputs side by side along `axis`."""

    def __init__(self, axis=-1, **kwargs):
        super().__init__(locals())
