"""Training with exact gradients, its history and its checkpoints."""

from rcspike.training.answer_times import Latency, latency
from rcspike.training.evaluation import ClassAccuracy, class_accuracy, confusion_matrix, evaluate
from rcspike.training.history import Epoch, History, Interrupted
from rcspike.training.monitors import TensorBoard
from rcspike.training.settings import Settings
from rcspike.training.training_run import Progress, train

__all__ = [
    "ClassAccuracy",
    "Epoch",
    "History",
    "Interrupted",
    "Latency",
    "Progress",
    "Settings",
    "TensorBoard",
    "class_accuracy",
    "confusion_matrix",
    "evaluate",
    "latency",
    "train",
]


def __dir__() -> list[str]:
    return __all__
