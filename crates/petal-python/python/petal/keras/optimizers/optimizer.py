"""Optimizers: settings, and the learning rate of the model that is compiled with them."""

import json
import weakref

from ..layers.layer import serialized_all
from .schedules import LearningRateSchedule


class LearningRate(float):
    """A learning rate, which also has `numpy()` and, of a compiled model's optimizer, `assign()`."""

    _optimizer = None

    def numpy(self):
        return float(self)

    def assign(self, value):
        """Sets the optimizer's rate."""
        self._optimizer.learning_rate = value


class Optimizer:
    """Moves weights by gradients."""

    def __init__(self, arguments):
        kwargs = arguments.pop("kwargs", {})
        config = {k: v for k, v in arguments.items() if k not in ("self", "__class__")}
        if "lr" in kwargs:
            config["learning_rate"] = kwargs.pop("lr")
        if kwargs:
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(map(repr, kwargs))}")
        self.name = config.pop("name", None) or type(self).__name__.lower()
        rate = config["learning_rate"]
        if not isinstance(rate, LearningRateSchedule):
            config["learning_rate"] = float(rate)
        self._config = config
        self._model = lambda: None

    def get_config(self):
        """The settings by Keras' names."""
        return {"name": self.name, **self._config}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def _json(self):
        config = serialized_all(self.get_config())
        return json.dumps({"class_name": type(self).__name__, "config": config})

    def _of(self, model):
        self._model = weakref.ref(model)

    @property
    def learning_rate(self):
        """The rate of the next step, or the schedule; setting it replaces either."""
        rate, model = self._config["learning_rate"], self._model()
        if model is not None and model._native.is_compiled:
            rate = model._native.learning_rate
        elif isinstance(rate, LearningRateSchedule):
            return rate
        # As short as a number of 32 bits allows.
        rate = LearningRate(float(f"{rate:.7g}"))
        rate._optimizer = self
        return rate

    @learning_rate.setter
    def learning_rate(self, rate):
        if isinstance(rate, LearningRateSchedule):
            raise ValueError("a schedule is set by compile; learning_rate is set to a number")
        self._config["learning_rate"] = float(rate)
        model = self._model()
        if model is not None and model._native.is_compiled:
            model._native.learning_rate = float(rate)

    lr = learning_rate

    def __repr__(self):
        return f"<{type(self).__name__} learning_rate={self.learning_rate}>"


class Adam(Optimizer):
    """Adam (Kingma and Ba 2014)."""

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(locals())


class AdamW(Optimizer):
    """Adam with a weight decay beside it (Loshchilov and Hutter 2017)."""

    def __init__(
        self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(locals())


class SGD(Optimizer):
    """Gradient descent, with momentum perhaps."""

    def __init__(
        self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(locals())


class RMSprop(Optimizer):
    """Gradients divided by a moving average of their size."""

    def __init__(
        self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07, centered=False, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(locals())


_BY_NAME = {one.__name__.lower(): one for one in (Adam, AdamW, SGD, RMSprop)}


def get(identifier):
    """The optimizer of this name; one that is an object is given back."""
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return get(identifier["class_name"]).from_config(identifier["config"])
    found = _BY_NAME.get(str(identifier).lower()) if isinstance(identifier, str) else None
    if found is None:
        names = ", ".join(one.__name__ for one in _BY_NAME.values())
        raise ValueError(f"the optimizer {identifier!r} is none of Petal's: {names}")
    return found()


def of_loaded(model):
    """Gives a model that was compiled when it was saved its optimizer, as the file has it."""
    compiled = json.loads(model._native.config()).get("compile_config")
    model.optimizer = None
    if not model._native.is_compiled:
        return
    described = (compiled or {}).get("optimizer") or {"class_name": "Adam", "config": {}}
    optimizer = object.__new__(_BY_NAME.get(described["class_name"].lower(), Adam))
    optimizer.name = described["config"].get("name", described["class_name"].lower())
    optimizer._config = {k: v for k, v in described["config"].items() if k != "name"}
    optimizer._of(model)
    model.optimizer = optimizer
