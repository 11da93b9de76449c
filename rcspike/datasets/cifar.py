"""The binary files of CIFAR-10: where to find them, and the format.

A record is a byte with the class and then the red, green and blue values of an image of 32 x 32, row by row.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike.datasets.download_folders import cache_folder, cause, not_found, pooch, usual_folders

_SIDE, _CHANNELS, _FOLDER = 32, 3, "cifar-10-batches-bin"
_RECORD = 1 + _CHANNELS * _SIDE * _SIDE

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Source:
    """The files of CIFAR-10, and the archive that has them."""

    url: str  # of the archive: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009
    known_hash: str  # of the archive, as its page gives it and as pooch takes it
    records: int  # images of each file
    train: tuple[str, ...] = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
    test: tuple[str, ...] = ("test_batch.bin",)
    system_folder: Path = Path("/usr/share/datasets/cifar-10")  # the last one to look in


CIFAR_10 = Source(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530", 10000
)


def read_files(source: Source, directory: str | os.PathLike[str] | None) -> list[NDArray[np.uint8]]:
    """Images (n, 32, 32, 3) and classes (n,) of the training files, and those of the test file.

    A folder has the archive, the folder ``cifar-10-batches-bin`` of it, or the files themselves. With a directory, that
    is ``directory/cifar-10`` or the directory; without one, the first folder that has them, or else the archive is
    downloaded. :func:`rcspike.datasets.load` documents the order and the errors.
    """
    given = None if directory is None else Path(directory).expanduser()
    folders = usual_folders("cifar-10", source.system_folder) if given is None else [given / "cifar-10", given]
    for folder in folders:
        for where in (folder, folder / _FOLDER):
            if (where / source.test[0]).is_file():
                return _both(source, {name: where / name for name in (*source.train, *source.test)})
        if (archive := folder / Path(source.url).name).is_file():
            return _from_archive(source, archive)
    if given is not None:
        places = " or ".join(map(str, folders))
        raise FileNotFoundError(
            f"cifar-10 not found in {places}; put {Path(source.url).name} or its folder {_FOLDER} there, or give no "
            "folder"
        )
    try:
        name, folder = Path(source.url).name, cache_folder("cifar-10")
        found = pooch().retrieve(source.url, source.known_hash, fname=name, path=folder)
    except (ImportError, OSError, ValueError) as error:
        why = str(error) if isinstance(error, ImportError) else f"{source.url}: {cause(error)}"
        raise not_found("cifar-10", Path(source.url).name, folders, [why]) from error
    return _from_archive(source, Path(found))


def _from_archive(source: Source, archive: Path) -> list[NDArray[np.uint8]]:
    algorithm, _, expected = source.known_hash.partition(":")
    found = hashlib.new(algorithm, archive.read_bytes(), usedforsecurity=False).hexdigest()
    if found != expected:
        raise ValueError(f"{archive} is not CIFAR-10's archive: its {algorithm} is {found}, expected {expected}")
    with tarfile.open(archive) as members:
        contents = {}
        for name in (*source.train, *source.test):
            stream = members.extractfile(f"{_FOLDER}/{name}")
            assert stream is not None, name  # the archive is the known one
            contents[name] = stream.read()
    return _both(source, contents)


def _both(source: Source, files: dict[str, Any]) -> list[NDArray[np.uint8]]:
    found = []
    for names in (source.train, source.test):
        parts = [_records(source, files[name]) for name in names]
        records = np.concatenate(parts)
        pixels = records[:, 1:].reshape(-1, _CHANNELS, _SIDE, _SIDE).transpose(0, 2, 3, 1)
        found += [np.ascontiguousarray(pixels), records[:, 0]]
    return found


def _records(source: Source, file: Path | bytes) -> NDArray[np.uint8]:
    """Records of a file, or of its content."""
    size = source.records * _RECORD
    if isinstance(file, Path):
        name = str(file)
        if not file.is_file():
            raise FileNotFoundError(f"{name} is missing; the other files of cifar-10 are there")
        if file.stat().st_size != size:
            raise ValueError(f"{name} has {file.stat().st_size} bytes, expected {size}: {source.records} images")
        content = file.read_bytes()
    else:
        name, content = "a file of the archive", file
    records = np.frombuffer(content, np.uint8)
    if records.size != size:
        raise ValueError(f"{name} has {records.size} bytes, expected {size}: {source.records} images")
    records = records.reshape(-1, _RECORD)
    if (highest := int(records[:, 0].max())) >= len(CLASSES):
        raise ValueError(f"{name} has class {highest}, expected 0 to {len(CLASSES) - 1}: it is not a file of CIFAR-10")
    return records
