"""Images a second of `fit` on NumPy arrays, beside the same training in Rust, in turns.

    cargo build --release -p petal --example fit_arrays
    python crates/petal-python/bench/arrays.py target/release/examples/fit_arrays [TURNS]
"""

import statistics
import subprocess
import sys
import time

import numpy as np

from petal import keras
from petal.keras import layers

EPOCHS, IMAGES = 3, 10_000


def in_python(dtype):
    images = np.random.default_rng(0).uniform(0, 1 if dtype == np.float32 else 255, (IMAGES, 32, 32, 3)).astype(dtype)
    labels = np.arange(IMAGES) % 10
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    begin = time.perf_counter()
    model.fit(images, labels, epochs=EPOCHS, verbose=0)
    return EPOCHS * IMAGES / (time.perf_counter() - begin)


def in_rust(program):
    done = subprocess.run([program, str(EPOCHS)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def main(program, turns="5"):
    seen = {"Rust": [], "Python, float32": [], "Python, uint8": []}
    for _ in range(int(turns)):
        seen["Rust"].append(in_rust(program))
        seen["Python, float32"].append(in_python(np.float32))
        seen["Python, uint8"].append(in_python(np.uint8))
    for name, speeds in seen.items():
        ratios = [speed / rust for speed, rust in zip(speeds, seen["Rust"])]
        print(f"{name}: {statistics.median(speeds):.0f} images/s, {statistics.median(ratios):.3f} of Rust's")


if __name__ == "__main__":
    main(*sys.argv[1:])
