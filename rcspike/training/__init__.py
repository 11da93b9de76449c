"""Training with exact gradients, its history and its checkpoints."""

from rcspike.training.history import Epoch, History, Interrupted
from rcspike.training.training import Progress, evaluate, train

__all__ = [
    "Epoch",
    "History",
    "Interrupted",
    "Progress",
    "evaluate",
    "train",
]
