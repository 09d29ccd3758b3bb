"""Keras' older way to load and augment photos, `ImageDataGenerator`, which many notebooks use."""

import math

import numpy as np

from .._random import next_seed
from ..tensor import values
from . import layers
from .models import Sequential
from .utils import image_dataset_from_directory


class ImageDataGenerator:
    """Batches of photos, scaled and augmented at random; new code uses `image_dataset_from_directory` and layers.

    Augmentation runs on Petal's layers: turns, shifts, shears, zooms and flips are composed and sampled once. `zoom_range`
    zooms both axes alike. What needs statistics of the data (`featurewise_…`, `zca_whitening`) isn't there.
    """

    def __init__(
        self, featurewise_center=False, samplewise_center=False, featurewise_std_normalization=False,
        samplewise_std_normalization=False, zca_whitening=False, zca_epsilon=1e-06, rotation_range=0,
        width_shift_range=0.0, height_shift_range=0.0, brightness_range=None, shear_range=0.0, zoom_range=0.0,
        channel_shift_range=0.0, fill_mode="nearest", cval=0.0, horizontal_flip=False, vertical_flip=False, rescale=None,
        preprocessing_function=None, data_format=None, validation_split=0.0, interpolation_order=1, dtype=None,
    ):  # fmt: skip
        lacking = {
            "featurewise_center": featurewise_center, "samplewise_center": samplewise_center,
            "featurewise_std_normalization": featurewise_std_normalization, "zca_whitening": zca_whitening,
            "samplewise_std_normalization": samplewise_std_normalization, "channel_shift_range": channel_shift_range,
        }  # fmt: skip
        for name, value in lacking.items():
            if value:
                raise ValueError(f"{name} is something that Petal's ImageDataGenerator doesn't have; use a layer")
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self._split = validation_split
        self._layers = []
        fill = {"fill_mode": fill_mode, "fill_value": cval}
        if horizontal_flip or vertical_flip:
            mode = {(1, 0): "horizontal", (0, 1): "vertical", (1, 1): "horizontal_and_vertical"}
            self._layers.append(layers.RandomFlip(mode[bool(horizontal_flip), bool(vertical_flip)]))
        if rotation_range:
            self._layers.append(layers.RandomRotation(rotation_range / 360, **fill))
        if width_shift_range or height_shift_range:
            self._layers.append(layers.RandomTranslation(_share(height_shift_range), _share(width_shift_range), **fill))
        if shear_range:
            factor = math.tan(math.radians(min(shear_range, 44)))
            self._layers.append(layers.RandomShear(factor, factor, **fill))
        if zoom_range:
            low, high = (1 - zoom_range, 1 + zoom_range) if np.isscalar(zoom_range) else zoom_range
            self._layers.append(layers.RandomZoom((low - 1, high - 1), **fill))
        self._brightness = brightness_range

    def flow_from_directory(
        self, directory, target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical", batch_size=32,
        shuffle=True, seed=None, save_to_dir=None, save_prefix="", save_format="png", follow_links=False, subset=None,
        interpolation="nearest", keep_aspect_ratio=False,
    ):  # fmt: skip
        """Batches of the photos in a folder's sub-folders."""
        modes = {"categorical": "categorical", "sparse": "int", "binary": "binary", None: None, "input": None}
        if class_mode not in modes or class_mode == "input":
            raise ValueError(f'class_mode is {class_mode!r}; expected "categorical", "sparse", "binary" or None')
        split = {"validation_split": self._split, "subset": subset, "seed": seed or 0} if subset else {"seed": seed}
        if not subset and shuffle and seed is None:
            split["seed"] = next_seed() % 2**32
        data = image_dataset_from_directory(
            directory, label_mode=modes[class_mode], class_names=classes, color_mode=color_mode, batch_size=batch_size,
            image_size=target_size, shuffle=shuffle, interpolation=interpolation, follow_links=follow_links,
            crop_to_aspect_ratio=keep_aspect_ratio, verbose=False, **split,
        )  # fmt: skip
        flow = _Flow(self, lambda: iter(data), len(data), batch_size)
        native = data._native
        if native is not None:
            flow.class_indices = {name: i for i, name in enumerate(native.class_names)}
            flow.filenames = [str(path) for path in native.file_paths]
            flow.samples = flow.n = len(native)
            flow.classes = np.array([flow.class_indices[path.split("/")[-2]] for path in flow.filenames])
            flow.image_shape = (*target_size, native.sample_shape[-1])
        print(f"Found {getattr(flow, 'samples', 'some')} images belonging to {len(getattr(data, 'class_names', []))} classes.")
        return flow

    def flow(self, x, y=None, batch_size=32, shuffle=True, sample_weight=None, seed=None, subset=None, **kwargs):
        """Batches of arrays."""
        x = values(x, "x")
        rng = np.random.default_rng(next_seed() if seed is None else seed)

        def batches():
            order = rng.permutation(len(x)) if shuffle else np.arange(len(x))
            for at in range(0, len(x), batch_size):
                rows = order[at : at + batch_size]
                yield x[rows] if y is None else (x[rows], np.asarray(y)[rows])

        flow = _Flow(self, batches, -(-len(x) // batch_size), batch_size)
        flow.samples = flow.n = len(x)
        return flow

    def fit(self, x, augment=False, rounds=1, seed=None):
        """Nothing: there are no statistics to gather."""

    def standardize(self, x):
        """Scaled as the batches are."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        return x * self.rescale if self.rescale else x

    def _prepare(self, images):
        images = np.asarray(images, np.float32)
        if self._layers:
            if not isinstance(self._layers, Sequential):
                self._layers = Sequential(self._layers)
            images = self._layers(images, training=True).numpy()
        if self._brightness is not None:
            low, high = self._brightness
            rng = np.random.default_rng(next_seed())
            images = np.clip(images * rng.uniform(low, high, (len(images), 1, 1, 1)), 0, 255)
        if self.preprocessing_function is not None:
            images = np.stack([self.preprocessing_function(image) for image in images])
        return (images * self.rescale if self.rescale else images).astype(np.float32)


class _Flow:
    """Batches, endlessly; `len` is their number in an epoch."""

    def __init__(self, generator, begin, length, batch_size):
        self._generator, self._begin, self._length, self.batch_size = generator, begin, length, batch_size
        self._running = None

    def __len__(self):
        return self._length

    def __iter__(self):
        return (self._prepared(batch) for batch in self._begin())

    def __next__(self):
        for _ in range(2):
            self._running = self._running or iter(self)
            batch = next(self._running, None)
            if batch is not None:
                return batch
            self._running = None
        raise StopIteration

    next = __next__

    def reset(self):
        """Begins anew."""
        self._running = None

    def _prepared(self, batch):
        if not isinstance(batch, tuple):
            return self._generator._prepare(batch)
        return self._generator._prepare(batch[0]), np.asarray(batch[1])


def _share(shift):
    """A shift as layers have it: a share of the size."""
    if not np.isscalar(shift) or abs(shift) >= 1:
        raise ValueError(f"a shift is {shift!r}; Petal takes a share of the size below 1")
    return float(shift)
