"""What all networks have in common."""

import json
import os

import numpy as np

from ... import _petal
from ..._random import next_seed
from ...tensor import values
from ..symbolic import KerasTensor

MODULES = {
    "MobileNet": "mobilenet", "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3", "MobileNetV3Large": "mobilenet_v3",
    **{f"EfficientNetB{i}": "efficientnet" for i in range(8)},
    **{f"EfficientNetV2{size}": "efficientnet_v2" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    "ResNet50": "resnet", "ResNet101": "resnet", "ResNet152": "resnet",
    "ResNet50V2": "resnet_v2", "ResNet101V2": "resnet_v2", "ResNet152V2": "resnet_v2",
    **{f"ConvNeXt{size}": "convnext" for size in ("Tiny", "Small", "Base", "Large", "XLarge")},
    "DenseNet121": "densenet", "DenseNet169": "densenet", "DenseNet201": "densenet",
    "Xception": "xception", "InceptionV3": "inception_v3", "InceptionResNetV2": "inception_resnet_v2",
    "NASNetMobile": "nasnet", "NASNetLarge": "nasnet", "VGG16": "vgg16", "VGG19": "vgg19",
}  # fmt: skip

# The size that each was made for, where Keras takes another than 224 without being told.
_SIZES = {
    "EfficientNetB1": 240, "EfficientNetB2": 260, "EfficientNetB3": 300, "EfficientNetB4": 380, "EfficientNetB5": 456,
    "EfficientNetB6": 528, "EfficientNetB7": 600, "EfficientNetV2B1": 240, "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300, "EfficientNetV2S": 384, "EfficientNetV2M": 480, "EfficientNetV2L": 480, "Xception": 299,
    "InceptionV3": 299, "InceptionResNetV2": 299, "NASNetLarge": 331,
}  # fmt: skip

# Keras' positional order where it doesn't begin with the top.
_SHAPE_FIRST = {"MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "NASNetMobile", "NASNetLarge"}


def network(name):
    """The function of this network, as `keras.applications` has it."""
    order = ["include_top", "weights", "input_tensor", "input_shape"]
    if name in _SHAPE_FIRST:
        order = ["input_shape", "include_top", "weights", "input_tensor"]
        if name.startswith("MobileNet"):
            order.insert(1, "alpha")

    def build(*args, **kwargs):
        if len(args) > len(order):
            raise TypeError(f"{name} takes {', '.join(order)} by position; give the others by name")
        given = dict(zip(order, args))
        twice = set(given) & set(kwargs)
        if twice:
            raise TypeError(f"{name} got {', '.join(twice)} twice")
        return _build(name, **given, **kwargs)

    build.__name__ = build.__qualname__ = name
    build.__doc__ = (
        f"{name} as `keras.applications` has it: `input_shape`, `include_top`, `weights` (`'imagenet'`, None or a file), "
        "`pooling` (None, `'avg'`, `'max'`), `classes`, `classifier_activation`."
    )
    return build


def _build(
    name, input_shape=None, include_top=True, weights="imagenet", input_tensor=None, pooling=None, classes=1000,
    classifier_activation="softmax", **own,
):  # fmt: skip
    from ..models import Model, from_native

    given_name = own.pop("name", None)
    if "dropout_rate" in own:
        own["dropout"] = own.pop("dropout_rate")
    if input_tensor is not None and not isinstance(input_tensor, KerasTensor):
        raise ValueError("input_tensor is a KerasTensor, made by Input")
    if input_shape is None:
        size = _SIZES.get(name, 224)
        input_shape = (size, size, 3) if input_tensor is None else input_tensor.shape[1:]
    if len(input_shape) != 3 or any(size is None for size in input_shape):
        raise ValueError(f"input_shape is {input_shape}; expected (height, width, channels) in numbers")
    if classifier_activation not in ("softmax", None, "linear"):
        raise ValueError(f"classifier_activation is {classifier_activation!r}; expected 'softmax' or None")
    settings = {
        "input_shape": [int(size) for size in input_shape],
        "include_top": bool(include_top),
        "weights": None if weights is None else os.fspath(weights),
        "pooling": pooling,
        "classes": int(classes),
        "classifier_activation": classifier_activation,
        "seed": next_seed(),
        "own": own,
    }
    model = from_native(_petal.application(name, json.dumps(settings)), given_name)
    if input_tensor is None:
        return model
    return Model(input_tensor, model(input_tensor), name=model.name)


def module_of(name):
    """`preprocess_input` and `decode_predictions` of a network's module."""

    def preprocess_input(x, data_format=None):
        """Brings colours of 0..=255 into the range that the network expects; a tensor, an array or a KerasTensor."""
        from ..layers import Input
        from ..layers.layer import unique_name
        from ..models import Model

        if isinstance(x, KerasTensor):
            return _preprocessed(name, x, unique_name("preprocess_input"))
        array = values(x, "x").astype(np.float32, copy=False)
        batch = array[None] if array.ndim == 3 else array
        begin = Input(shape=batch.shape[1:])
        end = _preprocessed(name, begin, "preprocess_input")
        if end is begin:
            return array
        result = Model(begin, end)._run(batch, False)
        return result[0] if array.ndim == 3 else result

    def decode_predictions(preds, top=5):
        """For each row the `top` classes of ImageNet that are most probable: identifier, name, probability."""
        return _petal.decode_predictions(np.ascontiguousarray(preds, dtype=np.float32), int(top))

    return preprocess_input, decode_predictions


def _preprocessed(name, x, layer_name):
    """The layers that the network needs before it, which are at most a change of order and one of scale."""
    from ..layers import Layer

    native = _petal.preprocess_input(name, x._native)
    if native is x._native or native.same_as(x._native):
        return x
    layer = object.__new__(Layer)
    layer._begin({"name": layer_name})
    layer._config = {}
    made = KerasTensor(native, layer, [x])
    layer._called.append(made)
    return made
