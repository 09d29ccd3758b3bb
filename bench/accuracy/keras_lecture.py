"""Trains the lecture's networks with Keras on a folder of photos, for comparison with Petal.

    pip install keras==3.15.1 tensorflow==2.21.0 tf_keras==2.21.0
    python bench/accuracy/keras_lecture.py flower_photos --weights mobilenet_v2_…_1.0_224_no_top.h5 --out runs

The lecture's four phases are three networks: `cnn`, `cnn-regularized`, and `mobilenet-v2`, of which first the new head
is trained on the frozen base, then everything from the base's layer 100 on. `--library tf_keras` is Keras 2, which
honours `training=False` in `fit`; Keras 3 doesn't.

Split, image size and batch size are the lecture's (seed 42, 20 % validation, 180x180, batches of 32);
`--seeds` sets the seed of weights, order, augmentation and dropout only. Each run writes
`<out>/<library>/<model>-seed<N>.json`: settings, the history of every epoch, wall time. A run whose file is
already there is skipped, so an interrupted series can be taken up again.
"""

import argparse
import importlib
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

MODELS = ["cnn", "cnn-regularized", "mobilenet-v2"]
EPOCHS = {"cnn": 10, "cnn-regularized": 15, "mobilenet-v2": 10}
FINE_TUNE_EPOCHS = 10
FINE_TUNE_AT = 100
SPLIT_SEED = 42


def augmentation(keras):
    layers = keras.layers
    return keras.Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)],
        name="data_augmentation",
    )


def cnn(keras, classes, size, regularized):
    layers = keras.layers
    x = inputs = keras.Input((size, size, 3))
    if regularized:
        x = augmentation(keras)(x)
    x = layers.Rescaling(1.0 / 255)(x)
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    if regularized:
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes)(x))


def mobilenet_v2(keras, classes, size, weights):
    """The model with its frozen base, and the base."""
    layers = keras.layers
    base = keras.applications.MobileNetV2(input_shape=(size, size, 3), include_top=False, weights=weights)
    base.trainable = False
    inputs = keras.Input((size, size, 3))
    x = augmentation(keras)(inputs)
    x = layers.Rescaling(1.0 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(classes)(x)), base


def epoch_times(keras):
    class EpochTimes(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.time()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(round(time.time() - self.start, 3))

    return EpochTimes()


def run(args, keras, kind, seed):
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
    times = epoch_times(keras)

    def fit(optimizer, epochs, initial_epoch=0, callbacks=()):
        model.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        fitted = model.fit(
            train,
            validation_data=validation,
            epochs=epochs,
            initial_epoch=initial_epoch,
            verbose=2,
            callbacks=[times, *callbacks],
        )
        return fitted.history

    scaled = lambda epochs: max(1, round(epochs * args.epochs_scale))
    epochs = args.epochs or scaled(EPOCHS[kind])
    start = time.time()
    if kind == "mobilenet-v2":
        model, base = mobilenet_v2(keras, len(classes), args.image_size, args.weights)
        history = fit(keras.optimizers.Adam(1e-4), epochs)
        base.trainable = True
        for layer in base.layers[:FINE_TUNE_AT]:
            layer.trainable = False
        more = fit(keras.optimizers.RMSprop(1e-5), epochs + scaled(FINE_TUNE_EPOCHS), initial_epoch=epochs)
        history = {key: values + more[key] for key, values in history.items()}
    else:
        model = cnn(keras, len(classes), args.image_size, kind == "cnn-regularized")
        stop = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
        stops = args.early_stopping and kind == "cnn-regularized"
        history = fit(keras.optimizers.Adam(1e-3), epochs, callbacks=[stop] if stops else [])
    return {
        "model": kind,
        "seed": seed,
        "split_seed": SPLIT_SEED,
        "epochs": epochs,
        "image_size": args.image_size,
        "batch_size": args.batch_size,
        "class_names": classes,
        "files": files,
        "parameters": model.count_params(),
        "library": f"{args.library} {keras.__version__}",
        "tensorflow": tf.__version__,
        "threads": os.cpu_count(),
        "seconds": round(time.time() - start, 3),
        "epoch_seconds": times.seconds,
        "history": history,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="folder with one folder of photos per class")
    parser.add_argument("--library", choices=["keras", "tf_keras"], default="keras")
    parser.add_argument("--weights", help="MobileNetV2's weights without its top", default="imagenet")
    parser.add_argument("--model", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, help="default: 10, for cnn-regularized 15")
    parser.add_argument("--epochs-scale", type=float, default=1.0, help="multiplies the default, and fine-tuning's 10")
    parser.add_argument("--early-stopping", action="store_true", help="for cnn-regularized, as `petal lecture` does it")
    parser.add_argument("--image-size", type=int, default=180)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs"))
    args = parser.parse_args()
    keras = importlib.import_module(args.library)
    out = args.out / args.library
    out.mkdir(parents=True, exist_ok=True)
    # Every model of the first seed comes before the second seed, so that a part of the series is useful.
    for seed in args.seeds:
        for kind in args.model:
            path = out / f"{kind}-seed{seed}.json"
            if path.exists():
                print(f"skipped: {path} is there")
                continue
            print(f"--- {args.library} {kind}, seed {seed}", flush=True)
            result = run(args, keras, kind, seed)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(result, indent=1) + "\n")
            part.rename(path)


if __name__ == "__main__":
    main()
