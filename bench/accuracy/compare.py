"""Prints the validation accuracy of the lecture's four phases in Keras', Keras 2's and Petal's runs side by side.

    weights=mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5
    for library in keras tf_keras; do
        python bench/accuracy/keras_lecture.py flower_photos --library $library --weights $weights --out runs
    done
    cargo run --release -p petal --example lecture_accuracy -- flower_photos $weights runs/petal 1 2 3
    python bench/accuracy/compare.py runs [curves.svg]

With a second argument it also draws all runs' curves, for which it needs matplotlib.
"""

import json
import pathlib
import sys

LIBRARIES = {"keras": "Keras 3.15", "tf_keras": "Keras 2 (tf_keras)", "petal": "Petal"}
# A phase's network, and its epochs in the run.
PHASES = {
    "CNN": ("cnn", slice(0, 10)),
    "CNN, regularized": ("cnn-regularized", slice(0, 15)),
    "MobileNetV2, frozen": ("mobilenet-v2", slice(0, 10)),
    "MobileNetV2, fine-tuned": ("mobilenet-v2", slice(10, 20)),
}


def val_accuracy(path):
    run = json.loads(path.read_text())
    return (run.get("history") or run["values"])["val_accuracy"]


def runs(folder, library, model):
    return [val_accuracy(file) for file in sorted(pathlib.Path(folder, library).glob(f"{model}-seed?.json"))]


def cells(values):
    mean = f"{sum(values) / len(values):.3f}" if values else ""
    return [" ".join(f"{value:.3f}" for value in values), mean]


def table(folder):
    print("| phase | | val_accuracy at its end, seeds 1 2 3 | mean | best epoch | mean |")
    print("|---|---|---|---|---|---|")
    for phase, (model, epochs) in PHASES.items():
        for library, name in LIBRARIES.items():
            values = [run[epochs] for run in runs(folder, library, model)]
            row = cells([run[-1] for run in values]) + cells([max(run) for run in values])
            print(f"| {phase} | {name} | " + " | ".join(row) + " |")


def curves(folder, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True, layout="constrained")
    titles = {"cnn": "CNN", "cnn-regularized": "CNN, regularized", "mobilenet-v2": "MobileNetV2"}
    for axis, (model, title) in zip(axes, titles.items()):
        for (library, name), colour in zip(LIBRARIES.items(), ["#0072b2", "#e69f00", "#d55e00"]):
            for number, run in enumerate(runs(folder, library, model)):
                label = name if number == 0 else None
                axis.plot(range(1, len(run) + 1), run, color=colour, linewidth=1.2, alpha=0.8, label=label)
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
    axes[2].axvline(10.5, color="grey", linestyle=":")
    axes[2].text(10.6, 0.22, "fine-tuning", color="grey", fontsize=8)
    axes[0].set(ylabel="validation accuracy", ylim=(0.15, 1))
    axes[0].legend(loc="upper left", fontsize=8)
    figure.savefig(path)


table(sys.argv[1])
if len(sys.argv) > 2:
    curves(*sys.argv[1:])
