"""Seconds from the command to a val_accuracy: `petal train` without options beside Keras, same photos, split and weights.

    cargo build --release
    python bench/time_to_accuracy/run.py FLOWER_PHOTOS WEIGHTS.h5 [PETAL [RECIPE…]]

Python needs keras and tensorflow. Petal's epochs are timed by its history.csv, which it writes after each, Keras' by its
callback; both times begin with the process. Each is run once, one after the other; RECIPE are those of keras_recipes.py,
all three by default. Keras ends when it has reached the last of the accuracies.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile
import time

ACCURACIES = [0.90, 0.93]


def petal(binary, photos, weights):
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        begin = time.time()
        process = subprocess.Popen([binary, "train", photos, "--weights", weights, "-q", "-o", run], stdout=subprocess.DEVNULL)
        epochs = []
        while process.poll() is None:
            epochs += [(time.time() - begin, accuracy) for accuracy in accuracies(run)[len(epochs) :]]
            time.sleep(0.05)
        print(f"petal: the whole command, report included: {time.time() - begin:.1f} s", file=sys.stderr)
        return epochs


def accuracies(run):
    try:
        with open(run / "history.csv") as file:
            return [float(row["val_accuracy"]) for row in csv.DictReader(file)]
    except (FileNotFoundError, ValueError, TypeError):
        return []


def keras(recipe, photos, weights):
    script = pathlib.Path(__file__).parent / "keras_recipes.py"
    command = [sys.executable, script, recipe, photos, weights, str(ACCURACIES[-1])]
    begin = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    # Keras itself prints how many files it has found.
    epochs = (line.split() for line in process.stdout if line[0].isdigit())
    return [(time.time() - begin, float(accuracy)) for _, accuracy in epochs]


def main():
    photos, weights, *more = sys.argv[1:]
    binary, recipes = (more or ["target/release/petal"])[0], more[1:] or ["lecture", "guide", "same"]
    runs = {"petal train": petal(binary, photos, weights)}
    runs |= {f"Keras, {recipe}": keras(recipe, photos, weights) for recipe in recipes}
    print("| | " + " | ".join(f"to {accuracy:.2f}" for accuracy in ACCURACIES) + " | best |")
    print("|---" * (len(ACCURACIES) + 2) + "|")
    for name, epochs in runs.items():
        times = [next((f"{s:.0f} s" for s, a in epochs if a >= accuracy), "–") for accuracy in ACCURACIES]
        best = max((accuracy for _, accuracy in epochs), default=0)
        print(f"| {name} | " + " | ".join(times) + f" | {best:.3f} after {epochs[-1][0]:.0f} s |", flush=True)


if __name__ == "__main__":
    main()
