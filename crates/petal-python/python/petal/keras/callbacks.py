"""Callbacks: Petal's own, by Keras' names, and those that users write."""

import json
import os

HOOKS = (
    "on_train_begin on_train_end on_epoch_begin on_epoch_end on_train_batch_begin on_train_batch_end on_test_begin "
    "on_test_end on_test_batch_begin on_test_batch_end on_predict_begin on_predict_end on_predict_batch_begin "
    "on_predict_batch_end on_batch_begin on_batch_end"
).split()


class Callback:
    """Something that takes part in a training; subclass it and write the hooks that you need.

    `self.model` is the model as it is then: its weights can be read and set, it can predict and be saved, and
    `self.model.stop_training = True` ends the training after the epoch. Hooks of batches get the means of the epoch so
    far. `evaluate` and `predict` call their begin and end, not each batch.
    """

    def __init__(self):
        self.model = None
        self.params = {}

    def set_model(self, model):
        self.model = model

    def set_params(self, params):
        self.params = params

    def on_train_begin(self, logs=None): ...
    def on_train_end(self, logs=None): ...
    def on_epoch_begin(self, epoch, logs=None): ...
    def on_epoch_end(self, epoch, logs=None): ...
    def on_train_batch_begin(self, batch, logs=None):
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch, logs=None): ...
    def on_batch_end(self, batch, logs=None): ...
    def on_test_begin(self, logs=None): ...
    def on_test_end(self, logs=None): ...
    def on_test_batch_begin(self, batch, logs=None): ...
    def on_test_batch_end(self, batch, logs=None): ...
    def on_predict_begin(self, logs=None): ...
    def on_predict_end(self, logs=None): ...
    def on_predict_batch_begin(self, batch, logs=None): ...
    def on_predict_batch_end(self, batch, logs=None): ...

    def _writes(self, *hooks):
        """Whether the class has one of these hooks of its own."""
        return any(getattr(type(self), hook, None) is not getattr(Callback, hook) for hook in hooks)


class _Native(Callback):
    """A callback that runs in Rust, by its settings."""

    def __init__(self, arguments):
        super().__init__()
        self._config = {k: v for k, v in arguments.items() if k not in ("self", "__class__", "kwargs")}
        for key, value in self._config.items():
            setattr(self, key, value)

    def _json(self, model):
        config = dict(self._config)
        if "monitor" in config:
            config["monitor"] = model._native_log_name(config["monitor"])
        config = {k: os.fspath(v) if isinstance(v, os.PathLike) else v for k, v in config.items()}
        return json.dumps({"class_name": type(self).__name__, "config": config})

    def _saw(self, outcome):
        for key, value in outcome.items():
            setattr(self, key, value)


class EarlyStopping(_Native):
    """Stops when a figure no longer improves; sets `stopped_epoch`, `best_epoch` and `best`."""

    def __init__(
        self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
        restore_best_weights=False, start_from_epoch=0,
    ):  # fmt: skip
        super().__init__(locals())
        self.stopped_epoch = self.best_epoch = 0
        self.best = None


class ModelCheckpoint(_Native):
    """Saves the model after each epoch, or where a figure has improved."""

    def __init__(
        self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto",
        save_freq="epoch", initial_value_threshold=None,
    ):  # fmt: skip
        super().__init__(locals())
        self.best = None
        name = os.fspath(filepath)
        if save_weights_only and not name.endswith(".weights.h5"):
            raise ValueError(f"with save_weights_only=True the filepath ends with .weights.h5; got {name}")
        if not name.endswith((".keras", ".h5", ".petal")):
            raise ValueError(f"the filepath ends with .keras, .h5 or .petal; got {name}")


class ReduceLROnPlateau(_Native):
    """Makes the learning rate smaller when a figure no longer improves."""

    def __init__(
        self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=0.0001, cooldown=0,
        min_lr=0.0, **kwargs,
    ):  # fmt: skip
        super().__init__(locals())


class CSVLogger(_Native):
    """Writes a line an epoch to a CSV file."""

    def __init__(self, filename, separator=",", append=False):
        super().__init__(locals())


class BackupAndRestore(_Native):
    """Goes on with a training that was interrupted."""

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        if save_freq != "epoch":
            raise ValueError(f"Petal backs up after each epoch, save_freq='epoch'; got {save_freq!r}")
        super().__init__(locals())


class TerminateOnNaN(_Native):
    """Stops when a loss is no number; without it `fit` raises `FloatingPointError` then."""

    def __init__(self, raise_error=False):
        super().__init__(locals())


class TensorBoard(_Native):
    """Writes what TensorBoard shows."""

    def __init__(
        self, log_dir="logs", histogram_freq=0, write_graph=True, write_images=False, write_steps_per_second=False,
        update_freq="epoch", profile_batch=0, embeddings_freq=0, embeddings_metadata=None,
    ):  # fmt: skip
        super().__init__(locals())


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch: `schedule(epoch, learning_rate)`."""

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.schedule(epoch, float(self.model.optimizer.learning_rate))
        if not isinstance(rate, (int, float)) and not hasattr(rate, "__float__"):
            raise ValueError(f"a schedule gives a number; got {rate!r}")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class LambdaCallback(Callback):
    """Hooks that are functions."""

    def __init__(
        self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None,
        on_train_batch_begin=None, on_train_batch_end=None, **kwargs,
    ):  # fmt: skip
        super().__init__()
        given = {k: v for k, v in locals().items() if k.startswith("on_") and v is not None}
        given.update({k: v for k, v in kwargs.items() if v is not None})
        for hook, function in given.items():
            if hook not in HOOKS:
                raise TypeError(f"LambdaCallback has no hook {hook!r}; it has {', '.join(HOOKS)}")
            setattr(self, hook, function)

    def _writes(self, *hooks):
        return any(hook in vars(self) for hook in hooks)


class History(Callback):
    """What each epoch of a training gave: `history.history["val_accuracy"]` is a list of a number an epoch."""

    def __init__(self, model=None, params=None):
        super().__init__()
        self.epoch = []
        self.history = {}
        self.params = params or {}
        self.model = model

    def plot(self):
        """Loss and accuracy by epoch, drawn with matplotlib; returns the figure."""
        import matplotlib.pyplot as plt

        curves = [name for name in self.history if not name.startswith("val_")]
        figure, axes = plt.subplots(1, max(len(curves), 1), figsize=(5 * max(len(curves), 1), 4), squeeze=False)
        for axis, name in zip(axes[0], curves):
            for key, label in ((name, "Training"), (f"val_{name}", "Validation")):
                if key in self.history:
                    axis.plot(self.history[key], label=label)
            axis.set(title=name, xlabel="Epoch")
            axis.legend()
            axis.grid(True)
        return figure

    def _repr_html_(self):
        names = list(self.history)
        head = "".join(f"<th>{name}</th>" for name in ["epoch", *names])
        rows = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in [epoch + 1, *(f"{self.history[n][i]:.4f}" for n in names)]) + "</tr>"
            for i, epoch in enumerate(self.epoch)
            if all(i < len(self.history[n]) for n in names)
        )
        return f"<table><tr>{head}</tr>{rows}</table>"

    def __repr__(self):
        last = ", ".join(f"{name} {series[-1]:.4f}" for name, series in self.history.items() if series)
        return f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>"


class Callbacks:
    """The callbacks of one call, Petal's own and those in Python."""

    def __init__(self, model, callbacks, *more):
        if callbacks is None:
            callbacks = []
        callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for one in callbacks:
            if not callable(getattr(one, "on_epoch_end", None)):
                raise ValueError(f"callbacks are keras.callbacks.Callback objects; got {one!r}")
        self._model = model
        self._all = callbacks + list(more)
        self._python = [one for one in self._all if not isinstance(one, _Native) and type(one).__name__ != "History"]
        for one in self._all:
            if hasattr(one, "set_model"):
                one.set_model(model)
            else:
                one.model = model
        params = next((one.params for one in more), {})
        for one in self._python:
            if hasattr(one, "set_params"):
                one.set_params(params)
        self._steps = params.get("steps") or 0

    def native(self):
        """JSON for each native callback, an empty text where Python's own come."""
        texts, told = [], False
        for one in self._all:
            if isinstance(one, _Native):
                texts.append(one._json(self._model))
            elif one in self._python and not told:
                texts.append("")
                told = True
        self._texts = texts
        return texts

    def hooks(self):
        return self if self._python else None

    def finish(self, outcomes):
        """Tells each native callback what it has seen."""
        native = [one for one in self._all if isinstance(one, _Native)]
        saw = [json.loads(one) for one, text in zip(outcomes, self._texts) if text]
        for one, outcome in zip(native, saw):
            one._saw(outcome)

    # Called from Rust.

    def asks_for(self, what):
        hooks = {
            "batch": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
            "test_batch": ("on_test_batch_begin", "on_test_batch_end"),
        }[what]
        return any(not hasattr(one, "_writes") or one._writes(*hooks) for one in self._python)

    def call(self, hook, index, logs):
        named = self._model._logs(logs)
        before = dict(named)
        if hook == "on_train_batch_end":
            self._each(hook, index, named)
            if not self._steps or index + 1 < self._steps:
                self._each("on_train_batch_begin", index + 1, {})
        elif hook == "on_test_batch_end":
            self._each("on_test_batch_begin", index, {})
            self._each(hook, index, named)
        elif hook in ("on_epoch_begin", "on_epoch_end"):
            self._each(hook, index, named)
            if hook == "on_epoch_begin" and self.asks_for("batch"):
                self._each("on_train_batch_begin", 0, {})
        else:
            self._each(hook, None, named)
        for key, value in named.items():
            if key not in before:
                logs[key] = value
        return bool(self._model.stop_training)

    def _each(self, hook, index, logs):
        for one in self._python:
            function = getattr(one, hook, None)
            if function is not None:
                function(logs) if index is None else function(index, logs)

    def around(self, what, logs=None):
        """The hooks around `evaluate` and `predict`."""
        if logs is None:
            self._each(f"on_{what}_begin", None, {})
        else:
            self._each(f"on_{what}_end", None, logs)
