"""Figures beside the loss."""

import dataclasses
import json

from .losses import BinaryCrossentropy, SparseCategoricalCrossentropy


class Metric:
    """A figure beside the loss."""

    def __init__(self, arguments):
        config = {k: v for k, v in arguments.items() if k not in ("self", "__class__", "dtype")}
        self.name = config["name"]
        self._config = config

    def get_config(self):
        """The settings by Keras' names."""
        return dict(self._config)


class SparseCategoricalAccuracy(Metric):
    """The share of right classes, with class numbers as targets."""

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(locals())


class CategoricalAccuracy(Metric):
    """The share of right classes, with one-hot targets."""

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(locals())


class BinaryAccuracy(Metric):
    """The share of values on the right side of the threshold."""

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(locals())


class SparseTopKCategoricalAccuracy(Metric):
    """The share of samples whose class is among the `k` most probable, with class numbers as targets."""

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(locals())


class TopKCategoricalAccuracy(Metric):
    """The share of samples whose class is among the `k` most probable, with one-hot targets."""

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(locals())


@dataclasses.dataclass
class Described:
    """A metric for the engine, its name there, and the user's."""

    json: str
    native_name: str
    name: str


_ALL = (
    SparseCategoricalAccuracy, CategoricalAccuracy, BinaryAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)  # fmt: skip
_BY_NAME = {one.__name__: one for one in _ALL} | {one().name: one for one in _ALL}


def listed(metrics):
    """Metrics as a list: one may come alone, or in a list within a list."""
    if metrics is None:
        return []
    metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    return [one for some in metrics for one in (some if isinstance(some, (list, tuple)) else [some])]


def get(identifier, loss):
    """A metric for the engine, by object or name, of a model with this loss."""
    if identifier in ("accuracy", "acc"):
        return Described(json.dumps("accuracy"), "accuracy", identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        identifier = identifier()
    if isinstance(identifier, str) and identifier in _BY_NAME:
        identifier = _BY_NAME[identifier]()
    if not isinstance(identifier, Metric):
        names = ", ".join(one.__name__ for one in _ALL)
        raise ValueError(f"the metric {identifier!r} is none of Petal's: accuracy, {names}")
    k = identifier.get_config().get("k")
    sparse = isinstance(loss, SparseCategoricalCrossentropy)
    if type(identifier).__name__.startswith("Sparse") != sparse and not isinstance(identifier, BinaryAccuracy):
        raise ValueError(
            f"the metric {type(identifier).__name__} doesn't go with the loss {type(loss).__name__}: one takes class "
            "numbers, the other one-hot labels"
        )
    if isinstance(identifier, BinaryAccuracy) and not isinstance(loss, BinaryCrossentropy):
        raise ValueError(f"BinaryAccuracy goes with BinaryCrossentropy; the loss is {type(loss).__name__}")
    native = {None: "accuracy", 5: "top_k_categorical_accuracy"}.get(k, f"top_{k}_categorical_accuracy")
    described = {"class_name": type(identifier).__name__, "config": identifier.get_config()}
    return Described(json.dumps(described), native, identifier.name)
