"""The IDX files of MNIST and Fashion-MNIST: where to find them, and the format.

An IDX file is a magic number, big-endian sizes and raw bytes, here possibly gzipped.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.atomic_files import atomic_write
from rcspike._common.readers import naming, open_file, read_bytes
from rcspike.datasets.download_folders import cache_folder, cause, not_found, pooch, usual_folders


@dataclass(frozen=True)
class Source:
    """The four IDX files of a data set, and the places that have them."""

    name: str  # of the data set, and of the folder with its files
    # For each file the digest of its decompressed content, the same whoever compressed it: images and labels of the
    # training split, then those of the test split.
    sha256: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]  # of the arrays: they limit how much of a file is read, whatever it says
    mirrors: tuple[str, ...]  # addresses of folders with the gzipped files, in the order in which they are tried
    system_folder: Path = Path("/usr/share/datasets")  # the last one to look in; it has a folder for each data set
    timeout: float = 30.0  # s to wait for the connection and for each part of a file, not for the whole file


# The two sets have files of the same names and shapes.
_SHAPES: dict[str, tuple[int, ...]] = {
    "train-images-idx3-ubyte": (60000, 28, 28),
    "train-labels-idx1-ubyte": (60000,),
    "t10k-images-idx3-ubyte": (10000, 28, 28),
    "t10k-labels-idx1-ubyte": (10000,),
}

MNIST = Source(
    "mnist",
    sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    shapes=_SHAPES,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

FASHION_MNIST = Source(
    "fashion-mnist",
    sha256={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    shapes=_SHAPES,
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
)

# Every gzip stream begins with the one, no IDX file does.
_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08

# Limits of files that are not known by name: bytes of a file and of its content, and how far it may expand.
_MAX_OWN, _MAX_RATIO, _FLOOR = 2**31, 64, 2**22


def read_files(source: Source, directory: str | os.PathLike[str] | None) -> list[NDArray[np.uint8]]:
    """Arrays of the files of a data set, in their order in `Source.sha256`.

    With a directory, each file comes from there; without one from the first folder that has it, otherwise from
    the first mirror that delivers it. :func:`rcspike.datasets.load` documents the order and the errors.
    """
    if directory is not None:
        return [_given(source, file, Path(directory).expanduser()) for file in source.sha256]
    folders = usual_folders(source.name, source.system_folder / source.name)
    return [_found(source, file, folders) for file in source.sha256]


def _given(source: Source, file: str, directory: Path) -> NDArray[np.uint8]:
    # The narrower one first: the files of two data sets have the same names, and a directory that holds those of one
    # may hold the other in a folder of its own.
    name = source.name
    array = _read(source, file, [directory / name, directory])
    if array is None:
        raise FileNotFoundError(
            f"{name} not found in {directory / name} or {directory} ({file} is missing); put the four IDX files into "
            f"one of them, or give no folder: rcspike then searches its usual places and downloads missing files"
        )
    return array


def _read(source: Source, file: str, folders: list[Path]) -> NDArray[np.uint8] | None:
    """From the first folder that has it; None if there is none."""
    for path in (folder / (file + suffix) for folder in folders for suffix in ("", ".gz")):
        if path.is_file():
            try:
                with path.open("rb") as stream:
                    return _decode(stream.read(_max_bytes(source.shapes[file]) + 1), source, file)
            except ValueError as error:
                raise ValueError(f"{path} is not {source.name}'s {file}: {error}; replace it or delete it") from error
    return None


def _found(source: Source, file: str, folders: list[Path]) -> NDArray[np.uint8]:
    array = _read(source, file, folders)
    if array is not None:
        return array
    try:
        return _download(source, file)
    except (ImportError, OSError) as error:
        raise not_found(source.name, file, folders, str(error).splitlines()) from error


def _download(source: Source, file: str) -> NDArray[np.uint8]:
    # Into memory: nothing reaches the disk before its content is proven.
    fetch = pooch().HTTPDownloader(chunk_size=1 << 16, timeout=source.timeout)
    failures = []
    for mirror in source.mirrors:
        url, body = f"{mirror}{file}.gz", _Body(_max_bytes(source.shapes[file]))
        try:
            fetch(url, body, None)
            array = _decode(body.getvalue(), source, file)
        except (OSError, ValueError) as error:  # every error of requests is an OSError
            failures.append(f"{url}: {cause(error)}")
            continue
        # If the server labels gzip as an encoding, the HTTP client has already decompressed the body.
        suffix = ".gz" if body.getvalue().startswith(_GZIP_MAGIC) else ""
        path = cache_folder(source.name) / (file + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(body.getvalue())
        return array
    raise ConnectionError("\n".join(failures))


class _Body(io.BytesIO):
    """Takes up to `limit` bytes and ends the download with an error at the next one."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > self._limit:
            raise ValueError(f"more than {self._limit} bytes came, the maximum size of this file")
        return super().write(data)


def _decode(data: bytes, source: Source, file: str) -> NDArray[np.uint8]:
    return decode_idx(data, shape=source.shapes[file], sha256=source.sha256[file])


def _size(shape: tuple[int, ...]) -> int:
    """Length of an IDX file: the mark, a size for each axis, and a byte for each element."""
    return 4 + 4 * len(shape) + math.prod(shape)


def _max_bytes(shape: tuple[int, ...]) -> int:
    """Length of that file plain or gzipped: deflate adds 5 bytes to blocks of 16 kB or more that it cannot compress."""
    return _size(shape) + _size(shape) // 1024 + 1024


def decode_idx(data: bytes, *, shape: tuple[int, ...], sha256: str) -> NDArray[np.uint8]:
    """Array (read-only) of an IDX file of unsigned bytes, plain or gzipped, after its content has been verified.

    No more is decompressed than an array of this shape takes, however much the file would expand to. `sha256` is the
    digest of the decompressed file, since each mirror compresses differently. A ValueError if the file is longer than
    such an array takes, its gzip stream is cut or damaged, or its header or content is not the expected one; the caller
    names the file.
    """
    if len(data) > _max_bytes(shape):
        raise ValueError(f"longer than {_max_bytes(shape)} bytes, the maximum for shape {shape}")
    raw = _gunzip(data, _size(shape)) if data.startswith(_GZIP_MAGIC) else data
    # Parsed before it is hashed: "80 bytes short" says more than a wrong digest.
    array = _parse(raw, shape)
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ValueError(f"the decompressed content has sha256 {found}, expected {sha256}")
    return array


def read_any(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Array of an IDX file of unsigned bytes, plain or gzipped, with the shape that its header has.

    A ValueError if it is longer than 2 GiB, not an IDX file of unsigned bytes, damaged, or expands to more than 4 MiB
    and 64 times its length.
    """
    data = read_bytes(path, max_bytes=_MAX_OWN)
    with naming(f"{path} is not an IDX file that can be read"):
        limit = min(_MAX_OWN, max(_FLOOR, _MAX_RATIO * len(data)))
        raw = _gunzip(data, limit) if data.startswith(_GZIP_MAGIC) else data
        if len(raw) > limit:
            raise ValueError(f"its content is longer than {limit} bytes, the limit for such a file")
        n_axes = raw[3] if len(raw) > 3 else 0
        if not 1 <= n_axes <= 4:
            raise ValueError(f"begins with {raw[:4].hex() or 'nothing'}, which is not the mark of 1 to 4 axes")
        shape = tuple(int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(n_axes))
        return _parse(raw, shape)


def is_idx(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as an IDX file of unsigned bytes does, plain or gzipped."""
    with open_file(path) as stream:
        head = stream.read(512)
    if head.startswith(_GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, 4)
        except zlib.error:
            return False
    return head[:3] == bytes((0, 0, _UNSIGNED_BYTE)) and len(head) > 3 and 1 <= head[3] <= 4


def _gunzip(data: bytes, size: int) -> bytes:
    """Up to one byte more than `size`, which is enough to see that there are too many."""
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # with gzip's header and checksum
    try:
        raw = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError(f"damaged gzip file of {len(data)} bytes ({error})") from error
    if len(raw) <= size and not stream.eof:
        raise ValueError(f"truncated gzip file of {len(data)} bytes")
    if stream.unused_data:
        raise ValueError(f"{len(stream.unused_data)} bytes follow its gzip stream")
    return raw


def _parse(raw: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    magic = bytes((0, 0, _UNSIGNED_BYTE, len(shape)))
    if raw[:4] != magic:
        raise ValueError(
            f"begins with {raw[:4].hex() or 'nothing'}, expected {magic.hex()}, "
            f"the mark of an IDX file of unsigned bytes with {len(shape)} axes"
        )
    header = 4 + 4 * len(shape)
    if len(raw) < header:
        raise ValueError(f"ends inside its IDX header: {len(raw)} bytes, expected at least {header}")
    found = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, header, 4))
    if found != shape:
        raise ValueError(f"its IDX header says shape {found}, expected {shape}")
    if len(raw) != _size(shape):
        got = f"got {len(raw)}" if len(raw) < _size(shape) else "there are more"
        raise ValueError(f"shape {shape} takes {_size(shape)} bytes, {got}")
    return np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(shape)
