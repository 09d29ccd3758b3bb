"""Runs `petal predict` and takes its wall time.

    python bench/inference/petal.py cold MODEL FLOWER_PHOTOS      # milliseconds for one photo, new process each time
    python bench/inference/petal.py folder MODEL FLOWER_PHOTOS    # photos a second of the folder
"""

import pathlib
import statistics
import subprocess
import sys
import time

what, model, folder = sys.argv[1:]
photos = sorted(pathlib.Path(folder).glob("*/*.jpg"))


def predict(photos):
    start = time.perf_counter()
    command = ["target/release/petal", "predict", model, photos]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if what == "cold":
    times = sorted(1e3 * predict(photo) for photo in photos[:: max(1, len(photos) // 25)])
    print(f"`petal predict` of one photo: {statistics.median(times):.0f} ms, at most {times[-1]:.0f} ms")
else:
    print(f"folder petal {len(photos) / predict(folder):.1f}")
