"""Optimizers with Keras' settings."""

from . import schedules
from .optimizer import SGD, Adam, AdamW, Optimizer, RMSprop, get, of_loaded

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "of_loaded", "schedules"]
