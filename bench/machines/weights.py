"""How far the weights of two models are apart: python weights.py A.petal B.petal"""

import json
import struct
import sys

import numpy as np


def weights(path):
    """The model's tensors, without the optimizer's."""
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, tensor in header.items():
        if name == "__metadata__" or name.startswith("/optimizer"):
            continue
        begin, end = tensor["data_offsets"]
        found[name] = np.frombuffer(data[8 + length + begin : 8 + length + end], "<f4").astype(np.float64)
    return found


def apart(a, b):
    """Relative difference of all weights together (Euclidean), the largest of one tensor, and whether all bits are equal."""
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    norm = lambda arrays: np.sqrt(sum((array**2).sum() for array in arrays))
    all_apart = norm(a[name] - b[name] for name in a) / norm(a.values())
    worst = max(norm([a[name] - b[name]]) / max(norm([a[name]]), 1e-30) for name in a)
    return all_apart, worst, all((a[name] == b[name]).all() for name in a)


if __name__ == "__main__":
    total, worst, equal = apart(*sys.argv[1:3])
    print(f"{total:.1e} apart, the worst tensor {worst:.1e}{'; equal bit for bit' if equal else ''}")
