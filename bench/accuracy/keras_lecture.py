"""Trains the lecture's two CNNs with Keras on a folder of photos, for comparison with Petal.

    pip install keras==3.15.1 tensorflow==2.21.0
    python bench/accuracy/keras_lecture.py flower_photos --model cnn cnn-regularized --seeds 1 2 3 --out runs

Split, image size and batch size are the lecture's (seed 42, 20 % validation, 180x180, batches of 32);
`--seeds` sets the seed of weights, order, augmentation and dropout only. Each run writes
`<out>/<model>-seed<N>.json`: settings, the history of every epoch, wall time. A run whose file is
already there is skipped, so an interrupted series can be taken up again.
"""

import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import tensorflow as tf
from keras import layers

EPOCHS = {"cnn": 10, "cnn-regularized": 15}
SPLIT_SEED = 42


def build(kind, classes, size):
    x = inputs = keras.Input((size, size, 3))
    if kind == "cnn-regularized":
        augmentation = keras.Sequential(
            [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)],
            name="data_augmentation",
        )
        x = augmentation(x)
    x = layers.Rescaling(1.0 / 255)(x)
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    if kind == "cnn-regularized":
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes)(x))


class EpochTimes(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.time()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(round(time.time() - self.start, 3))


def run(args, kind, seed):
    keras.backend.clear_session()
    train, validation = keras.utils.image_dataset_from_directory(
        args.folder,
        validation_split=0.2,
        subset="both",
        seed=SPLIT_SEED,
        image_size=(args.image_size, args.image_size),
        batch_size=None,
    )
    classes = train.class_names
    files = {"train": len(train.file_paths), "validation": len(validation.file_paths)}
    # Single photos are cached, so that every epoch shuffles the whole training set as Petal does
    # (`cache().shuffle(1000)` after batching would repeat the first epoch's batches).
    train = train.cache().shuffle(files["train"], seed=seed).batch(args.batch_size).prefetch(tf.data.AUTOTUNE)
    validation = validation.cache().batch(args.batch_size).prefetch(tf.data.AUTOTUNE)

    keras.utils.set_random_seed(seed)
    model = build(kind, len(classes), args.image_size)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    epochs = args.epochs or EPOCHS[kind]
    times = EpochTimes()
    start = time.time()
    history = model.fit(train, validation_data=validation, epochs=epochs, verbose=2, callbacks=[times])
    result = {
        "model": kind,
        "seed": seed,
        "split_seed": SPLIT_SEED,
        "epochs": epochs,
        "image_size": args.image_size,
        "batch_size": args.batch_size,
        "class_names": classes,
        "files": files,
        "parameters": model.count_params(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "threads": os.cpu_count(),
        "seconds": round(time.time() - start, 3),
        "epoch_seconds": times.seconds,
        "final_val_accuracy": history.history["val_accuracy"][-1],
        "best_val_accuracy": max(history.history["val_accuracy"]),
        "history": history.history,
    }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="folder with one folder of photos per class")
    parser.add_argument("--model", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, help="default: 10 for cnn, 15 for cnn-regularized")
    parser.add_argument("--image-size", type=int, default=180)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    # Every model of the first seed comes before the second seed, so that a part of the series is useful.
    for seed in args.seeds:
        for kind in args.model:
            path = args.out / f"{kind}-seed{seed}.json"
            if path.exists():
                print(f"skipped: {path} is there")
                continue
            print(f"--- {kind}, seed {seed}", flush=True)
            result = run(args, kind, seed)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(result, indent=1) + "\n")
            part.rename(path)


if __name__ == "__main__":
    main()
