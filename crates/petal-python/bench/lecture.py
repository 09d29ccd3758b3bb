"""Runs the code cells of the lecture in order, on Petal or on TensorFlow, and tells how long each took.

    python lecture.py LECTURE.md FLOWER_PHOTOS WEIGHTS.h5 petal|tensorflow [FOLDER_FOR_PLOTS|- [EPOCHS]]

Shell lines are replaced by a link to the photos, the notebook's path of one photo by one that is there, and `plt.show`
by nothing or a file; ImageNet's weights are read from the file given; with EPOCHS, each training has so many. Nothing else
is changed. Prints one line of JSON.
"""

import json
import os
import re
import sys
import tempfile
import time


def cells(path):
    """The code cells, without shell lines."""
    text = open(path, encoding="utf-8").read()
    for cell in re.findall(r"```python\n(.*?)```", text, re.S):
        yield "\n".join(line for line in cell.splitlines() if not line.startswith("!"))


def main(lecture, photos, weights, engine, plots="-", epochs=None):
    plots = None if plots == "-" else plots
    if engine == "petal":
        import petal

        petal.as_tensorflow()
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figures = 0

    def show():
        nonlocal figures
        if plots:
            plt.savefig(os.path.join(plots, f"{engine}-{figures}.png"))
        figures += 1
        plt.close("all")

    plt.show = show
    photos, weights = os.path.abspath(photos), os.path.abspath(weights)
    plots = plots and os.path.abspath(plots)
    lecture = os.path.abspath(lecture)
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.symlink(photos, "flower_photos")
    names, times, histories = {}, [], []
    for number, cell in enumerate(cells(lecture)):
        first = next(os.path.join(d, f) for d, _, files in os.walk("flower_photos", followlinks=True) for f in sorted(files) if f.endswith(".jpg"))
        cell = re.sub(r"/content/flower_photos/\S+?\.jpg", first, cell)
        cell = cell.replace("weights='imagenet'", f"weights={weights!r}")
        if epochs:
            cell = re.sub(r"(epochs ?= ?)\d+", rf"\g<1>{epochs}", cell)
        begin = time.perf_counter()
        exec(compile(cell, f"cell {number}", "exec"), names)
        if plt.get_fignums():
            show()
        times.append(round(time.perf_counter() - begin, 2))
        for trained in re.findall(r"(\w+) = model\.fit\(", cell):
            histories.append({k: [round(float(v), 4) for v in vs] for k, vs in names[trained].history.items()})
    print(json.dumps({"engine": engine, "seconds": times, "total": round(sum(times), 1), "histories": histories}))


if __name__ == "__main__":
    main(*sys.argv[1:])
