"""Tensors with values: NumPy arrays with TensorFlow's manners."""

import numpy as np


class Tensor(np.ndarray):
    """An array that also has `numpy()`; single elements are arrays of rank 0, as in TensorFlow."""

    def numpy(self):
        """The values as a NumPy array, of rank 0 as a NumPy number."""
        array = self.view(np.ndarray)
        return array[()] if self.ndim == 0 else array

    def __getitem__(self, key):
        return tensor(super().__getitem__(key))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __hash__(self):
        return id(self)

    @property
    def device(self):
        return "CPU:0"

    def __repr__(self):
        return f"<petal.Tensor: shape={self.shape}, dtype={self.dtype}, numpy={self.view(np.ndarray)!r}>"


def tensor(values, dtype=None):
    """`values` as a `Tensor`, without a copy where they are an array."""
    return np.asarray(values, dtype=dtype).view(Tensor)


def is_array(x):
    """Whether `x` holds numbers: an array, a tensor of another library, a number, or lists of them."""
    return isinstance(x, (np.ndarray, np.generic, int, float, list, tuple)) or hasattr(x, "__array__")


def values(x, what):
    """`x` as a contiguous array of float32, or of uint8 if it is one; no copy where it is that already."""
    if hasattr(x, "detach") and hasattr(x, "cpu"):  # of PyTorch
        x = x.detach().cpu()
    array = np.asarray(x)
    if array.dtype == object or array.dtype.kind not in "fiub":
        raise ValueError(f"{what} has the dtype {array.dtype}; expected numbers, float32 or uint8 for instance")
    if array.dtype != np.uint8:
        array = array.astype(np.float32, copy=False)
    return np.ascontiguousarray(array).view(np.ndarray)
