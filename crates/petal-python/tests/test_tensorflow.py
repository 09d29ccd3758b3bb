import json
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

from conftest import shared


def run(program, *arguments, cwd=None):
    """A program in a Python of its own, since TensorFlow's name is taken for good."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)], cwd=cwd, capture_output=True, text=True
    )


def test_imports_of_tensorflow_give_petal_after_one_line():
    done = run("""
        import petal
        petal.as_tensorflow()
        import tensorflow as tf
        from tensorflow import keras
        from tensorflow.keras import layers, Sequential
        from tensorflow.keras.layers import Conv2D, Dense
        from tensorflow.keras.preprocessing.image import load_img
        from tensorflow.keras.applications.mobilenet_v2 import MobileNetV2, preprocess_input
        import tensorflow.keras.backend as K
        from tensorflow.keras.layers.experimental.preprocessing import RandomFlip
        from keras.models import Sequential as OfKeras
        from keras.preprocessing.image import ImageDataGenerator
        assert tf.keras.layers.Dense is petal.keras.layers.Dense is Dense
        assert int(tf.argmax(tf.constant([0.1, 0.7, 0.2]))) == 1
        assert abs(float(tf.reduce_mean(tf.nn.softmax([[1.0, 2.0]]))) - 0.5) < 1e-6
        assert tf.expand_dims(tf.ones((2, 2)), 0).shape == (1, 2, 2)
        assert len(tf.data.Dataset.from_tensor_slices([1, 2, 3]).batch(2)) == 2
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Petal stands in for TensorFlow: import tensorflow, tensorflow.keras and keras give Petal's.\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tf.keras.layers.LSTM", "tensorflow.keras.layers.LSTM"),
        ("tf.keras.layers.Conv2d", "nearest that there is: Conv2D"),
        ("tf.GradientTape()", "tensorflow.GradientTape"),
        ("from tensorflow.keras.layers import Embedding", "Embedding"),
        ("import tensorflow.keras.mixed_precision", "mixed_precision"),
    ],
)
def test_what_petal_lacks_is_an_error_with_its_name(line, words):
    done = run(f"import petal\npetal.as_tensorflow()\nimport tensorflow as tf\n{line}")
    assert done.returncode == 1 and words in done.stderr


def test_the_lectures_cells_run_in_order_on_a_few_photos(tmp_path):
    pytest.importorskip("matplotlib")
    photos, weights = shared("data/flower_photos"), shared("data/weights")
    weights = next(weights.glob("*_224_no_top.h5"))
    few = tmp_path / "photos"
    for folder in sorted(photos.iterdir()):
        (few / folder.name).mkdir(parents=True)
        for photo in sorted(folder.iterdir())[:12]:
            (few / folder.name / photo.name).symlink_to(photo)
    # As they stand, but for fewer epochs.
    lecture = re.sub(r"(epochs ?= ?)\d+", r"\g<1>2", shared("lecture.md").read_text())
    (tmp_path / "lecture.md").write_text(lecture)
    script = pathlib.Path(__file__).parents[1] / "bench" / "lecture.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path / "lecture.md", few, weights, "petal"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]

    histories = json.loads(done.stdout.splitlines()[-1])["histories"]
    assert [len(one["val_accuracy"]) for one in histories] == [2, 2, 2, 3]
