"""Regularizers. Petal reads and keeps them, but trains without; `fit` says so each time."""


class Regularizer:
    """A penalty on weights."""

    def get_config(self):
        return dict(vars(self))


class L1(Regularizer):
    """`l1 · Σ |w|`."""

    def __init__(self, l1=0.01):
        self.l1 = l1


class L2(Regularizer):
    """`l2 · Σ w²`."""

    def __init__(self, l2=0.01):
        self.l2 = l2


class L1L2(Regularizer):
    """Both."""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1, self.l2 = l1, l2


l1, l2, l1_l2 = L1, L2, L1L2
