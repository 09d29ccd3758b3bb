"""Median time in ms of a training step of the lecture's CNN (180x180, batch 32, Adam), on data in memory.

    python bench/step_time/peers.py keras|torch [STEPS]
"""

import statistics
import sys
import time

STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 20


def keras_step():
    import numpy as np
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((180, 180, 3)), layers.Rescaling(1.0 / 255)])
    for filters in (16, 32, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(5)):
        model.add(layer)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).uniform(0, 255, (32, 180, 180, 3)).astype("float32")
    y = np.arange(32) % 5
    return lambda: model.train_on_batch(x, y)


def torch_step():
    import torch
    from torch import nn

    def block(channels, filters):
        return [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

    model = nn.Sequential(
        *block(3, 16), *block(16, 32), *block(32, 64), nn.Flatten(), nn.Linear(30976, 128), nn.ReLU(), nn.Linear(128, 5)
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    x = (torch.rand(32, 3, 180, 180) * 255).to(memory_format=torch.channels_last)
    y = torch.arange(32) % 5

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x / 255), y).backward()
        optimizer.step()

    return step


step = {"keras": keras_step, "torch": torch_step}[sys.argv[1]]()
for _ in range(3):
    step()
times = []
for _ in range(STEPS):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
print(f"{sys.argv[1]} {statistics.median(times) * 1e3:.0f}")
