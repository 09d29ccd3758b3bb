"""Writes keras_signatures.json: names, order and defaults of the arguments that Keras' own classes and functions have.

    pip install keras==3.15.1 tensorflow-cpu==2.21.0 && python keras_signatures.py
"""

import inspect
import json
import pathlib

import keras

import petal.keras

# What users don't make themselves.
BASES = {"Callback", "History", "Initializer", "InputLayer", "Layer", "Loss", "Metric", "Optimizer"}
HERE = pathlib.Path(__file__).parent


def described(value):
    if inspect.isfunction(value):
        return value.__name__
    return list(value) if isinstance(value, tuple) else value


def signature(function):
    parameters = inspect.signature(function).parameters.values()
    kept = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "self"]
    return [[one.name, "required" if one.default is one.empty else repr(described(one.default))] for one in kept]


def public(module, kind):
    names = [name for name, value in vars(module).items() if not name.startswith("_") and kind(value)]
    return sorted(set(names))


def main():
    found = {}
    for name in ("layers", "optimizers", "losses", "metrics", "callbacks", "initializers"):
        ours, theirs = getattr(petal.keras, name), getattr(keras, name)
        for member in public(ours, lambda one: inspect.isclass(one) and one.__module__.startswith(ours.__name__)):
            if member not in BASES and inspect.isclass(getattr(theirs, member, None)):
                found[f"{name}.{member}"] = signature(getattr(theirs, member).__init__)
    for member in public(keras.optimizers.schedules, inspect.isclass):
        if hasattr(petal.keras.optimizers.schedules, member):
            found[f"optimizers.schedules.{member}"] = signature(getattr(keras.optimizers.schedules, member).__init__)
    for member in ("image_dataset_from_directory", "get_file", "load_img", "img_to_array", "array_to_img", "to_categorical"):
        found[f"utils.{member}"] = signature(getattr(keras.utils, member))
    for member in ("fit", "evaluate", "predict", "compile", "summary", "get_layer"):
        found[f"Model.{member}"] = signature(getattr(keras.Model, member))
    (HERE / "keras_signatures.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
