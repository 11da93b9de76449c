"""Labelled samples to train and test on: images and points known by name, or a user's own arrays and files."""

from rcspike.datasets.feature_scaling import Scaling
from rcspike.datasets.input_encoding import Inputs
from rcspike.datasets.named_datasets import check_path, data_digests, data_names, load
from rcspike.datasets.path_options import data_name, typed_options
from rcspike.datasets.splits import Dataset, Split
from rcspike.datasets.trained_samples import TrainedSamples
from rcspike.datasets.user_files import is_table
from rcspike.datasets.yin_yang import yin_yang_points

__all__ = [
    "Dataset",
    "Inputs",
    "Scaling",
    "Split",
    "TrainedSamples",
    "check_path",
    "data_digests",
    "data_name",
    "data_names",
    "is_table",
    "load",
    "typed_options",
    "yin_yang_points",
]


def __dir__() -> list[str]:
    return __all__
