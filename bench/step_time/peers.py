"""Median time in ms of a training step (180x180, batch 32) on data in memory, with Keras or PyTorch.

    python bench/step_time/peers.py PEER MODEL [STEPS]

PEER is keras, torch, torch-channels-last or torch-compile, each also with -bfloat16 for Keras' policy mixed_bfloat16 and
PyTorch's autocast. torch-compile-bfloat16 has channels last. MODEL is one of
- cnn: the lecture's CNN, Adam;
- frozen: MobileNetV2 with random weights, frozen, under a head that Adam trains;
- fine-tune: the same, RMSprop training it from layer 100 on, batch normalization in inference mode.
"""

import pathlib
import statistics
import sys
import time

PEER, MODEL = sys.argv[1:3]
BFLOAT16 = PEER.endswith("-bfloat16")
LIBRARY = PEER.removesuffix("-bfloat16")
STEPS = int(sys.argv[3]) if len(sys.argv) > 3 else 15


def keras_step():
    import keras
    import numpy as np
    from keras import layers

    if BFLOAT16:
        keras.config.set_dtype_policy("mixed_bfloat16")
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
    model = keras.Model(inputs, layers.Dense(5, dtype="float32")(h))
    optimizer = keras.optimizers.RMSprop(1e-5) if MODEL == "fine-tune" else keras.optimizers.Adam(1e-3)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).uniform(0, 255, (32, 180, 180, 3)).astype("float32")
    y = np.arange(32) % 5
    return lambda: model.train_on_batch(x, y)


def torch_step():
    import torch
    from torch.nn import functional

    sys.path.append(str(pathlib.Path(__file__).parents[1]))
    import networks

    torch.manual_seed(0)
    last = LIBRARY == "torch-channels-last" or (LIBRARY == "torch-compile" and BFLOAT16)
    layout = torch.channels_last if last else torch.contiguous_format
    model = networks.lecture_cnn() if MODEL == "cnn" else networks.mobilenet_v2()
    if MODEL == "fine-tune":
        networks.train_from_layer_100(model)
    model = model.to(memory_format=layout)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if MODEL == "fine-tune":
        optimizer = torch.optim.RMSprop(weights, 1e-5, alpha=0.9)
    else:
        optimizer = torch.optim.Adam(weights, 1e-3)
    x = (torch.rand(32, 3, 180, 180) * 255).to(memory_format=layout)
    y = torch.arange(32) % 5
    run = torch.compile(model) if LIBRARY == "torch-compile" else model

    def step():
        optimizer.zero_grad()
        scaled = x / 255 if MODEL == "cnn" else x / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16, enabled=BFLOAT16):
            output = run(scaled)
        functional.cross_entropy(output.float(), y).backward()
        optimizer.step()

    return step


step = keras_step() if LIBRARY == "keras" else torch_step()
for _ in range(3):
    step()
times = []
for _ in range(STEPS):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
print(f"{MODEL} {PEER} {statistics.median(times) * 1e3:.1f}")
