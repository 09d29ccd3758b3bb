"""What an exported model is worth in TensorFlow Lite:

    petal export RUN -o flowers.keras
    python bench/export/tflite.py flowers.keras PHOTOS

PHOTOS is a folder with one folder a class. The split is the one of `petal train --seed 42`; 100 photos of the training side
calibrate the 8-bit model, and all are judged on the photos of the other side. Needs keras 3.15.1 and tensorflow 2.21.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

CALIBRATION = 100


def photos(folder, size):
    """Some photos of the training side, all of the other and their classes."""
    train, validation = keras.utils.image_dataset_from_directory(
        folder, validation_split=0.2, subset="both", seed=42, image_size=size, batch_size=1, verbose=False
    )
    images, labels = zip(*((image.numpy(), label.numpy()) for image, label in validation))
    return [image.numpy() for image, _ in train.take(CALIBRATION)], np.concatenate(images), np.concatenate(labels)


def interpreter(content):
    lite = tf.lite.Interpreter(model_content=content, num_threads=os.cpu_count())
    lite.allocate_tensors()
    [input], [output] = lite.get_input_details(), lite.get_output_details()

    def predict(images):
        found = []
        for image in images:
            lite.set_tensor(input["index"], image[None])
            lite.invoke()
            found.append(lite.get_tensor(output["index"])[0])
        return np.array(found)

    return predict


def main():
    model = keras.saving.load_model(sys.argv[1], compile=False)
    calibration, images, labels = photos(sys.argv[2], model.input_shape[1:3])
    accuracy = lambda outputs: np.mean(outputs.argmax(1) == labels)

    def converted(optimize):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if optimize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image] for image in calibration)
        return converter.convert()

    def exported():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            model.export(path, format="litert", verbose=False)
            return path.read_bytes()

    print(f"{len(labels)} photos")
    print("| | accuracy | MB |\n|---|---|---|")
    in_keras = accuracy(model.predict(images, batch_size=32, verbose=0))
    print(f"| Keras | {in_keras:.3f} | {Path(sys.argv[1]).stat().st_size / 1e6:.1f} |", flush=True)
    for name, make in (("export(format='litert')", exported), ("floats", lambda: converted(False)), ("8 bits", lambda: converted(True))):
        try:
            content = make()
        except Exception as error:
            print(f"| {name} | {type(error).__name__}: {str(error).splitlines()[0][:200]} |")
            continue
        print(f"| {name} | {accuracy(interpreter(content)(images)):.3f} | {len(content) / 1e6:.1f} |", flush=True)


main()
