"""Learning rates that change from step to step."""


class LearningRateSchedule:
    """A learning rate by step."""

    def __init__(self, arguments):
        config = {k: v for k, v in arguments.items() if k not in ("self", "__class__", "name")}
        self._config = config

    def get_config(self):
        """The settings by Keras' names."""
        return dict(self._config)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._config.items())})"


class CosineDecay(LearningRateSchedule):
    """Half a cosine down, perhaps after a straight warm-up."""

    def __init__(
        self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0
    ):
        super().__init__(locals())


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine down, again and again."""

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        super().__init__(locals())


class ExponentialDecay(LearningRateSchedule):
    """`initial · decay_rate ^ (step / decay_steps)`."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        super().__init__(locals())


class InverseTimeDecay(LearningRateSchedule):
    """`initial / (1 + decay_rate · step / decay_steps)`."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        super().__init__(locals())


class PolynomialDecay(LearningRateSchedule):
    """A power of the rest of the way down."""

    def __init__(
        self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name="PolynomialDecay"
    ):
        super().__init__(locals())


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to each boundary."""

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        super().__init__(locals())
