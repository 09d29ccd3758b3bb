"""Models: graphs of layers with their weights."""

import json
import os
import tempfile

import numpy as np

from .. import _petal
from .._random import next_seed
from ..tensor import tensor
from . import callbacks as _callbacks
from . import losses, optimizers
from . import metrics as _metrics
from .layers.input import Input, InputLayer
from .layers.layer import Layer, Variable, unique_name
from .symbolic import KerasTensor, history


def _one(tensors, what):
    several = list(tensors.values()) if isinstance(tensors, dict) else tensors
    several = list(several) if isinstance(several, (list, tuple)) else [several]
    if len(several) != 1:
        raise ValueError(f"a model has {len(several)} {what}; Petal's models have one input and one output")
    if not isinstance(several[0], KerasTensor):
        raise ValueError(f"a model's {what} are KerasTensors, made by Input and by calling layers; got {several[0]!r}")
    return several[0]


class Model(Layer):
    """Layers between an input and an output, with their weights: `Model(inputs, outputs)`.

    A model is a layer, too: `base(x, training=False)` puts it into another one.
    """

    def __init__(self, inputs=None, outputs=None, name=None, trainable=True):
        if inputs is None or outputs is None:
            raise NotImplementedError(
                f"{type(self).__name__}: models by subclassing cannot run on Petal's engine; use Model(inputs, outputs)"
            )
        input, output = _one(inputs, "inputs"), _one(outputs, "outputs")
        self._begin({"name": name or unique_name("functional"), "trainable": trainable})
        native = _petal.Model.between(input._native, output._native, self.name, next_seed())
        self._holds(native, history([output]))
        self._input, self._output = input, output
        if not trainable:
            self.trainable = False

    def _holds(self, native, tensors=()):
        """Takes a native model, and for its layers the objects that made these tensors."""
        self._native = native
        self._version = 0
        self._compiled = None
        self.optimizer = self.loss = None
        self.stop_training = False
        self.history = None
        # For each layer whose weights are another model's: its prefix here, that model, the prefix there, and the
        # version of that model's weights that is here.
        self._shared = []
        known = {one._node_name: one._layer for one in tensors}
        self._layers, self._hidden = [], []
        for described in json.loads(native.layers()):
            layer = known.get(described["name"]) or _from_native(described, self)
            (self._hidden if described["hidden"] else self._layers).append(layer)
            self._adopt(layer, described)
        self._pull()

    def _adopt(self, layer, described):
        name = described["name"]
        if isinstance(layer, Model):
            self._shared.append([f"{name}/", layer, "", None])
        elif described["weights"]:
            home = layer._home()
            if home is not None:
                self._shared.append([f"{name}/", home[0], f"{home[1]}/", None])
            if layer._trainable != self._native.trainable(name):
                self._native.set_trainable(name, layer._trainable)
        if not isinstance(layer, InputLayer):
            layer._joins(self, name)

    # Weights that are shared with the models that layers come from.

    def _pull(self):
        """Brings weights up to date that another model has and has changed."""
        for entry in self._shared:
            prefix, source, theirs, seen = entry
            source._pull()
            if seen != source._version:
                self._native.take_weights(source._native, theirs, prefix)
                entry[3] = source._version
                self._version += 1

    def _changed(self):
        """Gives changed weights to the models that they are shared with."""
        self._version += 1
        for entry in self._shared:
            prefix, source, theirs, _ = entry
            source._native.take_weights(self._native, prefix, theirs)
            source._changed()
            entry[3] = source._version

    def _variables(self, prefix):
        return [
            Variable(self, path, shape, trains)
            for path, shape, trains in self._native.weights()
            if path.startswith(prefix)
        ]

    def _home(self):
        return (self, "")

    # As a layer.

    def _native_output(self, name, tensors, training):
        self._pull()
        return _petal.nest(self._native, training is False, name, tensors[0]._native)

    def _name_in(self, tensors):
        if any(one._layer is self for one in history(tensors)):
            raise ValueError(f"model '{self.name}' is called twice in one model; in Petal it is called once")
        return self.name

    @property
    def _trains_when_called(self):
        layers = [one for one in self._layers if not isinstance(one, InputLayer)]
        return bool(layers) and all(one._trains_when_called for one in layers)

    def _model_for(self, shape):
        return self

    def _run(self, inputs, training):
        self._pull()
        return tensor(self._native.call(inputs, bool(training), next_seed()))

    @property
    def trainable(self):
        """Whether training changes its weights; setting it sets all of its layers. Takes effect at the next `compile`."""
        return self._native.trainable("")

    @trainable.setter
    def trainable(self, trainable):
        self._native.set_trainable("", bool(trainable))
        _set_all(self._layers, bool(trainable))

    @property
    def layers(self):
        """Its layers in Keras' order: `for layer in base.layers[:100]: layer.trainable = False`."""
        return list(self._layers)

    def get_layer(self, name=None, index=None):
        """The layer of this name, or at this place."""
        if index is not None:
            return self._layers[index]
        for layer, described in zip(self._hidden + self._layers, json.loads(self._native.layers())):
            if described["name"] == name:
                return layer
        names = ", ".join(layer.name for layer in self._layers)
        raise ValueError(f"model '{self.name}' has no layer {name!r}; it has {names}")

    @property
    def input(self):
        return self._input

    @property
    def output(self):
        return self._output

    @property
    def inputs(self):
        return [self.input]

    @property
    def outputs(self):
        return [self.output]

    @property
    def input_shape(self):
        return (None, *self._native.input_shape)

    @property
    def output_shape(self):
        return (None, *self._native.output_shape)

    @property
    def built(self):
        return True

    # Training.

    def compile(
        self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None,
        run_eagerly=False, steps_per_execution=1, jit_compile="auto", auto_scale_loss=True,
    ):  # fmt: skip
        """Sets how the model trains: optimizer, loss and metrics, by object or by name."""
        if loss is None:
            raise ValueError(f"compile of model '{self.name}' has no loss; give one, as in loss='mse'")
        if loss_weights is not None or weighted_metrics is not None:
            raise ValueError("loss_weights and weighted_metrics are for models of several outputs; Petal's have one")
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.get(loss)
        described = [_metrics.get(one, self.loss) for one in _metrics.listed(metrics)]
        self._native.compile(self.optimizer._json(), self.loss._json(), [one.json for one in described])
        self._compiled = {one.native_name: one.name for one in described}
        self.optimizer._of(self)

    @property
    def compiled(self):
        return self._native.is_compiled

    @property
    def metrics_names(self):
        return ["loss", *(self._compiled or {}).values()]

    def _logs(self, logs):
        """Native logs by the names that `compile` was given."""
        names = self._compiled or {}

        def named(key):
            prefix = "val_" if key.startswith("val_") else ""
            return prefix + names.get(key[len(prefix) :], key[len(prefix) :])

        return {named(key): value for key, value in logs.items()}

    def _native_log_name(self, name):
        """The other way round, for what a callback monitors."""
        prefix = "val_" if name.startswith("val_") else ""
        back = {user: native for native, user in (self._compiled or {}).items()}
        return prefix + back.get(name[len(prefix) :], name[len(prefix) :])

    def _check_compiled(self, what):
        if not self._native.is_compiled:
            raise ValueError(f"model '{self.name}' isn't compiled; call compile(optimizer, loss) before {what}")

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
        validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
        steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1,
    ):  # fmt: skip
        """Trains the model on arrays, a data set, or anything that gives batches, and returns the `History`.

        `x` and `y` are arrays, or `x` is a data set, a generator, a `tf.data` or PyTorch loader that gives
        `(inputs, targets)`. Ctrl-C ends the training after the current step; the model keeps what it has learned.
        """
        from ..dataset import data_for, split_off

        self._check_compiled("fit")
        if validation_split:
            (x, y), validation_data = split_off(x, y, validation_split)
            sample_weight = None if sample_weight is None else sample_weight[: len(x)]
        data = data_for(self, x, y, batch_size, shuffle, steps_per_epoch, trains=True)
        validation = None
        if validation_data is not None:
            pair = validation_data if isinstance(validation_data, (tuple, list)) else (validation_data, None)
            if len(pair) > 2:
                raise ValueError("validation_data has sample weights; Petal weighs samples in training, not in validation")
            batch = validation_batch_size or batch_size
            validation = data_for(self, pair[0], pair[1], batch, False, validation_steps, trains=False)
        self.stop_training = False
        seen = _callbacks.History(self, {"epochs": epochs, "steps": -(-len(data) // data.batch_size), "verbose": verbose})
        own = _callbacks.Callbacks(self, callbacks, seen)
        settings = {
            "epochs": int(epochs),
            "initial_epoch": int(initial_epoch),
            "steps_per_epoch": None if steps_per_epoch is None else int(steps_per_epoch),
            "validation_freq": int(validation_freq),
            "verbose": 1 if verbose == "auto" else int(verbose),
            "class_weight": self._class_weight(class_weight),
            "sample_weight": None if sample_weight is None else self._sample_weight(sample_weight, x),
        }
        self._pull()
        self._native.describe_data(data)
        try:
            result = self._native.fit(data, validation, json.dumps(settings), own.native(), own.hooks())
        finally:
            self._changed()
            self.history = seen
        own.finish(result["callbacks"])
        seen.epoch = result["history"]["epoch"]
        seen.history = self._logs(result["history"]["history"])
        return seen

    @staticmethod
    def _sample_weight(sample_weight, x):
        weights = np.asarray(sample_weight, np.float32)
        if not hasattr(x, "shape"):
            raise ValueError("sample_weight is for arrays; weigh the classes of a data set by class_weight")
        if weights.shape != (len(x),):
            raise ValueError(f"sample_weight has the shape {weights.shape}; expected ({len(x)},), one number a sample")
        return weights.tolist()

    def _class_weight(self, class_weight):
        if class_weight is None:
            return None
        classes = max(self.output_shape[-1], 2)
        unknown = [one for one in class_weight if not 0 <= int(one) < classes]
        if unknown:
            raise ValueError(f"class_weight has class {unknown[0]}; the model's are 0 to {classes - 1}")
        return [float(class_weight.get(i, 1.0)) for i in range(classes)]

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
        return_dict=False, **kwargs,
    ):  # fmt: skip
        """Loss and metrics of data: a list, the loss alone where there are no metrics, or with `return_dict` a dict."""
        from ..dataset import data_for

        self._check_compiled("evaluate")
        if sample_weight is not None:
            raise ValueError("sample_weight: Petal weighs samples in fit, not in evaluate")
        data = data_for(self, x, y, batch_size, False, steps, trains=False)
        self._pull()
        own = _callbacks.Callbacks(self, callbacks)
        own.around("test")
        logs = self._logs(self._native.evaluate(data))
        own.around("test", logs)
        if verbose not in (0, "0"):
            print(" - ".join(f"{key}: {value:.4f}" for key, value in logs.items()))
        if return_dict:
            return logs
        values = [logs.pop("loss"), *logs.values()]
        return values[0] if len(values) == 1 else values

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The outputs for arrays or data, `(samples, …)`, in inference mode."""
        from ..dataset import data_for

        data = data_for(self, x, None, batch_size, False, steps, trains=False, labelled=False)
        self._pull()
        return self._native.predict(data)

    def predict_on_batch(self, x):
        """The outputs for one batch."""
        return self.predict(x, batch_size=len(x))

    # Looking, saving.

    def summary(
        self, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
        layer_range=None,
    ):  # fmt: skip
        """Prints the table of layers and parameters."""
        (print_fn or print)(self._native.summary(line_length, bool(expand_nested), bool(show_trainable)))

    def _repr_html_(self):
        import html

        return f"<pre>{html.escape(self._native.summary(None, True, False))}</pre>"

    def count_params(self):
        return sum(self._native.params())

    @property
    def weights(self):
        return self._variables("")

    variables = weights

    def get_config(self):
        """The settings of the model and its layers, as `config.json` in a `.keras` file has them."""
        return json.loads(self._native.config())["config"]

    def to_json(self, **kwargs):
        """The model's layers as JSON, without weights."""
        return self._native.config()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of such settings, with new weights."""
        class_name = "Sequential" if "build_input_shape" in config else "Functional"
        return from_native(_petal.Model.from_config(json.dumps({"class_name": class_name, "config": config})))

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Writes the model: `.keras` and `.h5` for Keras, `.petal` with all that Petal knows, `.weights.h5`."""
        if not overwrite and os.path.exists(filepath):
            raise FileExistsError(f"{filepath} is there already; overwrite=True replaces it")
        self._pull()
        self._native.save(os.fspath(filepath))

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Writes the weights alone, to a `.weights.h5` file."""
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(f"weights are saved to a file whose name ends with .weights.h5; got {filepath}")
        self.save(filepath, overwrite)

    def load_weights(self, filepath, skip_mismatch=False, by_name=False, **kwargs):
        """Reads weights that Keras or Petal has written."""
        for reason in self._native.load_weights(os.fspath(filepath), bool(by_name), bool(skip_mismatch)):
            print(reason)
        self._changed()

    def export(self, filepath, format="onnx", verbose=None, input_signature=None, *, layout="nhwc", **kwargs):
        """Writes the model for other programs, in ONNX. `layout` is `nhwc` or `nchw`."""
        if format != "onnx":
            raise ValueError(f"Petal exports to onnx, from which others convert; got format={format!r}")
        self._pull()
        self._native.export_onnx(os.fspath(filepath), layout.lower() == "nchw", False, False)

    def __reduce__(self):
        self._pull()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.petal")
            self._native.save(path)
            with open(path, "rb") as file:
                return _unpickled, (file.read(), dict(self._compiled) if self._compiled else None)

    def __deepcopy__(self, memo):
        self._pull()
        copy = from_native(self._native.copy())
        copy._compiled = self._compiled
        optimizers.of_loaded(copy)
        return copy

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built=True>"


class Sequential(Model):
    """A chain of layers: `Sequential([Input((180, 180, 3)), Rescaling(1 / 255), Flatten(), Dense(5)])`.

    Without an `Input` and without `input_shape` in its first layer it is built when it sees data.
    """

    def __init__(self, layers=None, trainable=True, name=None):
        self._begin({"name": name or unique_name("sequential"), "trainable": trainable})
        self._chain = []
        self._native = None
        self._pending_compile = None
        for layer in layers or []:
            self._chain.append(self._checked(layer))
        self._build_if_known()

    def _checked(self, layer):
        if isinstance(layer, KerasTensor):
            layer = layer._layer
        if not isinstance(layer, Layer):
            raise ValueError(f"a Sequential is made of layers; got {layer!r}")
        return layer

    def add(self, layer):
        """Appends a layer."""
        self._chain.append(self._checked(layer))
        self._rebuild()

    def pop(self):
        """Takes the last layer off."""
        last = self._chain.pop()
        self._rebuild(last)
        return last

    def _rebuild(self, *gone):
        """Builds the chain anew where it was built, with the weights that it had."""
        old, self._native = self._native, None
        for layer in [*self._chain, *gone]:
            layer._places = [(ref, path) for ref, path in layer._places if ref() is not self]
        self._build_if_known(old and old.input_shape)
        if old is not None and self._native is not None:
            there = {path for path, _, _ in old.weights()}
            for path, _, _ in self._native.weights():
                if path in there:
                    self._native.set_weight(path, old.weight(path))

    def _build_if_known(self, shape=None):
        first = self._chain[0] if self._chain else None
        if isinstance(first, InputLayer) and len(self._chain) > 1:
            self._build(first.output)
        elif isinstance(first, Sequential) and first._native is not None:
            self._build(Input(shape=tuple(first._native.input_shape)))
        elif isinstance(first, Model) and not isinstance(first, Sequential):
            self._build(Input(shape=first.input_shape[1:]))
        elif first is not None and (first._given_input_shape or shape):
            self._build(Input(shape=first._given_input_shape or tuple(shape)))

    def _build(self, input):
        output = input
        for layer in self._chain:
            if not isinstance(layer, InputLayer):
                output = layer(output)
        native = _petal.Model.sequential(input._native, output._native, self.name, next_seed())
        self._holds(native, history([output]))
        self._layers = [one for one in self._layers if not isinstance(one, InputLayer)]
        self._input, self._output = input, output
        if not self._trainable:
            Model.trainable.fset(self, False)
        if self._pending_compile:
            Model.compile(self, **self._pending_compile)

    def build(self, input_shape=None):
        """Makes the weights for inputs of this shape, which has the batch axis."""
        if self._native is None:
            self._build(Input(shape=tuple(input_shape)[1:]))

    def _need(self, what):
        if self._native is None:
            raise ValueError(
                f"{what} of Sequential '{self.name}' was asked for before it is built: begin it with Input(shape), call build, or call it on data"
            )

    def __getattr__(self, name):
        unbuilt = "_chain" in self.__dict__ and self.__dict__.get("_native") is None
        if unbuilt and (name in vars(Model) or name in ("_input", "_output")):
            self._need(name)
        raise AttributeError(f"Sequential has no attribute {name!r}")

    @property
    def layers(self):
        return [one for one in self._chain if not isinstance(one, InputLayer)]

    @property
    def built(self):
        return self._native is not None

    def _home(self):
        return (self, "") if self._native is not None else None

    @property
    def trainable(self):
        return self._trainable if self._native is None else Model.trainable.fget(self)

    @trainable.setter
    def trainable(self, trainable):
        self._trainable = bool(trainable)
        if self._native is None:
            _set_all(self._chain, bool(trainable))
        else:
            Model.trainable.fset(self, trainable)

    @property
    def _trains_when_called(self):
        return bool(self.layers) and all(one._trains_when_called for one in self.layers)

    @property
    def weights(self):
        return [] if self._native is None else self._variables("")

    variables = weights

    def _native_output(self, name, tensors, training):
        self.build((None, *tensors[0]._native.shape))
        return super()._native_output(name, tensors, training)

    def _model_for(self, shape):
        self.build((None, *shape))
        return self

    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, **kwargs):
        """Sets how the model trains; see `Model.compile`."""
        if isinstance(loss_weights, (list, tuple)) and metrics is None and loss_weights and isinstance(loss_weights[0], str):
            raise ValueError("loss_weights are numbers; give the metrics by name, metrics=[…]")
        self._pending_compile = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics, **kwargs,
        }  # fmt: skip
        if self._native is not None:
            Model.compile(self, **self._pending_compile)

    def _check_compiled(self, what):
        if self._native is None:
            if not self._pending_compile:
                raise ValueError(f"model '{self.name}' isn't compiled; call compile(optimizer, loss) before {what}")
        else:
            super()._check_compiled(what)

    def summary(self, *args, **kwargs):
        """Prints the table of layers and parameters."""
        if self._native is None:
            chain = ", ".join(f"{one.name} ({type(one).__name__})" for one in self._chain)
            print(f'Model: "{self.name}" (not built yet: {chain or "no layers"})')
        else:
            super().summary(*args, **kwargs)

    def _repr_html_(self):
        return f"<pre>{self!r}</pre>" if self._native is None else super()._repr_html_()

    def __repr__(self):
        return f"<Sequential name={self.name}, built={self.built}>"


def _set_all(layers, trainable):
    for layer in layers:
        layer._trainable = trainable
        if isinstance(layer, Model):
            _set_all(getattr(layer, "_layers", []) if layer.built else getattr(layer, "_chain", []), trainable)


def _from_native(described, model):
    """A layer object for a layer that is known natively alone."""
    from . import layers

    class_name = described["class_name"]
    if described["layers"] is not None:
        return _NativeModel(model, described)
    cls = getattr(layers, class_name, None)
    if cls is None or not isinstance(cls, type):
        cls = type(class_name, (Layer,), {"__module__": __name__})
    layer = object.__new__(cls)
    layer._begin({"name": described["name"]})
    layer._config = described["config"]
    layer._trainable = model._native.trainable(described["name"])
    if class_name == "InputLayer":
        layer._config = {"batch_shape": (None, *described["output_shape"])}
    return layer


class _NativeModel(Layer):
    """A model within one that was loaded: its layers, as far as they are looked at."""

    def __init__(self, model, described, prefix=""):
        self._begin({"name": described["name"]})
        self._config = {}
        self._output_shape = (None, *described["output_shape"])
        self._layers = []
        for inner in described["layers"]:
            path = f"{prefix}{described['name']}/{inner['name']}"
            if inner["layers"] is not None:
                layer = _NativeModel(model, inner, f"{prefix}{described['name']}/")
            else:
                layer = _from_native({**inner, "name": inner["name"]}, _Elsewhere(model, f"{prefix}{described['name']}/"))
            layer._joins(model, path)
            if not inner["hidden"]:
                self._layers.append(layer)

    @property
    def layers(self):
        return list(self._layers)

    def get_layer(self, name=None, index=None):
        if index is not None:
            return self._layers[index]
        return next(one for one in self._layers if one.name == name)

    @property
    def output_shape(self):
        return self._output_shape


class _Elsewhere:
    """A model's flags below a prefix."""

    def __init__(self, model, prefix):
        self._native = self
        self._model, self._prefix = model, prefix

    def trainable(self, name):
        return self._model._native.trainable(self._prefix + name)


def from_native(native, name=None):
    """The model object for a native model: of an application, or from a file."""
    cls = Sequential if native.class_name == "Sequential" else Model
    model = object.__new__(cls)
    model._begin({"name": name or native.name})
    if cls is Sequential:
        model._pending_compile = None
        model._chain = []
    model._holds(native)
    described = json.loads(native.layers())
    layers = dict(zip((one["name"] for one in described), model._hidden + model._layers))
    tensors = {}
    for one, handle in zip(described, native.tensors()):
        layer = layers[one["name"]]
        made = KerasTensor(handle, layer, [tensors[name] for name in one["inputs"]])
        layer._called.append(made)
        tensors[one["name"]] = made
    model._input = tensors[described[0]["name"]]
    model._output = _last(described, tensors)
    if cls is Sequential:
        model._chain = list(model._layers)
    return model


def _last(described, tensors):
    """The output: the layer that no other is called on."""
    used = {name for one in described for name in one["inputs"]}
    return tensors[[one["name"] for one in described if one["name"] not in used][-1]]


def _unpickled(content, compiled):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.petal")
        with open(path, "wb") as file:
            file.write(content)
        model = from_native(_petal.Model.load(path))
    model._compiled = compiled
    optimizers.of_loaded(model)
    return model


def save_model(model, filepath, overwrite=True, **kwargs):
    """Writes a model; see `Model.save`."""
    model.save(filepath, overwrite)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model in a `.keras`, `.h5` or `.petal` file."""
    model = from_native(_petal.Model.load(os.fspath(filepath)))
    model._compiled = {}
    optimizers.of_loaded(model)
    return model


def model_from_json(text, custom_objects=None):
    """The model of `Model.to_json`, with new weights."""
    return from_native(_petal.Model.from_config(text))


def clone_model(model, **kwargs):
    """A model of the same layers, with new weights."""
    return model_from_json(model.to_json())
