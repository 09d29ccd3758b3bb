"""The networks of `keras.applications`, with their ImageNet weights."""

import sys
import types

from .network import MODULES, module_of, network

for _name in MODULES:
    globals()[_name] = network(_name)


def _submodule(name, members):
    """`keras.applications.mobilenet_v2`, with its networks, `preprocess_input` and `decode_predictions`."""
    module = types.ModuleType(f"{__name__}.{name}", f"The networks of Keras' `{name}`.")
    for member in members:
        setattr(module, member, globals()[member])
    module.preprocess_input, module.decode_predictions = module_of(members[0])
    sys.modules[module.__name__] = module
    globals()[name] = module


_modules: dict[str, list[str]] = {}
for _name, _module in MODULES.items():
    _modules.setdefault(_module, []).append(_name)
for _module, _members in _modules.items():
    _submodule(_module, _members)
_submodule("resnet50", ["ResNet50"])
