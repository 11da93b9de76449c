"""Files of a user as data sets: .npz, CSV, a folder of images by class, or a folder of IDX files."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rcspike._common.numbers import read_float, read_int
from rcspike._common.readers import naming
from rcspike.datasets import idx, image_folders, npz_files
from rcspike.datasets.csv_tables import read_table
from rcspike.datasets.feature_scaling import SCALINGS, TABLE_COMPLEMENT, TABLE_SCALING, ScalingName
from rcspike.datasets.input_encoding import Inputs
from rcspike.datasets.splits import Dataset

_FLAGS = {"yes": True, "no": False}
_TABLES = (".csv", ".tsv", ".txt")
_KINDS = "an .npz file, a CSV file, a folder of images by class, or a folder of IDX files"
_OPTIONS = "label, test, seed, scaling and complement"


@dataclass(frozen=True)
class OwnFiles:
    """A path with the options of its reading, as ``wine.csv,label=cultivar,test=0.25``."""

    path: Path
    label: str | None = None  # column of the classes in a CSV file
    test: float = 0.2  # fraction of the samples to test on, if the files do not have a test split
    seed: int = 0  # of that split
    scaling: ScalingName | None = None  # as in `Dataset.from_arrays`
    complement: bool | None = None

    @classmethod
    def of(cls, text: str) -> OwnFiles:
        """The source that a text describes; a ValueError if it has an unknown option or value."""
        path, options = _parts(text)
        source = cls(Path(path).expanduser())
        for option in options:
            name, _, value = option.partition("=")
            source = dataclasses.replace(source, **{name: _option(name, value, text)})
        return source

    @property
    def name(self) -> str:
        """Name of the data set: that of the file without its suffix, of letters, digits, dots and lines."""
        path = self.path.resolve()
        return re.sub(r"[^\w.-]+", "-", path.name if path.is_dir() else path.stem).strip("-.") or "data"


def load_files(text: str, inputs: Inputs | None = None) -> Dataset:
    """The data set of a path with options: see `rcspike.datasets.load`."""
    source = OwnFiles.of(text)
    x, y, test, columns, label = _read(source)
    options: dict[str, Any] = {"scaling": source.scaling, "complement": source.complement, "columns": columns}
    with naming(source.path):
        if inputs is not None:
            x = inputs.in_order(x, columns)
            options = {"scaling": inputs.scaling, "classes": inputs.classes, "columns": inputs.columns}
        options |= {"test": test, "test_fraction": source.test, "seed": source.seed}
        loaded = Dataset.from_arrays(x, y, name=source.name, **options)
    reading: dict[str, Any] = {"label": label, "test": source.test, "seed": source.seed}
    if test is not None:
        reading |= {"test": None, "seed": None}
    if loaded.train.is_table and inputs is None:
        complement = TABLE_COMPLEMENT if source.complement is None else source.complement
        reading |= {"scaling": source.scaling or TABLE_SCALING, "complement": complement}
    return dataclasses.replace(loaded, reading=reading)


def typed_options(text: str) -> dict[str, Any]:
    """Values of the options that follow a path.

    Examples
    --------
    >>> typed_options("wine.csv,seed=3")
    {'seed': 3}
    """
    source, (_, options) = OwnFiles.of(text), _parts(text)
    return {name: getattr(source, name) for name in (option.partition("=")[0] for option in options)}


def data_name(text: str) -> str:
    """Short name of a data set, for folders, reports and figures: `text` itself if it is not a path.

    Examples
    --------
    >>> data_name("mnist"), data_name("tables/wine.csv,label=cultivar")
    ('mnist', 'wine')
    """
    return text if re.fullmatch(r"[\w-]+", text) and not Path(text).exists() else OwnFiles.of(text).name


def data_digest(text: str) -> str:
    """SHA-256 of the content of the files of a path with options; for a folder, also of all names below it."""
    path = OwnFiles.of(text).path
    if path.is_file():
        return _file_digest(path, _stamp(path))
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            found.update(f"{file.relative_to(path).as_posix()}\0{_file_digest(file, _stamp(file))}\n".encode())
    return found.hexdigest()


def is_table(text: str) -> bool:
    """Whether the samples of a path with options are rows of a table, without reading them all.

    Examples
    --------
    >>> is_table("wine.csv,label=cultivar"), is_table("mnist")
    (True, False)
    """
    path = OwnFiles.of(text).path
    if path.suffix.lower() == ".npz":
        return len(npz_files.shape_in(path, ("x_train", "x"))) == 2
    return path.suffix.lower() in _TABLES


def _parts(text: str) -> tuple[str, list[str]]:
    """The path and its options; a path may have commas if there is a file or folder of that name."""
    parts = text.split(",")
    paths = [",".join(parts[:n]) for n in range(len(parts), 0, -1)]
    path = next((path for path in paths if Path(path).exists()), parts[0])
    return path, parts[1 + path.count(",") :]


def _option(name: str, value: str, text: str) -> Any:
    try:
        if name == "label" and value:
            return value
        if name == "test":
            return read_float(value)
        if name == "seed" and read_int(value) >= 0:
            return read_int(value)
        if name == "complement":
            return _FLAGS[value]
        if name == "scaling" and value in SCALINGS:
            return value
    except (KeyError, ValueError):
        pass
    if name not in ("label", "test", "seed", "scaling", "complement"):
        raise ValueError(f"{text!r} has the option {name!r}: after a path there can be {_OPTIONS}, as ,seed=1")
    expected = {
        "label": "the name of a column",
        "test": "a fraction",
        "seed": "a whole number from 0",
        "scaling": f"one of {', '.join(SCALINGS)}",
        "complement": "yes or no",
    }
    raise ValueError(f"{text!r}: {name} must be {expected[name]}, got {value!r}")


Arrays = tuple[NDArray[Any], NDArray[Any]]


def _read(source: OwnFiles) -> tuple[NDArray[Any], NDArray[Any], Arrays | None, tuple[str, ...], str | None]:
    """Samples, labels, those to test on if the files say which, and of a table the names of columns and the label's."""
    path, suffix = source.path, source.path.suffix.lower()
    if path.is_dir():
        return *_folder(path), (), None
    if suffix == ".npz":
        return *_archive(path), (), None
    if suffix in _TABLES:
        table = read_table(path, label=source.label)
        return table.x, table.y, None, table.columns, table.label
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}; a path must be {_KINDS}")
    raise ValueError(f"{path} must be one of the kinds that are read: {_KINDS}")


def _archive(path: Path) -> tuple[NDArray[Any], NDArray[Any], Arrays | None]:
    arrays = npz_files.read_arrays(path, ("x", "y", "x_train", "y_train", "x_test", "y_test"))
    if {"x_train", "y_train", "x_test", "y_test"} <= set(arrays):
        return arrays["x_train"], arrays["y_train"], (arrays["x_test"], arrays["y_test"])
    if {"x", "y"} <= set(arrays):
        return arrays["x"], arrays["y"], None
    raise ValueError(
        f"{path} must have the arrays x_train, y_train, x_test and y_test, or x and y; "
        f"of these it has {', '.join(arrays) or 'none'}"
    )


def _folder(path: Path) -> tuple[NDArray[Any], NDArray[Any], Arrays | None]:
    parts = [path / part for part in ("train", "test")]
    if all(part.is_dir() for part in parts):
        (x, y), test = map(image_folders.read_classes, parts)
        if x.ndim != test[0].ndim:
            raise ValueError(f"{parts[0]} has {x.ndim - 2} axes of channels and {parts[1]} has {test[0].ndim - 2}")
        return x, y, test
    files = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
    if found := [file for file in files if idx.is_idx(file)]:
        return _idx_folder(path, found)
    return *image_folders.read_classes(path), None


def _idx_folder(path: Path, files: list[Path]) -> tuple[NDArray[Any], NDArray[Any], Arrays | None]:
    """Two or four IDX files: images and labels by their number of axes, the splits by their names."""
    arrays = {file: idx.read_any(file) for file in files}
    images, labels = ([f for f, array in arrays.items() if (array.ndim > 1) is many] for many in (True, False))
    if len(images) == len(labels) == 1:
        return arrays[images[0]], arrays[labels[0]], None
    pairs = []
    for is_train in (True, False):
        pair = [[f for f in some if ("train" in f.name.lower()) is is_train] for some in (images, labels)]
        pairs += [one[0] for one in pair if len(one) == 1]
    if len(files) != 4 or len(pairs) != 4:
        raise ValueError(
            f"{path} has {len(images)} IDX files of images and {len(labels)} of labels: it needs one of each, or two "
            "of each, of which those to train on have 'train' in their names"
        )
    train_x, train_y, test_x, test_y = (arrays[file] for file in pairs)
    return train_x, train_y, (test_x, test_y)


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=4096)
def _file_digest(file: Path, stamp: tuple[int, int]) -> str:
    """SHA-256 of the bytes; `stamp` makes a changed file another key."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(1 << 20):
            found.update(part)
    return found.hexdigest()
