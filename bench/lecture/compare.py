"""Runs `petal lecture` and the lecture in Keras and compares their wall times.

    python bench/lecture/compare.py PYTHON FLOWER_PHOTOS WEIGHTS.h5 [EPOCHS_SCALE]

A network's time is from the line that announces it to the next one, so the first's has no import or loading of photos
in it; the total's has. The accuracies are the validation's at the end of each network's last epoch.
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
    histories = [[row["val_accuracy"] for row in csv.DictReader(file.open())] for file in files]
    return total, [seconds[0], seconds[1], seconds[2] + seconds[3]], [histories[n] for n in (0, 1, 3)]


def keras(python, photos, weights, scale, out):
    command = [python, "-u", "bench/accuracy/keras_lecture.py", photos, "--weights", weights, "--seeds", "42"]
    total, seconds = timed([*command, "--epochs-scale", scale, "--early-stopping", "--out", out], "--- keras ")
    runs = [out / "keras" / f"{name}-seed42.json" for name in ("cnn", "cnn-regularized", "mobilenet-v2")]
    return total, seconds, [json.loads(run.read_text())["history"]["val_accuracy"] for run in runs]


python, photos, weights = sys.argv[1:4]
scale = sys.argv[4] if len(sys.argv) > 4 else "1"
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder)
    mine = petal(photos, weights, scale, out)
    theirs = keras(python, photos, weights, scale, out)
print("| | Petal, s | epochs | val_accuracy | Keras, s | epochs | val_accuracy | Petal's ratio |")
print("|---|---|---|---|---|---|---|---|")
for name, *sides in zip(NETWORKS, zip(*mine[1:]), zip(*theirs[1:])):
    cells = [f"{seconds:.0f} | {len(values)} | {float(values[-1]):.3f}" for seconds, values in sides]
    print(f"| {name} | " + " | ".join(cells) + f" | {sides[0][0] / sides[1][0]:.2f} |")
cells = [f"{total:.0f} | {sum(map(len, histories))} | " for total, _, histories in (mine, theirs)]
print("| all, wall time | " + " | ".join(cells) + f" | {mine[0] / theirs[0]:.2f} |")
