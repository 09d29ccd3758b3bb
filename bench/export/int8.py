"""Exported models with 8-bit numbers beside those with floats, in onnxruntime and OpenVINO.

    python bench/export/int8.py PETAL FLOWER_PHOTOS RUN...

Exports each run by the command PETAL with floats and with 8-bit numbers, whose ranges are measured on photos of
FLOWER_PHOTOS, and gives both the validation photos of Keras' split with seed 42, at the model's size. Prints the share of
right answers, the share of photos with the class that floats give, and photos a second in batches of 1 and of 32: each
the best of REPEATS passes, floats and bytes in turn.
"""

import ast
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx

from engines import engines, validation_photos

REPEATS = 3
# Photos in a pass that is timed.
TIMED = 128


def compare(petal, folder, run, work):
    import tensorflow as tf

    paths = {"floats": work / "floats.onnx", "8 bits": work / "int8.onnx"}
    subprocess.run([petal, "export", run, "-o", paths["floats"]], check=True, stdout=subprocess.DEVNULL)
    command = [petal, "export", run, "-o", paths["8 bits"], "--int8", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    metadata = {entry.key: entry.value for entry in onnx.load(str(paths["floats"])).metadata_props}
    size, names = ast.literal_eval(metadata["imgsz"]), list(ast.literal_eval(metadata["names"]).values())
    photos = validation_photos(folder)
    labels = np.array([names.index(path.parent.name) for path in photos])
    resized = [tf.image.resize(tf.io.decode_jpeg(path.read_bytes(), channels=3), size) for path in photos]
    pixels = np.round(np.stack(resized)).astype(np.float32)
    ready = {kind: engines(path) for kind, path in paths.items()}
    for engine in ready["floats"]:
        answers = {}
        for kind in paths:
            predict = ready[kind][engine]
            batches = [predict(pixels[i : i + 32]) for i in range(0, len(pixels), 32)]
            answers[kind] = np.concatenate([np.asarray(batch) for batch in batches])
        rates = {kind: {} for kind in paths}
        for batch in [1, 32]:
            for _ in range(REPEATS):
                for kind in paths:
                    predict, start = ready[kind][engine], time.perf_counter()
                    for i in range(0, TIMED, batch):
                        predict(pixels[i : i + batch])
                    rate = TIMED / (time.perf_counter() - start)
                    rates[kind][batch] = max(rate, rates[kind].get(batch, 0))
        for kind, path in paths.items():
            right = (answers[kind].argmax(1) == labels).mean()
            same = (answers[kind].argmax(1) == answers["floats"].argmax(1)).mean()
            speed = " | ".join(f"{rate:.0f}" for rate in rates[kind].values())
            megabytes = path.stat().st_size / 1e6
            row = f"{pathlib.Path(run).name} | {engine} | {kind} | {megabytes:.1f} | {right:.4f} | {same:.4f} | {speed}"
            print(f"| {row} |", flush=True)


if len(sys.argv) < 4:
    sys.exit(__doc__)
print("| model | engine | numbers | MB | right | as floats | photos/s, batch 1 | batch 32 |")
print("|---|---|---|--:|--:|--:|--:|--:|")
for run in sys.argv[3:]:
    with tempfile.TemporaryDirectory() as work:
        compare(sys.argv[1], sys.argv[2], run, pathlib.Path(work))
