"""Tensors that stand for a layer's output."""

import numbers


class KerasTensor:
    """The promise of a layer's output, of known shape. Made by `Input` and by calling a layer on one."""

    dtype = "float32"

    def __init__(self, native, layer, inputs=(), node_name=None):
        self._native = native
        self._layer = layer
        self._inputs = tuple(inputs)
        # Another one than the layer's where that was called before.
        self._node_name = node_name or layer.name

    @property
    def shape(self):
        return (None, *self._native.shape)

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def name(self):
        return self._layer.name

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse=False, name={self.name}>"

    def __iter__(self):
        raise TypeError("a KerasTensor has no values to go through; it stands for a layer's output")

    def __bool__(self):
        raise TypeError("a KerasTensor has no value that could be true or false; it stands for a layer's output")

    def __array__(self, *_, **__):
        raise TypeError("a KerasTensor has no values; call a model on an array to get some")

    def __mul__(self, other):
        return self._with(other, "Multiply", "multiply", lambda c: (c, 0.0))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._with(other, None, "true_divide", lambda c: (1.0 / c, 0.0))

    def __add__(self, other):
        return self._with(other, "Add", "add", lambda c: (1.0, c))

    __radd__ = __add__

    def __sub__(self, other):
        return self._with(other, "Subtract", "subtract", lambda c: (1.0, -c))

    def __rsub__(self, other):
        return self._with(other, None, "subtract", lambda c: (-1.0, c))

    def __neg__(self):
        return self * -1.0

    def _with(self, other, merging, name, numbers_of):
        from . import layers

        if isinstance(other, KerasTensor) and merging:
            return getattr(layers, merging)()([self, other])
        if isinstance(other, numbers.Real):
            scale, offset = numbers_of(float(other))
            return layers.Rescaling(scale, offset, name=layers.layer.unique_name(name))(self)
        raise TypeError(
            f"a KerasTensor can be combined with numbers{' and other KerasTensors' if merging else ''}, not with "
            f"{type(other).__name__}; use a layer"
        )


def tensors_of(inputs):
    """The KerasTensors that a layer is called on, or none if these are values."""
    several = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if several and all(isinstance(one, KerasTensor) for one in several):
        return several
    if any(isinstance(one, KerasTensor) for one in several):
        raise ValueError("a layer is called on KerasTensors and values at once; expected one kind")
    return None


def history(outputs):
    """All KerasTensors that these were made of, and they themselves."""
    seen, pending = {}, list(outputs)
    while pending:
        tensor = pending.pop()
        if id(tensor) not in seen:
            seen[id(tensor)] = tensor
            pending.extend(tensor._inputs)
    return list(seen.values())
