"""MobileNetV2 on a folder of photos with Keras, by one of three recipes; prints the seconds from its start to each epoch.

    python bench/time_to_accuracy/keras_recipes.py RECIPE FLOWER_PHOTOS WEIGHTS.h5 [ENOUGH]

Lines are `SECONDS VAL_ACCURACY`. It ends when val_accuracy reaches ENOUGH (default 1: never). Split, image size and
batches are the lecture's, photos are kept in memory after the first epoch, and the recipes are

- lecture: 10 epochs of the head with Adam at 1e-4, then 10 of fine-tuning from layer 100 on with RMSprop at 1e-5;
- guide: keras.io's guide to transfer learning: the head with Adam at 1e-3 until it doesn't improve for 2 epochs, then the
  whole base with Adam at 1e-5;
- same: what `petal train` does: features of the frozen base once, a head fitted on them, then 3 epochs from layer 100 on
  without augmentation, Adam, warm-up to 1e-3 in a quarter of the steps and half a cosine down. Keras has no regression,
  so the head is trained on the features for 30 epochs of Adam.
"""

import os
import sys
import time

START = time.time()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

recipe, folder, weights = sys.argv[1:4]
enough = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
SIZE = 180
keras.utils.set_random_seed(42)


class Report(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(f"{time.time() - START:.1f} {logs['val_accuracy']:.4f}", flush=True)
        if logs["val_accuracy"] >= enough:
            os._exit(0)


def photos(subset):
    return keras.utils.image_dataset_from_directory(
        folder, validation_split=0.2, subset=subset, seed=42, image_size=(SIZE, SIZE), batch_size=32, verbose=False
    )


train, validation = photos("training"), photos("validation")
classes = len(train.class_names)
train = train.cache().prefetch(tf.data.AUTOTUNE)
validation = validation.cache().prefetch(tf.data.AUTOTUNE)
base = keras.applications.MobileNetV2(input_shape=(SIZE, SIZE, 3), include_top=False, weights=weights)
base.trainable = False
x = inputs = keras.Input((SIZE, SIZE, 3))
if recipe != "same":
    for layer in (keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1), keras.layers.RandomZoom(0.1)):
        x = layer(x)
x = keras.applications.mobilenet_v2.preprocess_input(x)
x = base(x, training=False)
x = features = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dropout(0.2)(x)
head = keras.layers.Dense(classes)
model = keras.Model(inputs, head(x))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(optimizer, epochs, *callbacks):
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(train, epochs=epochs, validation_data=validation, verbose=0, callbacks=[Report(), *callbacks])


def from_layer(number):
    base.trainable = True
    for layer in base.layers[:number]:
        layer.trainable = False


if recipe == "lecture":
    fit(keras.optimizers.Adam(1e-4), 10)
    from_layer(100)
    fit(keras.optimizers.RMSprop(1e-5), 10)
elif recipe == "guide":
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=2, restore_best_weights=True)
    fit(keras.optimizers.Adam(1e-3), 20, stop)
    base.trainable = True
    fit(keras.optimizers.Adam(1e-5), 10)
elif recipe == "same":
    extractor = keras.Model(inputs, features)

    def extracted(data):
        pairs = [(extractor.predict_on_batch(images), labels) for images, labels in data]
        return tf.concat([f for f, _ in pairs], 0), tf.concat([labels for _, labels in pairs], 0)

    (f, labels), (val_f, val_labels) = extracted(train), extracted(validation)
    small = keras.Sequential([keras.Input(f.shape[1:]), keras.layers.Dropout(0.2), head])
    small.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    small.fit(f, labels, epochs=30, verbose=0)
    print(f"{time.time() - START:.1f} {small.evaluate(val_f, val_labels, verbose=0)[1]:.4f}", flush=True)
    from_layer(100)
    steps = 3 * len(train)
    rate = keras.optimizers.schedules.CosineDecay(4e-5, steps - steps // 4, warmup_target=1e-3, warmup_steps=steps // 4)
    fit(keras.optimizers.Adam(rate), 3)
else:
    sys.exit(f"the recipe is {recipe}, expected lecture, guide or same")
