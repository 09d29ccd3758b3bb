import pathlib

import numpy as np
import pytest

from petal import keras
from petal.keras import layers

SHARED = pathlib.Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(autouse=True)
def repeatable():
    keras.utils.set_random_seed(7)
    keras.utils.clear_session()


@pytest.fixture
def images():
    """Images of three classes that differ in colour, as bytes, and their classes."""
    rng = np.random.default_rng(0)
    classes = np.arange(60) % 3
    pixels = rng.integers(0, 120, (60, 16, 16, 3))
    pixels[np.arange(60), :, :, classes] += 100
    return pixels.astype(np.uint8), classes


@pytest.fixture
def cnn():
    """A function that makes a small compiled network for them."""

    def make():
        model = keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(0.03), loss=loss, metrics=["accuracy"])
        return model

    return make


@pytest.fixture
def photos(tmp_path):
    """A folder of 24 photos of two classes, one of them broken."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(1)
    for name, channel in (("grass", 1), ("sky", 2)):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 100, (20, 24, 3))
            pixels[:, :, channel] += 120
            image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02}.png")
    (tmp_path / "photos" / "sky" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    return tmp_path / "photos"


def shared(path):
    """A file beside the project, or a skipped test where it is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"{found.relative_to(SHARED.parent)} isn't here")
    return found
