"""Arrays in .npz files, without pickle and without more memory than the file promises."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_arrays", "shape_in"]

_MAX_BYTES = 2**33  # of all arrays together,
_MAX_RATIO = 32  # and for each byte of the file,
_FLOOR = 2**22  # above this size
_MAX_HEADER = 10_000  # bytes of the header of an array


def read_arrays(path: str | os.PathLike[str], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The arrays with these names that a .npz file has; others are not read.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a .npz file, an array holds objects or has another size than its header promises, or the arrays
        expand to more than 8 GiB, or to more than 4 MiB and 32 times the length of the file.
    """
    limit = min(_MAX_BYTES, max(_FLOOR, _MAX_RATIO * os.path.getsize(path)))
    try:
        with zipfile.ZipFile(path) as archive:
            infos = {name: info for info in archive.infolist() if (name := info.filename.removesuffix(".npy")) in names}
            total = sum(info.file_size for info in infos.values())
            if total > limit:
                raise ValueError(f"its arrays expand to {total} bytes, but at most {limit} are read from such a file")
            return {name: _array(archive, info) for name, info in infos.items()}
    except _BROKEN as error:
        raise ValueError(f"{path} is not a .npz file of plain arrays: {error}") from error


def shape_in(path: str | os.PathLike[str], names: tuple[str, ...]) -> tuple[int, ...]:
    """Shape of the first array of these names, from its header alone; errors as in `read_arrays`."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                if f"{name}.npy" in archive.namelist():
                    with archive.open(f"{name}.npy") as stream:
                        return _header(stream)[0]
    except _BROKEN as error:
        raise ValueError(f"{path} is not a .npz file of plain arrays: {error}") from error
    raise ValueError(f"{path} has no array {' or '.join(names)}")


# All that the readers of zip files and of array headers raise; encryption and unknown methods are RuntimeErrors.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, OverflowError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(stream)
        size = info.file_size - stream.tell()
        if math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"{info.filename} has {size} bytes for {dtype} {shape}")
        content = stream.read(size)
    if len(content) != size:
        raise ValueError(f"{info.filename} ends after {len(content)} of {size} bytes")
    array = np.frombuffer(content, dtype=dtype)
    return array.reshape(shape[::-1]).transpose() if fortran else array.reshape(shape)


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    reads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in reads:
        raise ValueError(f"an array has format {version}, known are 1.0 and 2.0")
    shape, fortran, dtype = reads[version](stream, max_header_size=_MAX_HEADER)
    if dtype.hasobject or dtype.kind not in "iubfU" or dtype.itemsize == 0:
        raise ValueError(f"an array has the type {dtype}: it must hold numbers, bools or strings, not objects")
    return shape, fortran, dtype
