"""The part of Keras 3 that Petal has, by the same names: `from petal import keras`."""

import sys
import types

from . import (
    activations, applications, callbacks, datasets, initializers, layers, losses, metrics, models, optimizers, regularizers, saving,
    utils,
)  # fmt: skip
from .image_data_generator import ImageDataGenerator
from .layers import Input, Layer
from .models import Model, Sequential
from .symbolic import KerasTensor

__version__ = "3.15.1"


def _module(name, **members):
    module = types.ModuleType(f"{__name__}.{name}")
    vars(module).update(members)
    sys.modules[module.__name__] = module
    return module


backend = _module("backend", clear_session=utils.clear_session, backend=lambda: "petal", image_data_format=lambda: "channels_last")
preprocessing = _module("preprocessing")
preprocessing.image = _module(
    "preprocessing.image",
    ImageDataGenerator=ImageDataGenerator,
    **{name: getattr(utils, name) for name in ("array_to_img", "img_to_array", "load_img", "save_img")},
)
preprocessing.image_dataset_from_directory = utils.image_dataset_from_directory
config = _module("config", image_data_format=lambda: "channels_last", floatx=lambda: "float32", backend=lambda: "petal")
__all__ = [
    "Input", "KerasTensor", "Layer", "Model", "Sequential", "activations", "applications", "backend", "callbacks",
    "config", "datasets", "initializers", "layers", "losses", "metrics", "models", "optimizers", "preprocessing", "regularizers",
    "saving", "utils",
]  # fmt: skip
