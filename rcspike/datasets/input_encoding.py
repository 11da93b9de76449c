"""How samples become the spike times that a trained network takes, and the names of its classes, as a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.atomic_files import atomic_write
from rcspike._common.name_checks import check_names
from rcspike._common.readers import naming, read_json
from rcspike.datasets import idx, image_folders, npz_files, ts_files
from rcspike.datasets.data_frames import open_frame
from rcspike.datasets.feature_scaling import Scaling
from rcspike.datasets.image_arrays import as_intensities, channels_last
from rcspike.datasets.path_options import OF_SAMPLES, OwnFiles, checked_samples
from rcspike.datasets.splits import Dataset, Split
from rcspike.datasets.table_cells import TableFile
from rcspike.datasets.table_columns import TableColumns
from rcspike.datasets.table_files import open_table

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
    table : TableColumns, optional
        Columns of a table of which these features are made.
    options : mapping, optional
        Options of a path with which other samples are read: `missing`, `resize`, `grey`, `channels`, `window` and `x`.

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
    table: TableColumns | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names("class", self.classes)
        check_names("column", self.columns)

    @classmethod
    def of(cls, dataset: Dataset) -> Inputs:
        """Those of a data set."""
        options = {name: dataset.reading[name] for name in OF_SAMPLES if dataset.reading.get(name) is not None}
        shape, names = dataset.train.images.shape[1:], dataset.class_names
        return cls(shape, names, dataset.scaling, dataset.columns, dataset.table, options)

    @property
    def text(self) -> str:
        """All of it as JSON."""
        scaling = None if self.scaling is None else self.scaling.header()
        content: dict[str, Any] = {"format": _FORMAT, "shape": list(self.shape), "classes": list(self.classes)}
        content |= {"columns": list(self.columns), "scaling": scaling}
        content |= {"table": None if self.table is None else self.table.header(), "options": dict(self.options)}
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
        table = None if content.get("table") is None else TableColumns.from_header(content["table"])
        if table is not None and (scaling is None or sum(len(c.features) for c in table.columns) != scaling.n_features):
            raise ValueError("its columns of a table do not have the features of its scaling")
        options = checked_samples(content.get("options", {}))
        return cls(tuple(shape), tuple(classes), scaling, tuple(columns), table, options)

    @property
    def table_columns(self) -> TableColumns:
        """Columns that a table for this network has; of one that was trained on arrays, numbers in their order."""
        if self.scaling is None:
            raise ValueError(f"{self._expected}, but this is a table")
        return self.table or TableColumns.plain(self.scaling.n_features, self.columns)

    def check_kind(self, x: NDArray[Any]) -> None:
        """Raise a ValueError if samples are images and the network takes rows of a table, or the other way round."""
        if (x.ndim == 2) is not (self.scaling is not None):
            raise ValueError(f"{self._expected}, but this is {_kind(x)}")

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
        """Names and spike times of the samples in a file or data frame, read and filled as those of the training.

        An OSError if a file cannot be read; a ValueError if it is damaged, or its samples do not fit the network.

        Parameters
        ----------
        path : path or data frame
            A CSV or Parquet file, whose labels are left out; an ``.npz`` file with ``x``; a ``.ts`` file of series; an
            image, or a folder of them at any depth; or an IDX file of images. Options may follow it, such as
            ``new.csv,decimal=point``. Or a table of pandas, polars or Arrow.

        Returns
        -------
        names : list of str
            Positions from 0, or names of the image files. Pieces of a series also have the position of their first
            value in it, as 0:64. Rows that the training would leave out are missing.
        times : (n, n_inputs)
            In T.
        """
        if not isinstance(path, str | os.PathLike):
            return self._of_table(open_frame(path))
        source = OwnFiles.of(os.fspath(path)).with_defaults(self.options)
        source.check_options("read as the data of the training", ("decimal", "x"))
        file, suffix = source.path, source.path.suffix.lower()
        if not file.exists():
            kinds = "a CSV, Parquet, .npz or .ts file, an image, a folder of images or an IDX file"
            raise FileNotFoundError(f"there is no file {file}: give the samples to classify as {kinds}")
        names: list[str] = []
        if file.is_dir() or suffix in image_folders.SUFFIXES:
            files = sorted(f for f in file.rglob("*") if f.suffix.lower() in image_folders.SUFFIXES) or [file]
            if file in files and file.is_dir():
                raise ValueError(f"{file} has no images ({', '.join(image_folders.SUFFIXES)}) in it")
            names = [f.relative_to(file).as_posix() if f != file else f.name for f in files]
            x: NDArray[Any] = image_folders.read_images(files, colours=len(self.shape) == 3, size=source.size)
        elif suffix in (".npz", ".ts"):
            names, x = _arrays(source)
        elif self.scaling is not None and not (file.is_file() and idx.is_idx(file)):
            return self._of_table(open_table(file, words=self.table_columns.of_words, decimal=source.decimal))
        elif not idx.is_idx(file):
            raise ValueError(f"{file}: {self._expected}; it is not an image, a folder of images or an IDX file")
        else:
            x = idx.read_any(file)
        n_axes = 2 if self.scaling is not None else 1 + len(self.shape)
        if x.ndim != n_axes:
            raise ValueError(f"{file}: {self._expected}, but this is {_kind(x)}")
        with naming(file):
            return self._kept(names or list(map(str, range(len(x)))), x)

    def _of_table(self, file: TableFile) -> tuple[list[str], NDArray[np.float32]]:
        x, table = self.table_columns.read(file)
        if self.scaling is not None and self.scaling.fill is None and self.options.get("missing") != "drop":
            for row, feature in np.argwhere(np.isnan(x))[:1].tolist():
                name = (self.columns or tuple(map(str, range(x.shape[1]))))[feature]
                raise ValueError(
                    f"{file.source}, {table.place(row)}: no value for the feature {name!r}, and the training had none "
                    "missing: fill the cell, or train with missing=median"
                )
        with naming(file.source):
            return self._kept(list(map(str, range(len(x)))), x)

    def _kept(self, names: list[str], x: NDArray[Any]) -> tuple[list[str], NDArray[np.float32]]:
        """Names and spike times of the samples that a training with these options would keep."""
        if self.options.get("missing") == "drop":
            whole = np.flatnonzero(~np.isnan(x).any(axis=1))
            names, x = [names[i] for i in whole.tolist()], x[whole]
        return names, self.times(x)

    @property
    def _expected(self) -> str:
        if self.scaling is not None:
            return f"the network takes rows of {self.scaling.n_features} features"
        return f"the network takes images of {' x '.join(map(str, self.shape))}"

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the network."""
        return math.prod(self.shape)


def _arrays(source: OwnFiles) -> tuple[list[str], NDArray[Any]]:
    """Names and samples of an archive, or of series in a file of their own."""
    if source.path.suffix.lower() == ".ts":
        series, _ = ts_files.read_series(source.path)
    else:
        name = source.x or "x"
        arrays = npz_files.read_arrays(source.path, (name,))
        if name not in arrays:
            known = ", ".join(npz_files.names_in(source.path)) or "none"
            raise ValueError(f"{source.path} must have the samples to classify as the array {name}, it has {known}")
        if source.window is None:
            with naming(source.path):
                return [], channels_last(arrays[name], source.channels)
        series = ts_files.series_of(arrays[name])
    with naming(source.path):
        rows, which, start = ts_files.windows(series, source.window)
    if source.window is None:
        return [], rows
    return [f"{i}:{at}" for i, at in zip(which.tolist(), start.tolist(), strict=True)], rows


def _kind(x: NDArray[Any]) -> str:
    return "a table" if x.ndim == 2 else f"images of {' x '.join(map(str, x.shape[1:]))}"
