"""Prints the final and best validation accuracy of Keras' and Petal's runs side by side.

    python bench/accuracy/keras_lecture.py flower_photos --model cnn cnn-regularized --seeds 1 2 3 --out keras_runs
    for model in "cnn 10" "cnn-regularized 15"; do
        cargo run --release -p petal --example lecture_accuracy -- flower_photos $model petal_runs 1 2 3
    done
    python bench/accuracy/compare.py keras_runs petal_runs
"""

import json
import pathlib
import sys


def accuracies(path):
    run = json.loads(path.read_text())
    return (run.get("history") or run["values"])["val_accuracy"]


def main(keras_runs, petal_runs):
    print("| network | | final val_accuracy, seeds 1 2 3 | mean | best val_accuracy, seeds 1 2 3 | mean |")
    print("|---|---|---|---|---|---|")
    for model in ("cnn", "cnn-regularized"):
        for name, folder in (("Keras 3.15", keras_runs), ("Petal", petal_runs)):
            files = sorted(pathlib.Path(folder).glob(f"{model}-seed?.json"))
            runs = [accuracies(file) for file in files]
            cells = []
            for values in ([run[-1] for run in runs], [max(run) for run in runs]):
                cells += [" ".join(f"{value:.3f}" for value in values), f"{sum(values) / len(values):.3f}"]
            print(f"| {model} | {name} | " + " | ".join(cells) + " |")


main(*sys.argv[1:])
