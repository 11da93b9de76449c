"""How samples become the spike times that a trained network takes, and the names of its classes, as a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.atomic_files import atomic_write
from rcspike._common.name_checks import check_names
from rcspike._common.readers import naming, read_json
from rcspike.datasets import idx, image_folders, npz_files
from rcspike.datasets.csv_tables import read_features
from rcspike.datasets.feature_scaling import Scaling
from rcspike.datasets.splits import Dataset, Split, as_intensities

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Inputs:
    """Shape of a sample, scaling of its features, and names of the classes.

    A ValueError if a name has a control character.

    Parameters
    ----------
    shape : tuple of int
        Of the intensities of one sample: (height, width), with channels if there are any, or (n_inputs,).
    classes : tuple of str
        Name of each class.
    scaling : Scaling, optional
        Of the features of a table.
    columns : tuple of str, optional
        Names of these features.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset.from_arrays(np.arange(20.0).reshape(10, 2), ["a", "b"] * 5)
    >>> Inputs.of(data).shape, Inputs.of(data).classes
    ((5,), ('a', 'b'))
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    scaling: Scaling | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names("class", self.classes)
        check_names("column", self.columns)

    @classmethod
    def of(cls, dataset: Dataset) -> Inputs:
        """Those of a data set."""
        return cls(dataset.train.images.shape[1:], dataset.class_names, dataset.scaling, dataset.columns)

    @property
    def text(self) -> str:
        """All of it as JSON."""
        scaling = None if self.scaling is None else self.scaling.header()
        content: dict[str, Any] = {"format": _FORMAT, "shape": list(self.shape), "classes": list(self.classes)}
        content |= {"columns": list(self.columns), "scaling": scaling}
        return json.dumps(content, allow_nan=False)

    @classmethod
    def of_text(cls, text: str) -> Inputs:
        """Those with this `text`."""
        return cls._checked(json.loads(text))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file, atomically."""
        with atomic_write(path) as temporary:
            temporary.write_text(f"{self.text}\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Inputs:
        """Read the file of `save`.

        An OSError if it cannot be read; a ValueError if it is longer than 8 MiB, or `save` cannot have written it.
        """
        content = read_json(path)
        with naming(f"{path} does not describe the inputs of a network", KeyError, TypeError, ValueError):
            return cls._checked(content)

    @classmethod
    def _checked(cls, content: Any) -> Inputs:
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {content['format']!r}, this version of rcspike reads {_FORMAT}")
        shape, classes, columns = content["shape"], content["classes"], content["columns"]
        if not all(type(n) is int and 0 < n < 2**31 for n in shape) or len(shape) not in (1, 2, 3):
            raise ValueError("its shape is not of 1 to 3 sizes")
        if not all(type(name) is str for name in (*classes, *columns)) or not classes:
            raise ValueError("its names of classes and columns are not texts")
        scaling = None if content["scaling"] is None else Scaling.from_header(content["scaling"])
        if scaling is not None and (scaling.n_inputs,) != tuple(shape):
            raise ValueError(f"its scaling has {scaling.n_inputs} inputs, but its shape is {tuple(shape)}")
        if scaling is not None and columns and len(columns) != scaling.n_features:
            raise ValueError(f"it has {len(columns)} columns for {scaling.n_features} features")
        return cls(tuple(shape), tuple(classes), scaling, tuple(columns))

    def in_order(self, x: NDArray[Any], columns: Sequence[str]) -> NDArray[Any]:
        """Samples with their features in the order of the training; x itself without names of `columns`.

        A ValueError if they are images and the network takes rows of a table, or the other way round, or a column is
        missing.
        """
        if (x.ndim == 2) is not (self.scaling is not None):
            raise ValueError(f"{self._expected}, but this is {_kind(x)}")
        if not columns or not self.columns:
            return x
        if missing := [name for name in self.columns if name not in columns]:
            raise ValueError(f"there is no column {missing[0]!r}: the model needs {', '.join(self.columns)}"[:1000])
        return x[:, [columns.index(name) for name in self.columns]]

    def times(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Spike times (n, n_inputs) in T of samples (n, ...): features of a table, or images.

        A ValueError if the samples have another shape, or an intensity is outside its range.
        """
        if self.scaling is not None:
            x = self.scaling.apply(x)
        elif x.ndim > 2:
            x = as_intensities(x)
        if x.shape[1:] != self.shape:
            raise ValueError(f"the samples have shape {x.shape[1:]}, but the network was trained on {self.shape}")
        return Split(x, np.zeros(len(x), dtype=np.int64)).times

    def read(self, path: str | os.PathLike[str]) -> tuple[list[str], NDArray[np.float32]]:
        """Names and spike times of the samples in a file.

        An OSError if a file cannot be read; a ValueError if it is damaged, or its samples do not fit the network.

        Parameters
        ----------
        path : path
            A CSV file, whose labels are left out; an ``.npz`` file with ``x``; an image, or a folder of them at any
            depth; or an IDX file of images.

        Returns
        -------
        names : list of str
            Positions from 0, or names of the image files.
        times : (n, n_inputs)
            In T.
        """
        file = Path(path)
        if not file.exists():
            kinds = "a CSV file, an .npz file, an image, a folder of images or an IDX file"
            raise FileNotFoundError(f"there is no file {file}: give the samples to classify as {kinds}")
        names: list[str] = []
        if file.is_dir() or file.suffix.lower() in image_folders.SUFFIXES:
            files = sorted(f for f in file.rglob("*") if f.suffix.lower() in image_folders.SUFFIXES) or [file]
            if file in files and file.is_dir():
                raise ValueError(f"{file} has no images ({', '.join(image_folders.SUFFIXES)}) in it")
            names = [f.relative_to(file).as_posix() if f != file else f.name for f in files]
            x: NDArray[Any] = image_folders.read_images(files, colours=len(self.shape) == 3)
        elif file.suffix.lower() == ".npz":
            arrays = npz_files.read_arrays(file, ("x",))
            if "x" not in arrays:
                raise ValueError(f"{file} must have the samples to classify as the array x")
            x = arrays["x"]
        elif self.scaling is not None and not (file.is_file() and idx.is_idx(file)):
            x = read_features(file, self.scaling.n_features, self.columns)
        elif not idx.is_idx(file):
            raise ValueError(f"{file}: {self._expected}; it is not an image, a folder of images or an IDX file")
        else:
            x = idx.read_any(file)
        n_axes = 2 if self.scaling is not None else 1 + len(self.shape)
        if x.ndim != n_axes:
            raise ValueError(f"{file}: {self._expected}, but this is {_kind(x)}")
        with naming(file):
            return names or list(map(str, range(len(x)))), self.times(x)

    @property
    def _expected(self) -> str:
        if self.scaling is not None:
            return f"the network takes rows of {self.scaling.n_features} features"
        return f"the network takes images of {' x '.join(map(str, self.shape))}"

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the network."""
        return math.prod(self.shape)


def _kind(x: NDArray[Any]) -> str:
    return "a table" if x.ndim == 2 else f"images of {' x '.join(map(str, x.shape[1:]))}"
