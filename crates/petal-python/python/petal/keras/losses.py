"""Losses with Keras' settings."""

import json

import numpy as np

from ..tensor import tensor
from .layers.layer import snake_case


class Loss:
    """What training makes small. Called on targets and predictions it computes the mean over them."""

    def __init__(self, arguments):
        config = {k: v for k, v in arguments.items() if k not in ("self", "__class__", "dtype")}
        self.name = config.pop("name")
        self._config = config

    def get_config(self):
        """The settings by Keras' names."""
        return {"name": self.name, **self._config}

    def _json(self):
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()})

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError("sample_weight: Petal weighs classes (class_weight of fit), not single samples")
        return tensor(self._value(np.asarray(y_true, np.float64), np.asarray(y_pred, np.float64)), np.float32)

    def __repr__(self):
        return f"<{type(self).__name__} {self._config}>"


def _log_softmax(logits):
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def _log_probabilities(predictions, from_logits):
    if from_logits:
        return _log_softmax(predictions)
    shares = predictions / predictions.sum(-1, keepdims=True)
    return np.log(np.clip(shares, 1e-7, 1 - 1e-7))


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of classes' probabilities with class numbers as targets."""

    def __init__(
        self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
        name="sparse_categorical_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(locals())

    def _value(self, y_true, y_pred):
        logs = _log_probabilities(y_pred, self._config["from_logits"])
        labels = y_true.astype(int).reshape(logs.shape[:-1])
        return -np.take_along_axis(logs, labels[..., None], -1).mean()


class CategoricalCrossentropy(Loss):
    """Cross-entropy of classes' probabilities with one-hot targets."""

    def __init__(
        self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
        name="categorical_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(locals())

    def _value(self, y_true, y_pred):
        smoothing = self._config["label_smoothing"]
        y_true = y_true * (1 - smoothing) + smoothing / y_true.shape[-1]
        return -(y_true * _log_probabilities(y_pred, self._config["from_logits"])).sum(-1).mean()


class BinaryCrossentropy(Loss):
    """Cross-entropy of one probability a value, with targets 0 and 1."""

    def __init__(
        self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
        name="binary_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(locals())

    def _value(self, y_true, y_pred):
        smoothing = self._config["label_smoothing"]
        y_true = y_true * (1 - smoothing) + smoothing / 2
        p = 1 / (1 + np.exp(-y_pred)) if self._config["from_logits"] else y_pred
        p = np.clip(p, 1e-7, 1 - 1e-7)
        return -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p)).mean()


class MeanSquaredError(Loss):
    """The mean of the squared differences."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(locals())

    def _value(self, y_true, y_pred):
        return ((y_true - y_pred) ** 2).mean()


_ALL = (SparseCategoricalCrossentropy, CategoricalCrossentropy, BinaryCrossentropy, MeanSquaredError)
_BY_NAME = {name: one for one in _ALL for name in (one.__name__, snake_case(one.__name__))}
_BY_NAME.update(mse=MeanSquaredError, MSE=MeanSquaredError)


def get(identifier):
    """The loss of this name; one that is an object is given back."""
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, dict):
        return _BY_NAME[identifier["class_name"]](**identifier["config"])
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    found = _BY_NAME.get(identifier if isinstance(identifier, str) else getattr(identifier, "__name__", None))
    if found is None:
        names = ", ".join(one.__name__ for one in _ALL)
        raise ValueError(f"the loss {identifier!r} is none of Petal's, which run in Rust: {names}")
    return found()


def _function(cls):
    def loss(y_true, y_pred, **settings):
        instance = cls(**settings)
        rows = zip(np.asarray(y_true), np.asarray(y_pred))
        return tensor([float(instance(t[None], p[None])) for t, p in rows], np.float32)

    loss.__name__ = snake_case(cls.__name__)
    loss.__doc__ = cls.__doc__
    return loss


sparse_categorical_crossentropy, categorical_crossentropy, binary_crossentropy, mean_squared_error = map(_function, _ALL)
