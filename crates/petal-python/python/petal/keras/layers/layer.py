"""What all layers have in common."""

import collections
import json
import re
import weakref

import numpy as np

from ... import _petal
from ...tensor import tensor, values
from .. import activations, initializers
from ..symbolic import KerasTensor, history, tensors_of

_names: collections.Counter[str] = collections.Counter()


def snake_case(name):
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(base):
    """`dense`, then `dense_1`, as Keras counts them; `clear_session` begins anew."""
    count = _names[base]
    _names[base] += 1
    return f"{base}_{count}" if count else base


def reset_names():
    _names.clear()


def serialized(value):
    """A setting as Keras' JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [serialized(one) for one in value]
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": serialized_all(value.get_config())}
    if callable(value):
        return getattr(value, "__name__", str(value))
    return value


def serialized_all(config):
    return {key: serialized(value) for key, value in config.items()}


class Layer:
    """A layer: settings, and weights once it is in a model.

    Petal's layers are compiled; one of your own cannot be written in Python. Called on a `KerasTensor` a layer goes into
    a graph, called on values it computes.
    """

    _settings_of_all = ("name", "trainable", "dtype", "input_shape", "batch_input_shape", "batch_shape", "input_dim")

    def __init__(self, arguments=None, **kwargs):
        if arguments is None or not type(self).__module__.startswith("petal."):
            raise NotImplementedError(
                f"{type(self).__name__}: layers and models of one's own, by subclassing, cannot run on Petal's engine; "
                "build it of petal.keras.layers with Model(inputs, outputs) or Sequential"
            )
        kwargs = {**arguments.pop("kwargs", {}), **kwargs}
        data_format = kwargs.pop("data_format", arguments.get("data_format"))
        if data_format not in (None, "channels_last"):
            raise ValueError(f"{type(self).__name__} has data_format={data_format!r}; Petal's images are channels_last")
        settings = {key: value for key, value in arguments.items() if key not in ("self", "__class__")}
        common = {key: kwargs.pop(key) for key in self._settings_of_all if key in kwargs}
        common.update({key: settings.pop(key) for key in ("name", "dtype") if key in settings})
        if kwargs:
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(map(repr, kwargs))}")
        self._begin(common)
        self._config = {key: self._setting(key, value) for key, value in settings.items()}
        _petal.check(self._description(self.name))

    def __getattr__(self, name):
        """A weight or a setting: `layer.kernel`, `layer.filters`."""
        state = self.__dict__
        if not name.startswith("_") and "_config" in state:
            if name in state["_config"]:
                value = state["_config"][name]
                return activations.get(value) if name == "activation" and isinstance(value, str) else value
            for variable in self.weights:
                if variable.name == name:
                    return variable
        raise AttributeError(f"{type(self).__name__} '{state.get('_name', '')}' has no attribute {name!r}")

    def _begin(self, common):
        name = common.get("name")
        self._name = str(name) if name else unique_name(snake_case(type(self).__name__))
        self._trainable = bool(common.get("trainable", True))
        shape = common.get("input_shape")
        if shape is None and common.get("input_dim"):
            shape = (common["input_dim"],)
        for key in ("batch_input_shape", "batch_shape"):
            if common.get(key) is not None:
                shape = common[key][1:]
        self._given_input_shape = None if shape is None else tuple(shape)
        # The models that it is a layer of, with its path there; the first one has its weights.
        self._places = []
        self._called = []
        self._eager = {}

    def _setting(self, key, value):
        if key.endswith("_initializer"):
            return initializers.get(value)
        if key == "activation" or key.endswith("_activation"):
            return activations.serialize(value)
        if key.endswith(("_regularizer", "_constraint")) and isinstance(value, str):
            return {"class_name": value, "config": {}}
        return value

    @property
    def name(self):
        return self._name

    @property
    def dtype(self):
        return "float32"

    compute_dtype = variable_dtype = dtype

    def get_config(self):
        """The settings by Keras' names."""
        return {"name": self.name, "trainable": self.trainable, "dtype": "float32", **serialized_all(self._config)}

    @classmethod
    def from_config(cls, config):
        """The layer of these settings."""
        return cls(**config)

    def _description(self, name):
        return json.dumps({"class_name": type(self).__name__, "config": {**self.get_config(), "name": name}})

    # In a graph.

    def __call__(self, inputs, *args, training=None, **kwargs):
        if args or kwargs:
            unknown = ", ".join(kwargs) or repr(args[0])
            raise TypeError(f"layer '{self.name}' is called with {unknown}; expected inputs and training")
        tensors = tensors_of(inputs)
        return self._compute(inputs, training) if tensors is None else self._apply(tensors, training)

    def _apply(self, tensors, training):
        name = self._name_in(tensors)
        output = KerasTensor(self._native_output(name, tensors, training), self, tensors, name)
        self._called.append(output)
        return output

    def _native_output(self, name, tensors, training):
        return _petal.apply(self._description(name), [one._native for one in tensors])

    def _name_in(self, tensors):
        """Its name; another one where it was called before in this graph, which only a layer without weights may be."""
        before = [one for one in history(tensors) if one._layer is self]
        if not before:
            return self.name
        if self._has_weights():
            raise ValueError(
                f"layer '{self.name}' is called twice in one model; in Petal a layer with weights is called once: make "
                "a second one"
            )
        return unique_name(f"{self.name}_again")

    def _has_weights(self):
        return bool(self._home()) and bool(self.weights)

    def _tensor(self, what):
        if not self._called:
            raise AttributeError(f"layer '{self.name}' was never called, so it has no {what}")
        return self._called[-1]

    @property
    def output(self):
        """What it gave when it was called last."""
        return self._tensor("output")

    @property
    def input(self):
        """What it was called on last."""
        inputs = list(self._tensor("input")._inputs)
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output_shape(self):
        return self.output.shape

    @property
    def input_shape(self):
        inputs = self.input
        return [one.shape for one in inputs] if isinstance(inputs, list) else inputs.shape

    # On values.

    # What layers are called on values for: to see what they do in training.
    _trains_when_called = False

    def _compute(self, inputs, training):
        inputs = values(inputs, f"the input of layer '{self.name}'")
        if inputs.ndim == 3 and type(self).__module__.endswith("preprocessing"):
            return tensor(self._compute(inputs[None], training)[0])
        if inputs.ndim < 2:
            raise ValueError(
                f"layer '{self.name}' got values of shape {inputs.shape}; expected samples along the first axis"
            )
        if training is None:
            training = self._trains_when_called
        return self._model_for(inputs.shape[1:])._run(inputs.astype(np.float32, copy=False), training)

    def _model_for(self, shape):
        from ..models import Model
        from .input import Input

        if shape not in self._eager:
            before, self._called = self._called, []
            x = Input(shape=shape, name="input")
            self._eager[shape] = Model(x, self(x), name="eager")
            self._called = before
        return self._eager[shape]

    def build(self, input_shape):
        """Makes the weights for inputs of this shape, which has the batch axis."""
        self._model_for(tuple(input_shape)[1:])

    @property
    def built(self):
        return bool(self._places)

    def compute_output_shape(self, input_shape):
        """The shape of the output, with the batch axis, for inputs of this shape."""
        return (input_shape[0], *self._model_for(tuple(input_shape)[1:]).output_shape[1:])

    # In a model.

    def _joins(self, model, path):
        self._places.append((weakref.ref(model), path))

    def _living_places(self):
        self._places = [(ref, path) for ref, path in self._places if ref() is not None]
        return [(ref(), path) for ref, path in self._places]

    def _home(self):
        places = self._living_places()
        return places[0] if places else None

    @property
    def trainable(self):
        """Whether training changes its weights. Takes effect at the next `compile`."""
        home = self._home()
        return home[0]._native.trainable(home[1]) if home else self._trainable

    @trainable.setter
    def trainable(self, trainable):
        self._trainable = bool(trainable)
        for model, path in self._living_places():
            model._native.set_trainable(path, bool(trainable))

    @property
    def weights(self):
        """Its weights, as `Variable`s."""
        home = self._home()
        if home is None:
            return []
        model, path = home
        return model._variables(f"{path}/" if path else "")

    variables = weights

    @property
    def trainable_weights(self):
        return [one for one in self.weights if one.trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self):
        return [one for one in self.weights if not one.trainable]

    def get_weights(self):
        """The values of its weights, a list of arrays."""
        return [one.numpy() for one in self.weights]

    def set_weights(self, weights):
        """Sets the values of its weights."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(f"'{self.name}' has {len(own)} weights, but got {len(weights)}")
        for variable, value in zip(own, weights):
            variable.assign(value)

    def count_params(self):
        """The number of values in all of its weights."""
        return sum(int(np.prod(one.shape)) for one in self.weights)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


class Variable:
    """A weight of a layer in a model."""

    dtype = "float32"

    def __init__(self, model, path, shape, trainable):
        self._model, self.path, self.shape, self.trainable = model, path, tuple(shape), trainable

    @property
    def name(self):
        return self.path.rsplit("/", 1)[-1]

    def numpy(self):
        self._model._pull()
        return self._model._native.weight(self.path)

    @property
    def value(self):
        return tensor(self.numpy())

    def __array__(self, dtype=None, copy=None):
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def assign(self, value):
        """Sets the values."""
        self._model._pull()
        self._model._native.set_weight(self.path, np.ascontiguousarray(value, dtype=np.float32))
        self._model._changed()

    def __repr__(self):
        return f"<Variable path={self.path}, shape={self.shape}, dtype=float32>"
