"""One seed for weights, order and augmentation, as `keras.utils.set_random_seed` sets it."""

import itertools
import secrets

_state = {"seed": None, "numbers": itertools.count()}


def set_seed(seed):
    if not isinstance(seed, int):
        raise ValueError(f"seed is {seed!r}; expected a whole number")
    _state.update(seed=seed, numbers=itertools.count())


def next_seed():
    """Another seed at each call; the same ones after `set_seed`, else such as nobody can foretell."""
    if _state["seed"] is None:
        return secrets.randbits(31)
    return (_state["seed"] * 1_000_003 + next(_state["numbers"])) % 2**63
