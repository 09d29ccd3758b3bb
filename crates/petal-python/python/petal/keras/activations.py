"""Activations by name; they are settings of layers, and functions of values."""

import numpy as np

from ..tensor import tensor, values

NAMES = (
    "linear relu relu6 sigmoid tanh elu selu gelu silu swish softplus softsign leaky_relu hard_sigmoid hard_silu "
    "hard_swish exponential softmax log_softmax celu mish log_sigmoid squareplus sparse_plus sparse_sigmoid"
).split()


def _activation(name):
    def apply(x):
        from .layers import Activation
        from .symbolic import KerasTensor

        if isinstance(x, KerasTensor):
            return Activation(name)(x)
        x = values(x, f"the input of {name}").astype(np.float32, copy=False)
        # A row is a sample; a function of single values doesn't mind.
        rows = x.reshape(1, -1) if x.ndim < 2 else x
        return tensor(Activation(name)(rows).numpy().reshape(x.shape))

    apply.__name__ = name
    apply.__doc__ = f"Applies {name} to a tensor."
    return apply


globals().update({name: _activation(name) for name in NAMES})


def serialize(activation):
    """An activation as a layer's setting has it."""
    if activation is None:
        return "linear"
    if isinstance(activation, str) or hasattr(activation, "get_config"):
        return activation
    if callable(activation) and getattr(activation, "__name__", None) in NAMES:
        return activation.__name__
    raise ValueError(f"the activation {activation!r} is none of Petal's: {', '.join(NAMES)}")


def get(identifier):
    """The activation of this name; one that is a function is given back."""
    if identifier is None:
        return globals()["linear"]
    if callable(identifier):
        return identifier
    if identifier in NAMES:
        return globals()[identifier]
    raise ValueError(f"the activation {identifier!r} is none of Petal's: {', '.join(NAMES)}")
