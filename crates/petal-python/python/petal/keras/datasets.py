"""Small images with labels, downloaded once: MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100, where Keras has them."""

import pickle
import sys
import types

import numpy as np

from .utils import get_file

_TENSORFLOW = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class _NumbersOnly(pickle.Unpickler):
    """Reads what CIFAR's files hold, and refuses all that could run code."""

    def find_class(self, module, name):
        allowed = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}
        if (module.replace("numpy._core", "numpy.core"), name) in allowed:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no file of CIFAR does")


def _mnist(path="mnist.npz"):
    """28×28 grey digits: ((60000 images, labels), (10000 images, labels)), all uint8."""
    hash = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    with np.load(get_file(path, origin=_TENSORFLOW + "mnist.npz", file_hash=hash), allow_pickle=False) as file:
        return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])


def _fashion_mnist():
    """28×28 grey clothes: ((60000 images, labels), (10000 images, labels)), all uint8."""
    import gzip

    def read(name, offset):
        path = get_file(name, origin=_TENSORFLOW + name, cache_subdir="datasets/fashion-mnist")
        with gzip.open(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    def half(prefix):
        labels = read(f"{prefix}-labels-idx1-ubyte.gz", 8)
        return read(f"{prefix}-images-idx3-ubyte.gz", 16).reshape(len(labels), 28, 28), labels

    return half("train"), half("t10k")


def _cifar(name, hash, folder, train, test, key):
    origin = f"https://www.cs.toronto.edu/~kriz/{name}.tar.gz"
    root = get_file(name, origin=origin, file_hash=hash, extract=True)

    def half(files):
        images, labels = [], []
        for one in files:
            with open(f"{root}/{folder}/{one}", "rb") as file:
                content = _NumbersOnly(file, encoding="bytes").load()
            images.append(content[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            labels.extend(content[key])
        return np.ascontiguousarray(np.concatenate(images)), np.array(labels, np.uint8).reshape(-1, 1)

    return half(train), half(test)


def _cifar10():
    """32×32 photos of ten classes: ((50000 images, labels), (10000 images, labels)), labels `(n, 1)`, all uint8."""
    hash = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    batches = [f"data_batch_{i}" for i in range(1, 6)]
    return _cifar("cifar-10-python", hash, "cifar-10-batches-py", batches, ["test_batch"], b"labels")


def _cifar100(label_mode="fine"):
    """As CIFAR-10, of 100 classes; with `label_mode="coarse"`, of 20."""
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'label_mode is {label_mode!r}; expected "fine" or "coarse"')
    hash = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    return _cifar("cifar-100-python", hash, "cifar-100-python", ["train"], ["test"], f"{label_mode}_labels".encode())


def _module(name, load_data):
    module = types.ModuleType(f"{__name__}.{name}", load_data.__doc__)
    load_data.__name__ = "load_data"
    module.load_data = load_data  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return module


mnist = _module("mnist", _mnist)
fashion_mnist = _module("fashion_mnist", _fashion_mnist)
cifar10 = _module("cifar10", _cifar10)
cifar100 = _module("cifar100", _cifar100)
