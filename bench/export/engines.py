"""Exported models in other programs: the full check of `onnx`, and the probabilities of onnxruntime and OpenVINO beside
Petal's.

    python bench/export/engines.py models FOLDER           # what `--example onnx_models` wrote
    python bench/export/engines.py photos PETAL FLOWER_PHOTOS RUN...

`photos` takes the validation photos of Keras' split with seed 42 and exports each run by the command PETAL: with floats
and with bytes at the model's size, with its channels first, and with photos of any size. All get the same pixels, as PNG,
since decoders of JPEG differ in a few levels: at the model's size, or, to see how the exported model resizes, as they are.
Prints a line for each file and engine, `top-1` being the share of photos with Petal's class.
"""

import ast
import csv
import io
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import onnx
import onnxruntime
import openvino

KINDS = {
    "float32": [],
    "float32, nchw": ["--layout", "nchw"],
    "uint8": ["--input", "uint8"],
    "any size": ["--input", "any-size"],
}


def engines(path):
    """Functions from a batch to probabilities, by name; the file has passed onnx's full check."""
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {
        "onnxruntime": lambda batch: session.run(None, {name: batch})[0],
        "OpenVINO": lambda batch: compiled(batch)[0],
    }


def line(model, kind, engine, found, expected):
    found = np.asarray(found)
    difference = np.abs(found - expected).max()
    agree = (found.argmax(1) == expected.argmax(1)).mean()
    print(f"| {model} | {kind} | {engine} | {len(found)} | {agree:.4f} | {difference:.1e} |", flush=True)


def models(folder):
    for path in sorted(pathlib.Path(folder).glob("*.onnx")):
        name, is_nchw = path.name.removesuffix(".onnx").removesuffix(".nchw"), path.name.endswith(".nchw.onnx")
        expected = np.fromfile(path.with_name(f"{name}.probabilities"), np.float32)
        inputs = np.fromfile(path.with_name(f"{name}.inputs"), np.float32)
        graph = onnx.load(str(path)).graph
        shape = [axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim[1:]]
        transposes = sum(node.op_type == "Transpose" for node in graph.node)
        if is_nchw:
            shape = [*shape[1:], shape[0]]
        inputs = inputs.reshape(-1, *shape)
        if is_nchw:
            inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
        expected = expected.reshape(len(inputs), -1)
        kind = f"{'nchw' if is_nchw else 'nhwc'}, {len(graph.node)} nodes, {transposes} Transpose"
        for engine, run in engines(path).items():
            line(name, kind, engine, run(inputs), expected)


def validation_photos(folder):
    """Those of `image_dataset_from_directory(folder, validation_split=0.2, seed=42)`."""
    classes = sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    photos = [photo for directory in classes for photo in sorted(directory.glob("*.jpg"))]
    np.random.RandomState(42).shuffle(photos)
    return photos[len(photos) - int(0.2 * len(photos)) :]


def photos(petal, folder, runs):
    import tensorflow as tf

    decoded = [tf.io.decode_jpeg(path.read_bytes(), channels=3) for path in validation_photos(folder)]
    for run in runs:
        with tempfile.TemporaryDirectory() as work:
            compare(petal, run, decoded, pathlib.Path(work))


def predicted(petal, run, photos, work):
    """Class names and the probabilities that Petal gives for these pixels."""
    import tensorflow as tf

    paths = [work / f"{i}.png" for i in range(len(photos))]
    for path, photo in zip(paths, photos):
        path.write_bytes(tf.io.encode_png(photo, compression=1).numpy())
    answer = subprocess.run([petal, "predict", run, *paths, "--csv"], check=True, capture_output=True, text=True)
    header, *rows = csv.reader(io.StringIO(answer.stdout))
    probabilities = {row[0]: row[3:] for row in rows}
    return header[3:], np.array([probabilities[str(path)] for path in paths], np.float32)


def compare(petal, run, photos, work):
    import tensorflow as tf

    path = work / "model.onnx"
    names, whole = predicted(petal, run, photos, work)
    sized = expected = None
    for kind, options in KINDS.items():
        subprocess.run([petal, "export", run, "-o", path, *options], check=True, stdout=subprocess.DEVNULL)
        metadata = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
        assert ast.literal_eval(metadata["names"]) == dict(enumerate(names))
        if sized is None:
            size = ast.literal_eval(metadata["imgsz"])
            sized = [tf.cast(tf.round(tf.image.resize(photo, size)), tf.uint8) for photo in photos]
            _, expected = predicted(petal, run, sized, work)

        def batch(i):
            if kind == "any size":
                return photos[i].numpy()[None]
            pixels = sized[i].numpy()[None].astype(np.uint8 if kind == "uint8" else np.float32)
            return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)) if "nchw" in kind else pixels

        for engine, predict in engines(path).items():
            found = np.concatenate([predict(batch(i)) for i in range(len(photos))])
            line(pathlib.Path(run).name, kind, engine, found, whole if kind == "any size" else expected)


if __name__ == "__main__":
    print("| model | exported | engine | samples | top-1 | largest difference |\n|---|---|---|--:|--:|--:|")
    match sys.argv[1:]:
        case ["models", folder]:
            models(folder)
        case ["photos", petal, folder, *runs] if runs:
            photos(petal, folder, runs)
        case _:
            sys.exit(__doc__)
