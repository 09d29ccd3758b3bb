"""Data sets: photos in a folder, arrays, and what is made of them by `map`, `batch`, `take` …, as in `tf.data`."""

import collections
import glob
import itertools
import os
import random

import numpy as np

from . import _petal
from ._random import next_seed
from .tensor import tensor, values

INFINITE, UNKNOWN = -1, -2


class _Elements:
    """An iterator with TensorFlow's other names for going on."""

    def __init__(self, elements):
        self._elements = elements

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._elements)

    next = get_next = __next__


class Dataset:
    """Elements one after the other, again in each pass.

    Photos of `image_dataset_from_directory` stay in the engine while nothing but `cache`, `prefetch` and `shuffle` is
    done to them: those train fastest. What `map` and the others give is made in Python, as training goes on.
    """

    def __init__(self, source, cardinality=UNKNOWN, native=None):
        self._source = source
        self._cardinality = cardinality
        self._native = native
        self._passes = itertools.count()
        if native is not None:
            self.class_names = native.class_names
            self.file_paths = [str(path) for path in native.file_paths]

    @staticmethod
    def from_tensor_slices(tensors):
        """An element for each entry of the first axis."""
        arrays = tensors if isinstance(tensors, tuple) else (tensors,)
        arrays = tuple(np.asarray(one) for one in arrays)
        if len({len(one) for one in arrays}) != 1:
            raise ValueError(f"the tensors have {[len(one) for one in arrays]} entries; expected equally many")

        def source():
            for i in range(len(arrays[0])):
                row = tuple(tensor(one[i]) for one in arrays)
                yield row if isinstance(tensors, tuple) else row[0]

        return Dataset(source, len(arrays[0]))

    @staticmethod
    def from_generator(generator, output_signature=None, **kwargs):
        """What a function gives that makes a generator."""
        return Dataset(lambda: (_tensors(one) for one in generator()))

    @staticmethod
    def range(*bounds):
        """Numbers, as Python's `range`."""
        return Dataset(lambda: (tensor(np.int64(i)) for i in range(*bounds)), len(range(*bounds)))

    @staticmethod
    def zip(*datasets):
        """Elements side by side."""
        several = datasets[0] if len(datasets) == 1 else datasets
        known = [one._cardinality for one in several]
        return Dataset(lambda: zip(*several), min(known) if min(known) >= 0 else UNKNOWN)

    @staticmethod
    def list_files(file_pattern, shuffle=None, seed=None):
        """The files that match a pattern, in another order each time unless `shuffle` is false."""
        patterns = [file_pattern] if isinstance(file_pattern, (str, os.PathLike)) else list(file_pattern)
        files = sorted(path for pattern in patterns for path in glob.glob(os.fspath(pattern)))
        if not files:
            raise ValueError(f"no files match {file_pattern}")
        data = Dataset(lambda: (tensor(np.array(path)) for path in files), len(files))
        return data if shuffle is False else data.shuffle(len(files), seed)

    def __iter__(self):
        return _Elements(self._source())

    def __len__(self):
        if self._cardinality < 0:
            raise TypeError("the data set's length is not known")
        return self._cardinality

    def cardinality(self):
        """The number of elements: -1 for endless, -2 for unknown."""
        return tensor(np.int64(self._cardinality))

    def as_numpy_iterator(self):
        """Its elements as NumPy arrays."""
        return _Elements(_numpy(one) for one in self)

    @property
    def element_spec(self):
        first = next(iter(self))
        several = first if isinstance(first, tuple) else (first,)
        spec = tuple(collections.namedtuple("TensorSpec", "shape dtype")(one.shape, one.dtype) for one in several)
        return spec if isinstance(first, tuple) else spec[0]

    def _known(self, count):
        return count if self._cardinality >= 0 else self._cardinality

    def take(self, count):
        """The first `count` elements."""
        cardinality = count if self._cardinality == INFINITE else self._known(min(count, max(self._cardinality, 0)))
        return self._named(Dataset(lambda: itertools.islice(iter(self), count), cardinality))

    def skip(self, count):
        """All but the first `count` elements."""
        cardinality = self._known(max(self._cardinality - count, 0))
        return self._named(Dataset(lambda: itertools.islice(iter(self), count, None), cardinality))

    def map(self, function, num_parallel_calls=None, deterministic=None):
        """`function` of each element; of a pair it gets two arguments."""

        def source():
            for one in self:
                yield _tensors(function(*one) if isinstance(one, tuple) else function(one))

        return self._named(Dataset(source, self._cardinality))

    def filter(self, predicate):
        """The elements for which `predicate` is true."""

        def source():
            for one in self:
                if predicate(*one) if isinstance(one, tuple) else predicate(one):
                    yield one

        return self._named(Dataset(source))

    def cache(self, filename=None):
        """Keeps the elements of the first pass in memory. Photos of a folder are kept anyway."""
        if self._native is not None:
            return self
        kept = []

        def source():
            if kept:
                yield from kept
                return
            collected = []
            for one in self:
                collected.append(one)
                yield one
            kept.extend(collected)

        return self._named(Dataset(source, self._cardinality))

    def prefetch(self, buffer_size=None):
        """The same: batches are loaded ahead anyway."""
        return self

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True):
        """Another order in each pass, drawn among `buffer_size` elements at a time. Photos of a folder have one anyway."""
        if self._native is not None:
            return self
        passes = itertools.count()
        base = next_seed() if seed is None else seed

        def source():
            draw = random.Random(base + (next(passes) if reshuffle_each_iteration else 0))
            buffer = []
            for one in self:
                buffer.append(one)
                if len(buffer) > buffer_size:
                    yield buffer.pop(draw.randrange(len(buffer)))
            draw.shuffle(buffer)
            yield from buffer

        return self._named(Dataset(source, self._cardinality))

    def repeat(self, count=None):
        """Again and again, or `count` times."""

        def source():
            for _ in itertools.count() if count is None or count < 0 else range(count):
                yield from self

        endless = count is None or count < 0
        return self._named(Dataset(source, INFINITE if endless else self._known(self._cardinality * count)))

    def batch(self, batch_size, drop_remainder=False, num_parallel_calls=None, deterministic=None):
        """`batch_size` elements in one."""

        def source():
            elements = iter(self)
            while group := list(itertools.islice(elements, batch_size)):
                if len(group) < batch_size and drop_remainder:
                    return
                yield _stacked(group)

        count = self._cardinality
        cardinality = self._known(count // batch_size if drop_remainder else -(-count // batch_size))
        return self._named(Dataset(source, cardinality))

    def unbatch(self):
        """The entries of the elements' first axis."""

        def source():
            for one in self:
                if isinstance(one, tuple):
                    yield from zip(*one)
                else:
                    yield from one

        return self._named(Dataset(source))

    def concatenate(self, other):
        """This one's elements, then the other one's."""
        known = self._cardinality >= 0 and other._cardinality >= 0
        count = self._cardinality + other._cardinality if known else UNKNOWN
        return self._named(Dataset(lambda: itertools.chain(self, other), count))

    def enumerate(self, start=0):
        """Pairs of a number and an element."""
        return Dataset(lambda: ((tensor(np.int64(i)), one) for i, one in enumerate(self, start)), self._cardinality)

    def apply(self, function):
        """`function` of the data set."""
        return function(self)

    def with_options(self, options):
        """The same: the options of `tf.data` change nothing here."""
        return self

    def _named(self, made):
        for name in ("class_names", "file_paths"):
            if name in vars(self):
                setattr(made, name, getattr(self, name))
        return made

    def __getattr__(self, name):
        methods = ", ".join(sorted(m for m in vars(Dataset) if not m.startswith("_")))
        raise AttributeError(f"Petal's data set has no {name!r}; it has {methods}")

    def _repr_html_(self):
        import html

        return f"<pre>{html.escape(repr(self))}</pre>"

    def __repr__(self):
        if self._native is not None:
            shape = (None, *self._native.sample_shape)
            return f"<Dataset of {len(self._native)} samples {shape} in {self._cardinality} batches>"
        return f"<Dataset of {self._cardinality if self._cardinality >= 0 else 'unknown many'} elements>"


def of_photos(native, label_mode):
    """The data set of photos in the engine."""
    passes = itertools.count()

    def source():
        for inputs, targets in native.batches(next(passes)):
            if label_mode is None:
                yield tensor(inputs)
            elif label_mode == "int":
                yield tensor(inputs), tensor(targets[:, 0].astype(np.int32))
            else:
                yield tensor(inputs), tensor(targets)

    if label_mode is None:
        return Dataset(source, -(-len(native) // native.batch_size))
    return Dataset(source, -(-len(native) // native.batch_size), native)


def _tensors(element):
    if isinstance(element, (tuple, list)):
        return tuple(_tensors(one) for one in element)
    if isinstance(element, dict):
        return {key: _tensors(one) for key, one in element.items()}
    return tensor(element)


def _numpy(element):
    return tuple(map(_numpy, element)) if isinstance(element, tuple) else np.asarray(element)


def _stacked(group):
    if isinstance(group[0], tuple):
        return tuple(tensor(np.stack(column)) for column in zip(*group))
    return tensor(np.stack(group))


# Data for models.


def split_off(x, y, share):
    """Arrays without their last part, and that: Keras' `validation_split`."""
    if not 0 < share < 1:
        raise ValueError(f"validation_split is {share}; expected a share between 0 and 1")
    if isinstance(x, Dataset) or y is None:
        raise ValueError("validation_split is for arrays; split a data set where it is made, or with take and skip")
    x, y = values(x, "x"), np.asarray(y)
    at = int(len(x) * (1 - share))
    if at in (0, len(x)):
        raise ValueError(f"validation_split={share} of {len(x)} samples leaves one side empty")
    return (x[:at], y[:at]), (x[at:], y[at:])


def data_for(model, x, y, batch_size, shuffle, steps, trains, labelled=True):
    """`x` and `y` as native data for a model, which this builds where it isn't."""
    if isinstance(x, Dataset) and x._native is not None and (steps is None or trains):
        _no_targets(y, "a data set")
        _built(model, x._native.sample_shape)
        return x._native
    if isinstance(x, _petal.Data):
        return x
    if hasattr(x, "shape") or isinstance(x, (list,)) and x and not _is_batch(x[0]):
        return _of_arrays(model, x, y, batch_size, shuffle, labelled, steps)
    _no_targets(y, type(x).__name__)
    return _of_batches(model, x, steps, trains, labelled)


def _is_batch(element):
    return isinstance(element, (tuple, Dataset))


def _no_targets(y, what):
    if y is not None:
        raise ValueError(f"y is given beside {what}, which has targets itself; leave y out")


def _built(model, shape):
    if not model.built:
        model.build((None, *shape))


def _of_arrays(model, x, y, batch_size, shuffle, labelled, steps):
    x = values(x, "x")
    if x.shape[:1] == (0,):
        raise ValueError("x is empty; expected at least one sample")
    if x.ndim < 2:
        raise ValueError(f"x has the shape {x.shape}; expected samples along the first axis, (samples, height, width, channels)")
    _built(model, x.shape[1:])
    batch_size = int(batch_size or 32)
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    if steps is not None and not shuffle:
        x, y = x[: steps * batch_size], None if y is None else y[: steps * batch_size]
    if not labelled:
        return _petal.array_data(x, None, batch_size, None, 0)
    if y is None:
        raise ValueError("y is missing: the targets of x")
    targets, classes = _targets(_outputs(model), y, "y")
    if len(targets) != len(x):
        raise ValueError(f"x has {len(x)} samples and y {len(targets)} targets; expected equally many")
    return _petal.array_data(x, targets, batch_size, next_seed() if shuffle else None, classes)


def _outputs(model):
    """The model's outputs, if their number is that of the classes and targets are class numbers."""
    from .keras.losses import SparseCategoricalCrossentropy

    return model.output_shape[-1] if isinstance(model.loss, SparseCategoricalCrossentropy) else None


def _targets(outputs, y, what):
    """Targets as rows of float32, and the number of classes where they are their numbers."""
    rows = np.asarray(y)
    if rows.dtype.kind not in "fiub":
        raise ValueError(f"{what} has the dtype {rows.dtype}; expected numbers")
    rows = rows.reshape(len(rows), -1) if rows.ndim else rows.reshape(1, 1)
    classes = 0
    if outputs is not None and rows.size:
        least, most = rows.min(), rows.max()
        if rows.shape[1] != 1:
            raise ValueError(
                f"{what} has the shape {np.asarray(y).shape}; SparseCategoricalCrossentropy takes one class number a sample. For "
                "one-hot labels the loss is CategoricalCrossentropy"
            )
        if least < 0 or most >= outputs or (rows.dtype.kind == "f" and (rows != np.floor(rows)).any()):
            raise ValueError(f"{what} has values from {least} to {most}; expected class numbers from 0 to {outputs - 1}")
        classes = int(most) + 1
    return np.ascontiguousarray(rows, dtype=np.float32), classes


def _of_batches(model, source, steps, trains, labelled):
    """Batches that Python makes: of a data set, a list of them, a generator or another library's loader."""
    if not hasattr(source, "__iter__"):
        if hasattr(source, "__getitem__") and hasattr(source, "__len__"):  # keras.utils.PyDataset
            sequence = source
            source = Dataset(lambda: (sequence[i] for i in range(len(sequence))), len(sequence))
        else:
            raise ValueError(f"expected arrays, a data set or something that gives batches; got {type(source).__name__}")
    once = iter(source) is source
    endless = once and steps is not None
    if once and not endless:
        # It cannot be begun anew, so one epoch of it is all there is.
        source = list(source)
    first, source = _first(source, once)
    inputs, _ = _pair(first, labelled)
    inputs = values(inputs, "a batch")
    _built(model, inputs.shape[1:])
    outputs = _outputs(model) if labelled else None
    width = _targets(outputs, _pair(first, labelled)[1], "a batch's targets")[0].shape[1] if labelled else 0
    if steps is None or trains and not endless:
        steps = _length(source)

    def begin():
        for one in source:
            x, y = _pair(one, labelled)
            x = values(x, "a batch")
            yield x, _targets(outputs, y, "a batch's targets")[0] if labelled else np.zeros((len(x), 0), np.float32)

    return _petal.stream_data(begin, int(steps), len(inputs), list(inputs.shape[1:]), width, endless)


def _first(source, once):
    if once and not isinstance(source, list):
        first = next(source)
        return first, itertools.chain([first], source)
    first = next(iter(source), None)
    if first is None:
        raise ValueError("the data set is empty; expected at least one batch")
    return first, source


def _length(source):
    """The number of batches, by going through them once where they don't say it."""
    try:
        return len(source)
    except TypeError:
        if getattr(source, "_cardinality", None) == INFINITE:
            raise ValueError("the data set is endless; say how many batches are an epoch, steps_per_epoch") from None
        return sum(1 for _ in source)


def _pair(element, labelled):
    if not labelled:
        return (element[0] if isinstance(element, (tuple, list)) else element), None
    if not isinstance(element, (tuple, list)) or len(element) not in (2, 3):
        raise ValueError(f"a batch is a pair (inputs, targets); got {type(element).__name__}")
    if len(element) == 3 and element[2] is not None:
        raise ValueError("batches have sample weights; give the samples as arrays with sample_weight, or weigh classes")
    return element[0], element[1]
