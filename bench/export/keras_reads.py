"""Whether Keras reads what Petal writes. First `cargo run --release --example write_keras -- FOLDER [MODEL…]`, then

    python bench/export/keras_reads.py FOLDER [MODEL…]

in a Python with keras 3.15.1, tensorflow 2.21 and safetensors. A row of the table is a model: the largest difference of
Keras' predictions from Petal's, as a share of the largest of them, by each of the files; for a MODEL of Keras also the
difference of the file that Petal made of it from itself; whether `summary()` is Petal's text; whether a step of `fit`
moves what trains and nothing else. What Keras saves after that step is in FOLDER/back: write_keras and this script can
be run on it again, which goes from Petal to Keras and there and back. It ends with 1 if a model fails.
"""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["COLUMNS"] = "80"

import keras
import numpy as np
from safetensors.numpy import load_file

TOLERANCE = 1e-5
# What Keras itself fails on: its RandomCrop leaves photos at their size in prediction, and a Dense layer comes after it.
FAILS_IN_KERAS = {"colours"}


def difference(found, expected):
    """The largest, as a share of the largest expected number where that is above 1."""
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def predict(model, x):
    """Without a graph, whose making takes a minute where predicting takes a second."""
    return model(x, training=False).numpy()


def text(model):
    texts = []
    model.summary(print_fn=lambda text, line_break=True: texts.append(text))
    return "\n".join(texts)


def tokens(summary):
    """An operation of Keras is a layer of Petal, whose longer name may take a second line."""
    if "(Flip)" in summary or "(ReverseChannels)" in summary:
        return sorted(summary.replace("(Flip)", "(ReverseChannels)").replace("│", " ").split())
    return summary.split()


def load(original):
    """None where Keras cannot load it again, as an .h5 file with operations."""
    try:
        return keras.saving.load_model(original, compile=False)
    except ValueError:
        return None


def fits(model, x):
    """Whether a step moves just what trains. The labels are classes, or numbers where the output is no list of them."""
    output = model.output_shape
    if len(output) == 2 and output[1] > 1 and "sparse" in getattr(model.loss, "name", ""):
        y = np.arange(len(x)) % output[1]
    else:
        y = np.zeros((len(x), *output[1:]), "float32")
        model.compile(keras.optimizers.Adam(1e-3), "mse")
    model.run_eagerly = True
    before = [variable.numpy() for variable in model.trainable_variables]
    fixed = [v for v in model.non_trainable_variables if not is_statistic(v)]
    kept = [variable.numpy() for variable in fixed]
    model.fit(x, y, batch_size=len(x), verbose=0)
    moved = sum((v.numpy() != b).any() for v, b in zip(model.trainable_variables, before))
    still = all((v.numpy() == b).all() for v, b in zip(fixed, kept))
    return still and (moved > 0 or not before)


def is_statistic(variable):
    return "moving_" in variable.path or "seed" in variable.path


def check(folder, name, original):
    path = lambda ending: str(folder / (name + ending))
    tensors = load_file(path(".safetensors"))
    x, y = tensors["x"], tensors["y"]
    keras.backend.clear_session()
    model = keras.saving.load_model(path(".keras"), compile=False)
    by_keras = difference(predict(model, x), y)
    same_text = tokens(text(model)) == tokens(Path(path(".txt")).read_text())
    legacy = keras.saving.load_model(path(".h5"), compile=False)
    by_h5 = difference(predict(legacy, x), y)
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(np.zeros(variable.shape))
    model.load_weights(path(".weights.h5"))
    by_weights = difference(predict(model, x), y)
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(np.zeros(variable.shape))
    model.load_weights(path(".h5"))
    by_legacy_weights = difference(predict(model, x), y)
    compiled = keras.saving.load_model(path(".keras"))
    trains = compiled.optimizer is not None and fits(compiled, x)
    legacy = keras.saving.load_model(path(".h5"))
    trains = trains and legacy.optimizer is not None and fits(legacy, x)
    compiled.save(str(folder / "back" / (name + ".keras")))
    differences = [by_keras, by_h5, by_weights, by_legacy_weights]
    if original and (model := load(original)):
        differences.append(difference(predict(model, x), y))
    return differences, same_text, trains


def main():
    folder = Path(sys.argv[1])
    (folder / "back").mkdir(exist_ok=True)
    names = sorted(path.name.removesuffix(".safetensors") for path in folder.glob("*.safetensors"))
    originals = {Path(path).name.replace(".", "_"): path for path in sys.argv[2:]}
    print("| model | .keras | .h5 | .weights.h5 | weights of .h5 | original | summary | fit |")
    print("|---|---|---|---|---|---|---|---|")
    failed = []
    for name in names:
        try:
            differences, same_text, trains = check(folder, name, originals.get(name))
        except Exception as error:
            lines = str(error).strip().splitlines() or [repr(error)]
            known = name in FAILS_IN_KERAS
            print(f"| {name} | {'as expected: ' if known else ''}{type(error).__name__}: {lines[0][:300]} |")
            failed += [] if known else [name]
            continue
        row = [f"{difference:.1e}" for difference in differences]
        row += [""] * (5 - len(differences))
        row += ["the same" if same_text else "DIFFERS", "trains" if trains else "DOES NOT"]
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)
        if max(differences) > TOLERANCE or not same_text or not trains:
            failed.append(name)
    print(f"{len(names) - len(failed)} of {len(names)} models pass" + "".join(f"; not {name}" for name in failed))
    sys.exit(bool(failed))


main()
