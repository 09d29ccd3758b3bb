"""How weights begin."""


class Initializer:
    """Draws a weight's first values; the model's seed decides which."""

    def __init__(self, **settings):
        self._settings = settings

    def get_config(self):
        return dict(self._settings)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._settings.items())})"


def _by_fan(name, what):
    def __init__(self, seed=None):
        Initializer.__init__(self)

    return type(name, (Initializer,), {"__init__": __init__, "__doc__": what})


GlorotUniform = _by_fan("GlorotUniform", "Uniform in ±√(6 / (fan_in + fan_out)).")
GlorotNormal = _by_fan("GlorotNormal", "Truncated normal of standard deviation √(2 / (fan_in + fan_out)).")
HeUniform = _by_fan("HeUniform", "Uniform in ±√(6 / fan_in).")
HeNormal = _by_fan("HeNormal", "Truncated normal of standard deviation √(2 / fan_in).")
LecunUniform = _by_fan("LecunUniform", "Uniform in ±√(3 / fan_in).")
LecunNormal = _by_fan("LecunNormal", "Truncated normal of standard deviation √(1 / fan_in).")
Zeros = _by_fan("Zeros", "All 0.")
Ones = _by_fan("Ones", "All 1.")


class VarianceScaling(Initializer):
    """Of a variance that follows from the weight's shape."""

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        super().__init__(scale=float(scale), mode=mode, distribution=distribution)


class RandomUniform(Initializer):
    """Uniform in `[minval, maxval)`."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(minval=minval, maxval=maxval)


class RandomNormal(Initializer):
    """Normal."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(mean=mean, stddev=stddev)


class TruncatedNormal(Initializer):
    """Normal, drawn again beyond two standard deviations."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(mean=mean, stddev=stddev)


class Constant(Initializer):
    """All the same."""

    def __init__(self, value=0.0):
        super().__init__(value=value)


_ALL = (
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal, Zeros, Ones, VarianceScaling,
    RandomUniform, RandomNormal, TruncatedNormal, Constant,
)  # fmt: skip


def _word(name):
    return name.replace("_", "").lower()


_BY_NAME = {_word(one.__name__): one for one in _ALL}


def get(identifier):
    """The initializer of this name or description; one that is an object is given back."""
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, dict):
        name, config = identifier.get("class_name", ""), identifier.get("config", {})
    else:
        name, config = identifier if isinstance(identifier, str) else getattr(identifier, "__name__", str(identifier)), {}
    found = _BY_NAME.get(_word(name))
    if found is None:
        names = ", ".join(one.__name__ for one in _ALL)
        raise ValueError(f"the initializer {identifier!r} is none of Petal's: {names}")
    return found(**config)
