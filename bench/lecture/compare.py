"""Runs `petal lecture` and the lecture in Keras and compares their wall times.

    python bench/lecture/compare.py PYTHON FLOWER_PHOTOS WEIGHTS.h5 [EPOCHS_SCALE]

A network's time is from the line that announces it to the next one, so the first's has no import or loading of photos
in it; the total's has.
"""

import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

NETWORKS = ["cnn", "cnn-regularized", "mobilenet-v2, frozen and fine-tuned"]


def timed(command, announcement):
    """Seconds in all, and between the lines that match."""
    marks, start = [], time.time()
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(command, **output) as process:
        text = []
        for line in process.stdout:
            text.append(line)
            if re.match(announcement, line):
                marks.append(time.time())
    end = time.time()
    if process.returncode != 0:
        sys.exit("".join(text[-30:]))
    return end - start, [b - a for a, b in zip(marks, [*marks[1:], end])]


def petal(photos, weights, scale, out):
    command = ["target/release/petal", "lecture", photos, "--weights", weights, "--epochs-scale", scale]
    total, seconds = timed([*command, "--output", out / "petal"], r"\d · ")
    # A phase's history has the epochs of the one that it goes on from.
    files = sorted((out / "petal").glob("[0-9]-*.csv"))
    epochs = [len(list(csv.DictReader(file.open()))) for file in files]
    return total, [seconds[0], seconds[1], seconds[2] + seconds[3]], [epochs[0], epochs[1], epochs[3]]


def keras(python, photos, weights, scale, out):
    command = [python, "-u", "bench/accuracy/keras_lecture.py", photos, "--weights", weights, "--seeds", "42"]
    total, seconds = timed([*command, "--epochs-scale", scale, "--early-stopping", "--out", out], "--- keras ")
    runs = [out / "keras" / f"{name}-seed42.json" for name in ("cnn", "cnn-regularized", "mobilenet-v2")]
    return total, seconds, [len(json.loads(run.read_text())["epoch_seconds"]) for run in runs]


python, photos, weights = sys.argv[1:4]
scale = sys.argv[4] if len(sys.argv) > 4 else "1"
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder)
    mine = petal(photos, weights, scale, out)
    theirs = keras(python, photos, weights, scale, out)
print("| | Petal, s | epochs | Keras, s | epochs | Petal's ratio |")
print("|---|---|---|---|---|---|")
for name, a, a_epochs, b, b_epochs in zip(NETWORKS, mine[1], mine[2], theirs[1], theirs[2]):
    print(f"| {name} | {a:.0f} | {a_epochs} | {b:.0f} | {b_epochs} | {a / b:.2f} |")
print(f"| all, wall time | {mine[0]:.0f} | {sum(mine[2])} | {theirs[0]:.0f} | {sum(theirs[2])} | {mine[0] / theirs[0]:.2f} |")
