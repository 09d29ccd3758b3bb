"""Median time in ms of a training step (180x180, batch 32) on data in memory, with Keras or PyTorch.

    python bench/step_time/peers.py PEER MODEL [STEPS]

PEER is keras, torch, torch-channels-last or torch-compile. MODEL is one of
- cnn: the lecture's CNN, Adam;
- frozen: MobileNetV2 with random weights, frozen, under a head that Adam trains;
- fine-tune: the same, RMSprop training it from layer 100 on, batch normalization in inference mode.
"""

import statistics
import sys
import time

PEER, MODEL = sys.argv[1:3]
STEPS = int(sys.argv[3]) if len(sys.argv) > 3 else 15


def keras_step():
    import keras
    import numpy as np
    from keras import layers

    inputs = keras.Input((180, 180, 3))
    if MODEL == "cnn":
        h = layers.Rescaling(1.0 / 255)(inputs)
        for filters in (16, 32, 64):
            h = layers.Conv2D(filters, 3, padding="same", activation="relu")(h)
            h = layers.MaxPooling2D()(h)
        h = layers.Dense(128, activation="relu")(layers.Flatten()(h))
    else:
        base = keras.applications.MobileNetV2(input_shape=(180, 180, 3), include_top=False, weights=None)
        base.trainable = False
        if MODEL == "fine-tune":
            base.trainable = True
            for layer in base.layers:
                # Frozen normalization is what `training=False` means, which Keras 3 doesn't honour in `fit`.
                layer.trainable = not isinstance(layer, layers.BatchNormalization)
            for layer in base.layers[:100]:
                layer.trainable = False
        h = base(layers.Rescaling(1.0 / 127.5, offset=-1)(inputs), training=False)
        h = layers.GlobalAveragePooling2D()(h)
    model = keras.Model(inputs, layers.Dense(5)(h))
    optimizer = keras.optimizers.RMSprop(1e-5) if MODEL == "fine-tune" else keras.optimizers.Adam(1e-3)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).uniform(0, 255, (32, 180, 180, 3)).astype("float32")
    y = np.arange(32) % 5
    return lambda: model.train_on_batch(x, y)


def torch_cnn(nn):
    def block(channels, filters):
        return [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

    convolutions = [*block(3, 16), *block(16, 32), *block(32, 64)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(30976, 128), nn.ReLU(), nn.Linear(128, 5))


def torch_mobilenet_v2(nn):
    """The base in parts that correspond to Keras' layers, and the head."""

    def convolution(channels, filters, kernel=1, stride=1, groups=1, activation=True):
        padding = kernel // 2
        parts = [
            nn.Conv2d(channels, filters, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(filters, eps=1e-3),
        ]
        return parts + [nn.ReLU6()] if activation else parts

    class Block(nn.Module):
        def __init__(self, channels, filters, stride, expansion):
            super().__init__()
            wide = channels * expansion
            self.expand = nn.Sequential(*convolution(channels, wide)) if expansion > 1 else nn.Identity()
            self.rest = nn.Sequential(
                *convolution(wide, wide, 3, stride, groups=wide), *convolution(wide, filters, activation=False)
            )
            self.residual = stride == 1 and channels == filters

        def forward(self, x):
            y = self.rest(self.expand(x))
            return x + y if self.residual else y

    parts, channels = [nn.Sequential(*convolution(3, 32, 3, 2))], 32
    stages = [(16, 1, 1, 1), (24, 2, 6, 2), (32, 2, 6, 3), (64, 2, 6, 4), (96, 1, 6, 3), (160, 2, 6, 3), (320, 1, 6, 1)]
    for filters, stride, expansion, repeats in stages:
        for repeat in range(repeats):
            parts.append(Block(channels, filters, stride if repeat == 0 else 1, expansion))
            channels = filters
    parts.append(nn.Sequential(*convolution(320, 1280)))
    base = nn.Sequential(*parts)
    base.requires_grad_(False)
    if MODEL == "fine-tune":
        # Layer 100 is the activation after block 11's expansion.
        parts[12].rest.requires_grad_(True)
        for part in parts[13:]:
            part.requires_grad_(True)
    base.eval()
    return nn.Sequential(base, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 5))


def torch_step():
    import torch
    from torch import nn

    torch.manual_seed(0)
    layout = torch.channels_last if PEER == "torch-channels-last" else torch.contiguous_format
    model = (torch_cnn(nn) if MODEL == "cnn" else torch_mobilenet_v2(nn)).to(memory_format=layout)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if MODEL == "fine-tune":
        optimizer = torch.optim.RMSprop(weights, 1e-5, alpha=0.9)
    else:
        optimizer = torch.optim.Adam(weights, 1e-3)
    x = (torch.rand(32, 3, 180, 180) * 255).to(memory_format=layout)
    y = torch.arange(32) % 5
    run = torch.compile(model) if PEER == "torch-compile" else model

    def step():
        optimizer.zero_grad()
        scaled = x / 255 if MODEL == "cnn" else x / 127.5 - 1
        nn.functional.cross_entropy(run(scaled), y).backward()
        optimizer.step()

    return step


step = keras_step() if PEER == "keras" else torch_step()
for _ in range(3):
    step()
times = []
for _ in range(STEPS):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
print(f"{MODEL} {PEER} {statistics.median(times) * 1e3:.1f}")
