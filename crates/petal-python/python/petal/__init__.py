"""Petal: trains and fine-tunes image classifiers on the CPU, with Keras' interface.

`from petal import keras` has what you know of Keras. `petal.as_tensorflow()` makes notebooks run that import TensorFlow.
"""

from . import keras
from .command import Page, Run, clean, evaluate, explain, export, report, serve, train
from ._petal import sample_photos
from ._tensorflow import as_tensorflow
from .dataset import Dataset
from .tensor import Tensor

__version__ = "0.1.0"
__all__ = [
    "Dataset", "Page", "Run", "Tensor", "as_tensorflow", "clean", "evaluate", "explain", "export", "keras", "report",
    "sample_photos", "serve", "train",
]  # fmt: skip
