"""Files of a user as data sets: tables, archives, time series, folders of images by class, and of IDX files."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rcspike._common.readers import naming
from rcspike.datasets import idx, image_folders, npz_files, ts_files
from rcspike.datasets.feature_scaling import TABLE_COMPLEMENT, TABLE_SCALING
from rcspike.datasets.input_encoding import Inputs
from rcspike.datasets.labels import class_names, indices_of, labels_of_texts
from rcspike.datasets.path_options import OF_TRAINING, OwnFiles
from rcspike.datasets.splits import Dataset, seeded_split
from rcspike.datasets.table_columns import TableColumns, read_known, read_labelled
from rcspike.datasets.table_files import TABLES, open_table

_KINDS = "a CSV, Parquet, .npz or .ts file, a folder of images by class, or a folder of IDX or .ts files"
_SPLIT = ("test", "seed")  # options of data that have no split of their own, or could have none,
_OF_ROWS = (*_SPLIT, "scaling", "complement", "missing")  # and of those whose samples are rows of features
_OF_TABLES = ("label", "drop", "onehot", "ordered", "decimal", *_OF_ROWS)
_OF_ARCHIVES = ("x", "y", "channels", "window", *_OF_ROWS)
_PARTS = ("x_train", "y_train", "x_test", "y_test")

Arrays = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples and labels; those to test on, if the files say which; and of a table its columns."""

    x: NDArray[Any]
    y: NDArray[Any]
    test: Arrays | None = None
    table: TableColumns | None = None
    drawn: bool = False  # whether the test samples were drawn by the seed, and not by the files


def load_files(text: str, inputs: Inputs | None = None) -> Dataset:
    """The data set of a path with options: see `rcspike.datasets.load`."""
    source = OwnFiles.of(text)
    if inputs is not None:
        source = source.with_defaults(inputs.options)
    samples = _read(source, inputs)
    options: dict[str, Any] = {"missing": source.missing or "error", "channels": source.channels}
    with naming(source.path):
        if inputs is not None:
            inputs.check_kind(samples.x)
            options |= {"scaling": inputs.scaling, "classes": inputs.classes, "columns": inputs.columns}
        else:
            options |= {"scaling": source.scaling, "complement": source.complement}
            options |= {} if samples.table is None else {"columns": samples.table.features}
        options |= {"test": samples.test, "test_fraction": source.test, "seed": source.seed}
        loaded = Dataset.from_arrays(samples.x, samples.y, name=source.name, **options)
    # Of a table without columns in another file than the training's, `label` is that of the file.
    reading: dict[str, Any] = {"label": samples.table.label if samples.table else None}
    by_files = samples.test is not None and not samples.drawn
    reading |= {"test": None, "seed": None} if by_files else {"test": source.test, "seed": source.seed}
    if inputs is None:
        reading |= {name: value for name in OF_TRAINING if (value := getattr(source, name)) is not None}
        reading |= {name: value for name in ("x", "y", "decimal") if (value := getattr(source, name)) is not None}
        if loaded.train.is_table:
            complement = TABLE_COMPLEMENT if source.complement is None else source.complement
            reading |= {"scaling": source.scaling or TABLE_SCALING, "complement": complement}
    table = samples.table if inputs is None else inputs.table
    return dataclasses.replace(loaded, reading=reading, table=table)


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
    """Whether the samples of a path with options are rows of a table, or series, without reading them all.

    Examples
    --------
    >>> is_table("wine.csv,label=cultivar"), is_table("mnist")
    (True, False)
    """
    source = OwnFiles.of(text)
    if source.path.suffix.lower() == ".npz":
        names = (source.x,) if source.x else ("x_train", "x")
        return source.window is not None or len(npz_files.shape_in(source.path, names) or ()) == 2
    return source.path.suffix.lower() in (*TABLES, ".ts") or bool(_series_files(source.path))


def _read(source: OwnFiles, inputs: Inputs | None) -> _Samples:
    path, suffix = source.path, source.path.suffix.lower()
    if _series_files(path):
        source.check_options("a folder of series", ("window", *_OF_ROWS))
        return _series_folder(source)
    if path.is_dir():
        return _folder(source)
    if suffix == ".npz":
        source.check_options("an archive", _OF_ARCHIVES)
        return _archive(source)
    if suffix == ".ts":
        source.check_options("a file of series", ("window", *_OF_ROWS))
        series, y = ts_files.read_labelled_series(path)
        return _of_series(series, y, source)
    if suffix in TABLES:
        source.check_options("a table", _OF_TABLES)
        known, options = None if inputs is None else inputs.table_columns, source.table
        words = options.named if known is None else known.of_words
        file = open_table(path, label=options.label, words=words, decimal=options.decimal)
        table = read_labelled(file, options) if known is None else read_known(file, known, options.label)
        return _Samples(table.x, labels_of_texts(table.labels, path), table=table.columns)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}; a path must be {_KINDS}")
    raise ValueError(f"{path} must be one of the kinds that are read: {_KINDS}")


def _archive(source: OwnFiles) -> _Samples:
    path, x, y = source.path, source.x or "x", source.y or "y"
    arrays = npz_files.read_arrays(path, (x, y, *_PARTS))
    if {*_PARTS} <= {*arrays} and source.x is source.y is None:
        samples = _Samples(arrays["x_train"], arrays["y_train"], (arrays["x_test"], arrays["y_test"]))
    elif {x, y} <= {*arrays}:
        samples = _Samples(arrays[x], arrays[y])
    else:
        names = npz_files.names_in(path)
        raise ValueError(
            f"{path} must have the arrays x_train, y_train, x_test and y_test, or {x} and {y}; it has "
            f"{', '.join(names) or 'none'}: say which are samples and classes, as {path},x=NAME,y=NAME"[:1000]
        )
    if source.window is None:
        return samples
    series = ts_files.series_of(samples.x)
    if samples.test is None:
        return _of_series(series, samples.y, source)
    return _of_two(series, samples.y, ts_files.series_of(samples.test[0]), samples.test[1], source)


def _of_series(series: ts_files.Series, y: NDArray[Any], source: OwnFiles) -> _Samples:
    """Windows of series; those of one series are all to train on, or all to test on."""
    if source.window is None:
        with naming(source.path):
            return _Samples(ts_files.windows(series, None)[0], y)
    _check_labels(series, y, source.path)
    train, test = seeded_split(indices_of(y, class_names(y)), source.test, source.seed)
    parts = [([series[i] for i in chosen.tolist()], y[chosen]) for chosen in (train, test)]
    return dataclasses.replace(_of_two(*parts[0], *parts[1], source), drawn=True)


def _of_two(
    series: ts_files.Series, y: NDArray[Any], test: ts_files.Series, test_y: NDArray[Any], source: OwnFiles
) -> _Samples:
    length = source.window or series[0].shape[1]
    for some, labels in ((series, y), (test, test_y)):
        _check_labels(some, labels, source.path)
    with naming(source.path):
        parts = [ts_files.windows(some, length) for some in (series, test)]
    return _Samples(parts[0][0], y[parts[0][1]], (parts[1][0], test_y[parts[1][1]]))


def _check_labels(series: ts_files.Series, y: NDArray[Any], path: Path) -> None:
    if y.shape != (len(series),):
        raise ValueError(f"{path} has {len(series)} series, but labels of shape {y.shape}: there must be one for each")


def _series_files(path: Path) -> list[Path]:
    """The .ts files of a folder."""
    return sorted(file for file in path.iterdir() if file.suffix.lower() == ".ts") if path.is_dir() else []


def _series_folder(source: OwnFiles) -> _Samples:
    """The two files of a data set of aeon, of which one name ends with _TRAIN and the other with _TEST."""
    files = {file.stem.lower().rpartition("_")[2]: file for file in _series_files(source.path)}
    if {*files} != {"train", "test"}:
        raise ValueError(f"{source.path} must have two .ts files, whose names end with _TRAIN and _TEST")
    (series, y), (test, test_y) = (ts_files.read_labelled_series(files[part]) for part in ("train", "test"))
    return _of_two(series, y, test, test_y, source)


def _folder(source: OwnFiles) -> _Samples:
    path = source.path
    parts = [path / part for part in ("train", "test")]
    files = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
    if not all(part.is_dir() for part in parts) and (found := [file for file in files if idx.is_idx(file)]):
        source.check_options("a folder of IDX files", _SPLIT)
        return _idx_folder(path, found)
    source.check_options("a folder of images", ("resize", "grey", *_SPLIT))
    reading: dict[str, Any] = {"size": source.size, "colours": False if source.grey else None}
    if not all(part.is_dir() for part in parts):
        return _Samples(*image_folders.read_classes(path, **reading))
    (x, y), test = (image_folders.read_classes(part, **reading) for part in parts)
    if x.ndim != test[0].ndim:
        raise ValueError(f"only one of {parts[0]} and {parts[1]} has images with colours: write {path},grey=yes")
    return _Samples(x, y, test)


def _idx_folder(path: Path, files: list[Path]) -> _Samples:
    """Two or four IDX files: images and labels by their number of axes, the splits by their names."""
    arrays = {file: idx.read_any(file) for file in files}
    images, labels = ([f for f, array in arrays.items() if (array.ndim > 1) is many] for many in (True, False))
    if len(images) == len(labels) == 1:
        return _Samples(arrays[images[0]], arrays[labels[0]])
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
    return _Samples(train_x, train_y, (test_x, test_y))


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
