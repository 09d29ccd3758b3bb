"""Files with models."""

from .models import load_model

__all__ = ["load_model", "save_model"]


def save_model(model, filepath, overwrite=True, **kwargs):
    """Writes a model; see `Model.save`."""
    model.save(filepath, overwrite)
