"""TensorFlow's names for notebooks that exist: `tf.keras`, and of `tf` what tutorials on images use."""

import importlib.abc
import importlib.machinery
import sys
import types

import numpy as np

from . import keras
from .dataset import Dataset
from .tensor import Tensor, tensor, values


class _Module(types.ModuleType):
    """A module that says what it has when it is asked for something else."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        import difflib

        there = sorted(one for one in vars(self) if not one.startswith("_"))
        near = difflib.get_close_matches(name, there, 1, 0.6)
        hint = f"; the nearest that there is: {near[0]}" if near else ""
        raise AttributeError(
            f"Petal stands in for TensorFlow and has no {self.__name__}.{name}{hint}. {self.__name__} has {', '.join(there)}"
        )


def _array(x):
    return np.asarray(x)


def _reduced(function):
    def reduce(input_tensor, axis=None, keepdims=False, name=None):
        return tensor(function(_array(input_tensor), axis=axis, keepdims=keepdims))

    return reduce


def _dtype(dtype):
    return np.dtype(getattr(dtype, "as_numpy_dtype", dtype)) if dtype is not None else None


def _constant(value, dtype=None, shape=None, name=None):
    array = np.asarray(value, dtype=_dtype(dtype))
    # TensorFlow's defaults.
    if dtype is None and array.dtype == np.float64 and not isinstance(value, np.ndarray):
        array = array.astype(np.float32)
    if dtype is None and array.dtype == np.int64 and not isinstance(value, (np.ndarray, np.generic)):
        array = array.astype(np.int32)
    return tensor(array if shape is None else np.broadcast_to(array, shape))


def _resize(images, size, method="bilinear", **kwargs):
    layer = keras.layers.Resizing(int(size[0]), int(size[1]), interpolation=str(method).lower())
    return layer(_array(images))


def _where(condition, x=None, y=None):
    if x is None:
        return tensor(np.argwhere(_array(condition)))
    return tensor(np.where(_array(condition), x, y))


def _read_file(filename):
    with open(str(_array(filename)), "rb") as file:
        return file.read()


def _decode(contents, channels=3, **kwargs):
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(contents)
        file.flush()
        modes = {0: "rgb", 1: "grayscale", 3: "rgb", 4: "rgba"}
        image = keras.utils.load_img(file.name, color_mode=modes[channels])
        return tensor(keras.utils.img_to_array(image, dtype=np.uint8))


def _split(input, sep=None, **kwargs):
    return tensor(np.array(str(_array(input)).split(str(sep) if sep is not None else None)))


def _softmax(logits, axis=-1, name=None):
    x = values(logits, "logits").astype(np.float32)
    x = np.exp(x - x.max(axis, keepdims=True))
    return tensor(x / x.sum(axis, keepdims=True))


def _set_seed(seed):
    keras.utils.set_random_seed(int(seed))


def _build():
    def module(name, **members):
        made = _Module(name)
        made.__path__ = []
        vars(made).update(members)
        return made

    one = {name: getattr(np, name) for name in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8")}
    reductions = {
        "reduce_mean": np.mean, "reduce_sum": np.sum, "reduce_max": np.max, "reduce_min": np.min, "reduce_all": np.all,
        "reduce_any": np.any,
    }  # fmt: skip
    math = {name: _reduced(function) for name, function in reductions.items()}
    singles = {"exp": np.exp, "sqrt": np.sqrt, "square": np.square, "abs": np.abs, "round": np.round, "log": np.log}
    math.update({name: (lambda f: lambda x, name=None: tensor(f(_array(x))))(f) for name, f in singles.items()})
    math["argmax"] = lambda input, axis=0, output_type=None, name=None: tensor(np.argmax(_array(input), axis))
    math["confusion_matrix"] = _confusion_matrix
    math["equal"] = lambda x, y, name=None: tensor(_array(x) == _array(y))

    tf = module(
        "tensorflow",
        **one,
        **math,
        bool=np.bool_,
        string=str,
        Tensor=Tensor,
        constant=_constant,
        convert_to_tensor=_constant,
        Variable=_constant,
        cast=lambda x, dtype, name=None: tensor(_array(x).astype(_dtype(dtype))),
        expand_dims=lambda input, axis, name=None: tensor(np.expand_dims(_array(input), axis)),
        squeeze=lambda input, axis=None, name=None: tensor(np.squeeze(_array(input), axis)),
        reshape=lambda tensor_, shape, name=None: tensor(np.reshape(_array(tensor_), shape)),
        transpose=lambda a, perm=None, name=None: tensor(np.transpose(_array(a), perm)),
        stack=lambda values, axis=0, name=None: tensor(np.stack([_array(v) for v in values], axis)),
        concat=lambda values, axis, name=None: tensor(np.concatenate([_array(v) for v in values], axis)),
        zeros=lambda shape, dtype=np.float32: tensor(np.zeros(shape, _dtype(dtype))),
        ones=lambda shape, dtype=np.float32: tensor(np.ones(shape, _dtype(dtype))),
        zeros_like=lambda x: tensor(np.zeros_like(_array(x))),
        ones_like=lambda x: tensor(np.ones_like(_array(x))),
        shape=lambda x, **_: tensor(np.array(_array(x).shape, np.int32)),
        one_hot=lambda indices, depth, **_: tensor(np.eye(int(depth), dtype=np.float32)[_array(indices)]),
        where=_where,
        range=lambda *a, dtype=None: tensor(np.arange(*a, dtype=_dtype(dtype))),
        clip_by_value=lambda t, low, high, name=None: tensor(np.clip(_array(t), low, high)),
        function=lambda f=None, **_: f if f is not None else (lambda g: g),
        executing_eagerly=lambda: True,
        __version__="2.21.0-petal",
    )
    tf.math = module("tensorflow.math", **math)
    tf.nn = module(
        "tensorflow.nn",
        softmax=_softmax,
        sigmoid=lambda x, name=None: tensor(1 / (1 + np.exp(-_array(x)))),
        relu=lambda x, name=None: tensor(np.maximum(_array(x), 0)),
    )
    tf.sigmoid = tf.nn.sigmoid
    tf.data = module("tensorflow.data", Dataset=Dataset, AUTOTUNE=-1, INFINITE_CARDINALITY=-1, UNKNOWN_CARDINALITY=-2)
    tf.data.experimental = module(
        "tensorflow.data.experimental", AUTOTUNE=-1, cardinality=lambda dataset: dataset.cardinality(),
        INFINITE_CARDINALITY=-1, UNKNOWN_CARDINALITY=-2,
    )  # fmt: skip
    tf.random = module("tensorflow.random", set_seed=_set_seed, uniform=_uniform, normal=_normal)
    tf.image = module(
        "tensorflow.image",
        resize=_resize,
        decode_jpeg=_decode,
        convert_image_dtype=lambda x, dtype: tensor(_array(x).astype(np.float32) / 255),
        flip_left_right=lambda x: tensor(_array(x)[..., ::-1, :]),
        ResizeMethod=types.SimpleNamespace(BILINEAR="bilinear", NEAREST_NEIGHBOR="nearest", BICUBIC="bicubic", AREA="area"),
    )
    tf.version = module("tensorflow.version", VERSION=tf.__version__)
    tf.strings = module("tensorflow.strings", split=_split)
    tf.io = module("tensorflow.io", read_file=_read_file, decode_jpeg=_decode, decode_image=_decode, decode_png=_decode)
    gpus = {"list_physical_devices": lambda kind=None: []}
    tf.config = module("tensorflow.config", **gpus)
    tf.config.experimental = module("tensorflow.config.experimental", **gpus)
    tf.keras = _keras("tensorflow.keras", keras, {})
    # Where these layers were before TensorFlow 2.6.
    old = module("tensorflow.keras.layers.experimental.preprocessing", **_public(keras.layers.preprocessing))
    tf.keras.layers.experimental = module("tensorflow.keras.layers.experimental", preprocessing=old)
    return tf


def _public(module):
    return {name: value for name, value in vars(module).items() if isinstance(value, type) and name[0] != "_"}


def _uniform(shape, minval=0.0, maxval=1.0, dtype=np.float32, **_):
    return tensor(np.random.uniform(minval, maxval, shape).astype(_dtype(dtype)))


def _normal(shape, mean=0.0, stddev=1.0, dtype=np.float32, **_):
    return tensor(np.random.normal(mean, stddev, shape).astype(_dtype(dtype)))


def _confusion_matrix(labels, predictions, num_classes=None, **_):
    labels, predictions = _array(labels).ravel().astype(int), _array(predictions).ravel().astype(int)
    classes = int(num_classes or max(labels.max(), predictions.max()) + 1)
    matrix = np.zeros((classes, classes), np.int32)
    np.add.at(matrix, (labels, predictions), 1)
    return tensor(matrix)


def _keras(name, source, made):
    """A module of `petal.keras` under TensorFlow's name, with those in it."""
    if id(source) in made:
        return made[id(source)]
    module = made[id(source)] = _Module(name, source.__doc__)
    module.__path__ = []
    for key, value in vars(source).items():
        if key.startswith("_"):
            continue
        if isinstance(value, types.ModuleType):
            if value.__name__.startswith(keras.__name__):
                setattr(module, key, _keras(f"{name}.{key}", value, made))
        else:
            setattr(module, key, value)
    if source is keras:
        module.__version__ = keras.__version__
    return module


def _registered(module, seen):
    if module.__name__ in seen:
        return
    seen.add(module.__name__)
    sys.modules[module.__name__] = module
    for value in list(vars(module).values()):
        if isinstance(value, _Module) and value.__name__.startswith(f"{module.__name__}."):
            _registered(value, seen)


class _Finder(importlib.abc.MetaPathFinder):
    """Refuses what Petal lacks by name, where Python would say that there is no TensorFlow."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.startswith(("tensorflow.", "keras.")) and isinstance(sys.modules.get("tensorflow"), _Module):
            parent, _, name = fullname.rpartition(".")
            getattr(sys.modules[parent], name)
        return None


def as_tensorflow():
    """Registers `tensorflow`, `tensorflow.keras` and `keras` with what Petal has, for notebooks that import them.

    Call it before anything imports TensorFlow. What is missing raises with its name and the nearest that there is.
    """
    there = sys.modules.get("tensorflow")
    if there is not None and not isinstance(there, _Module):
        raise RuntimeError("TensorFlow is imported already; call petal.as_tensorflow() before, in the first cell")
    if there is None:
        _registered(_build(), set())
        if "keras" not in sys.modules:
            _registered(_keras("keras", keras, {}), set())
        sys.meta_path.insert(0, _Finder())
    print("Petal stands in for TensorFlow: import tensorflow, tensorflow.keras and keras give Petal's.")
