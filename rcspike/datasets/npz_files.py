"""Arrays in .npz files, without pickle and without more memory than the file promises."""

from __future__ import annotations

import math
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.readers import open_file

_MAX_BYTES = 2**33  # of all arrays together,
_MAX_RATIO = 32  # and for each byte of the file,
_FLOOR = 2**22  # above this size
_MAX_HEADER = 10_000  # bytes of the header of an array


def read_arrays(path: str | os.PathLike[str], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The arrays with these names that a .npz file has; others are not read.

    A ValueError if it is not a .npz file, an array holds objects or has another size than its header promises, or the
    arrays expand to more than 8 GiB, or to more than 4 MiB and 32 times the length of the file.
    """
    with _opened(path) as archive:
        limit = min(_MAX_BYTES, max(_FLOOR, _MAX_RATIO * os.path.getsize(path)))
        infos = _infos(archive, names)
        total = sum(info.file_size for info in infos.values())
        if total > limit:
            raise ValueError(
                f"its arrays expand to {total} bytes, but at most {limit} are read from such a file: store them with "
                "numpy.savez"
            )
        return {name: _array(archive, info) for name, info in infos.items()}


def names_in(path: str | os.PathLike[str]) -> list[str]:
    """Names of all arrays, of which none is read; errors as in `read_arrays`."""
    with _opened(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def shape_in(path: str | os.PathLike[str], names: tuple[str, ...]) -> tuple[int, ...] | None:
    """Shape of the first array of these names, from its header alone; None without one; errors as in `read_arrays`."""
    with _opened(path) as archive:
        infos = _infos(archive, names)
        found = next((infos[name] for name in names if name in infos), None)
        if found is None:
            return None
        with archive.open(found) as stream:
            return _header(stream)[0]


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with its content becomes a ValueError that names the file."""
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except MemoryError:
            raise
        # Readers of zip files, compressed data and array headers raise errors of many kinds for damaged files.
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk
                raise
            raise ValueError(f"{path} is not a .npz file of plain arrays: {error}") from error


def _infos(archive: zipfile.ZipFile, names: tuple[str, ...]) -> dict[str, zipfile.ZipInfo]:
    infos = {name: info for info in archive.infolist() if (name := info.filename.removesuffix(".npy")) in names}
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos.values()):
        raise ValueError("its arrays are compressed in another way than NumPy does it: use numpy.savez_compressed")
    return infos


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(stream)
        size = math.prod(shape) * dtype.itemsize
        content = stream.read(size + 1) if size < info.file_size else b""  # no more than the archive promises
    if len(content) != size:
        raise ValueError(f"{info.filename} has not the {size} bytes of {dtype} {shape}")
    array = np.frombuffer(content, dtype=dtype)
    if dtype.kind == "U" and (array.view(dtype.byteorder.replace("|", "=") + "u4") > sys.maxunicode).any():
        raise ValueError(f"{info.filename} has a string with a character that Unicode does not have")
    return array.reshape(shape[::-1]).transpose() if fortran else array.reshape(shape)


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    reads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in reads:
        raise ValueError(f"an array has format {version}, known are 1.0 and 2.0")
    try:
        shape, fortran, dtype = reads[version](stream, max_header_size=_MAX_HEADER)
    except MemoryError as error:  # of Python's parser, for one that is nested deeply
        raise ValueError("the header of an array is nested too deeply") from error
    if dtype.hasobject or dtype.kind not in "iubfU" or dtype.itemsize == 0:
        raise ValueError(f"an array has the type {dtype}: it must hold numbers, bools or strings, not objects")
    return shape, fortran, dtype
