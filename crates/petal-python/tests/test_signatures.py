import inspect
import json
import pathlib

import pytest

from petal import keras

SIGNATURES = json.loads((pathlib.Path(__file__).parent / "keras_signatures.json").read_text())
# What Keras takes for its own purposes, which Petal leaves out or takes by keyword alone.
LEFT_OUT = {
    "name", "dtype", "lora_rank", "lora_alpha", "quantization_config", "input_axes", "output_axes", "seed", "batch_size",
    "sparse", "ragged", "optional", "shape", "kwargs",
}  # fmt: skip


def ours(path):
    found = keras
    for name in path.split("."):
        found = getattr(found, name)
    return found.__init__ if inspect.isclass(found) else found


def text(parameter):
    default = parameter.default
    if default is parameter.empty:
        return "required"
    return repr(list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize("path", sorted(SIGNATURES))
def test_arguments_have_keras_names_order_and_defaults(path):
    parameters = {
        one.name: text(one)
        for one in inspect.signature(ours(path)).parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "self"
    }
    theirs = {name: default for name, default in SIGNATURES[path] if name not in LEFT_OUT}
    mine = {name: default for name, default in parameters.items() if name not in LEFT_OUT}
    assert {name: mine[name] for name in theirs if name in mine} == {k: v for k, v in theirs.items() if k in mine}
    assert [name for name in mine if name in theirs] == [name for name in theirs if name in mine]
    assert set(theirs) <= set(mine), "an argument of Keras is missing"
