"""The place where data enters a model."""

from ... import _petal
from ..symbolic import KerasTensor
from .layer import Layer, unique_name


class InputLayer(Layer):
    """Where data enters a model; made by `Input`."""

    def __init__(self, shape=None, batch_size=None, dtype=None, name=None, **kwargs):
        kwargs.pop("sparse", None)
        if shape is None:
            shape = (kwargs.pop("batch_shape", None) or kwargs.pop("batch_input_shape", None) or kwargs.pop("input_shape"))
            shape = shape if len(shape) < 4 else shape[1:]
        self._begin({"name": name or unique_name("input_layer"), **kwargs})
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if any(size is None for size in shape):
            raise ValueError(f"Input has the shape {shape}; in Petal each size is a number, as in Input((180, 180, 3))")
        if any(int(size) < 1 for size in shape):
            raise ValueError(f"Input has the shape {shape}; expected sizes of at least 1")
        self._config = {"batch_shape": (None, *shape)}
        self._called = [KerasTensor(_petal.input([int(size) for size in shape], self.name), self)]

    def _has_weights(self):
        return False


def Input(shape=None, batch_size=None, dtype=None, sparse=None, batch_shape=None, name=None, tensor=None):  # noqa: N802
    """The tensor that a model begins with, for samples of this shape: `Input((180, 180, 3))`."""
    if tensor is not None:
        return tensor
    if batch_shape is not None:
        shape = batch_shape[1:]
    if shape is None:
        raise ValueError("Input needs a shape, Input(shape=(180, 180, 3)) for instance")
    return InputLayer(shape, name=name).output
