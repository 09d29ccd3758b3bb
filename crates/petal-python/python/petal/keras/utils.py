"""Keras' utilities for photos and seeds."""

import json
import os

import numpy as np

from .. import _petal
from .._random import set_seed
from ..dataset import of_photos

__all__ = [
    "array_to_img", "get_file", "image_dataset_from_directory", "img_to_array", "load_img", "plot_model", "save_img",
    "set_random_seed", "to_categorical",
]  # fmt: skip


def image_dataset_from_directory(
    directory, labels="inferred", label_mode="int", class_names=None, color_mode="rgb", batch_size=32,
    image_size=(256, 256), shuffle=True, seed=None, validation_split=None, subset=None, interpolation="bilinear",
    follow_links=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False, data_format=None, format="tf",
    verbose=True,
):  # fmt: skip
    """The photos in the sub-folders of a folder, one class each. With Keras' seed and split, Keras' photos.

    With `subset="both"` two data sets. What is wrong with photos is printed; broken ones are left out.
    """
    if labels not in ("inferred", None):
        raise ValueError("labels are inferred from the folders' names, labels='inferred'; for others use `petal train --labels FILE`")
    if data_format == "channels_first":
        raise ValueError("data_format channels_first: Petal's images are channels_last")
    if subset not in ("both", "training", "validation", None):
        raise ValueError(f'subset is {subset!r}; expected "training", "validation" or "both"')
    if (validation_split is None) != (subset is None):
        raise ValueError("validation_split and subset are given together or not at all")
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    label_mode = None if labels is None else label_mode
    settings = {
        "label_mode": label_mode or "int", "class_names": None if class_names is None else list(class_names),
        "color_mode": color_mode, "batch_size": 32 if batch_size is None else int(batch_size), "image_size": size,
        "shuffle": bool(shuffle), "seed": None if seed is None else int(seed), "validation_split": validation_split,
        "subset": subset, "interpolation": interpolation, "follow_links": bool(follow_links),
        "crop_to_aspect_ratio": bool(crop_to_aspect_ratio), "pad_to_aspect_ratio": bool(pad_to_aspect_ratio),
    }  # fmt: skip
    sides = _petal.image_directory(os.fspath(directory), json.dumps(settings))
    if verbose:
        total = sum(len(side) for side in sides)
        print(f"Found {total} files belonging to {len(sides[0].class_names)} classes.")
        if subset == "both":
            print(f"Using {len(sides[0])} files for training.\nUsing {len(sides[1])} files for validation.")
        elif subset:
            print(f"Using {len(sides[0])} files for {subset}.")
        for line in sides[0].doubts:
            print(line)
    datasets = [of_photos(side, label_mode) for side in sides]
    return datasets if subset == "both" else datasets[0]


def get_file(
    fname=None, origin=None, untar=False, md5_hash=None, file_hash=None, cache_subdir="datasets",
    hash_algorithm="auto", extract=False, archive_format="auto", cache_dir=None, force_download=False,
):  # fmt: skip
    """Downloads a file unless it is in the cache, and says where it is; with `extract`, the folder of its contents."""
    if origin is None:
        raise ValueError("get_file needs the address, origin=…")
    name = fname
    if fname and os.path.isabs(os.fspath(fname)):
        cache_dir, cache_subdir, name = os.path.dirname(fname), "", os.path.basename(fname)
    hash = file_hash or md5_hash
    return str(_petal.get_file(str(origin), name, cache_subdir, cache_dir, hash, bool(extract or untar)))


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """A photo as a PIL image, as Keras loads it; without Pillow, as an array."""
    settings = {
        "image_size": None if target_size is None else [int(size) for size in target_size],
        "color_mode": color_mode,
        "interpolation": interpolation,
        "aspect_ratio": "crop" if keep_aspect_ratio else "stretch",
    }
    array = _petal.load_image(os.fspath(path), json.dumps(settings))
    try:
        return array_to_img(array, scale=False)
    except ImportError:
        return array.astype(np.uint8)


def img_to_array(img, data_format=None, dtype=None):
    """A PIL image as an array `(height, width, channels)` of float32."""
    array = np.asarray(img, dtype=dtype or np.float32)
    return array[..., None] if array.ndim == 2 else array


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array as a PIL image; with `scale`, its values stretched to 0..=255."""
    from PIL import Image

    x = np.asarray(x, dtype=np.float32)
    if scale:
        x = x - x.min()
        x = x / x.max() * 255 if x.max() else x
    pixels = x.astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Writes an array as a picture."""
    array_to_img(x, scale=scale).save(path, format=file_format, **kwargs)


def set_random_seed(seed):
    """Makes all that comes repeatable: weights, order, augmentation; NumPy's and Python's generators, too."""
    import random

    set_seed(int(seed))
    random.seed(seed)
    np.random.seed(int(seed) % 2**32)


def to_categorical(x, num_classes=None):
    """Class numbers as one-hot rows."""
    numbers = np.asarray(x, dtype=int)
    numbers = numbers.reshape(numbers.shape[:-1]) if numbers.ndim > 1 and numbers.shape[-1] == 1 else numbers
    classes = int(num_classes or numbers.max() + 1)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= classes):
        raise ValueError(f"classes from {numbers.min()} to {numbers.max()}; expected 0 to {classes - 1}")
    return np.eye(classes, dtype=np.float32)[numbers]


def plot_model(model, to_file=None, **kwargs):
    """Keras draws the model with Graphviz; here its table is printed."""
    model.summary(expand_nested=kwargs.get("expand_nested", False))


def clear_session():
    """Names of layers are counted from the beginning again."""
    from .layers.layer import reset_names

    reset_names()
