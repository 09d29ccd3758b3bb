"""What each epoch of a training gave."""

from .callbacks import Callback


class History(Callback):
    """What each epoch of a training gave: `history.history["val_accuracy"]` is a list of a number an epoch."""

    def __init__(self, model=None, params=None):
        super().__init__()
        self.epoch = []
        self.history = {}
        self.params = params or {}
        self.model = model

    def plot(self):
        """Loss and accuracy by epoch, drawn with matplotlib; returns the figure."""
        import matplotlib.pyplot as plt

        curves = [name for name in self.history if not name.startswith("val_")]
        figure, axes = plt.subplots(1, max(len(curves), 1), figsize=(5 * max(len(curves), 1), 4), squeeze=False)
        for axis, name in zip(axes[0], curves):
            for key, label in ((name, "Training"), (f"val_{name}", "Validation")):
                if key in self.history:
                    axis.plot(self.history[key], label=label)
            axis.set(title=name, xlabel="Epoch")
            axis.legend()
            axis.grid(True)
        return figure

    def _repr_html_(self):
        names = list(self.history)
        head = "".join(f"<th>{name}</th>" for name in ["epoch", *names])
        rows = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in [epoch + 1, *(f"{self.history[n][i]:.4f}" for n in names)]) + "</tr>"
            for i, epoch in enumerate(self.epoch)
            if all(i < len(self.history[n]) for n in names)
        )
        return f"<table><tr>{head}</tr>{rows}</table>"

    def __repr__(self):
        last = ", ".join(f"{name} {series[-1]:.4f}" for name, series in self.history.items() if series)
        return f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>"
