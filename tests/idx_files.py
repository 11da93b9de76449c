"""Tiny made-up IDX files, as the data set "mnist" of four of them, and the folders where they are looked for."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rcspike.datasets import Dataset
from rcspike.datasets.idx import Source
from rcspike.datasets.named_datasets import load_idx


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def made_up_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    contents = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (6, 4, 3)),
        "train-labels-idx1-ubyte": np.array([0, 1, 2, 3, 0, 1]),
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (2, 4, 3)),
        "t10k-labels-idx1-ubyte": np.array([2, 1]),
    }
    return {file: idx_bytes(array.astype(np.uint8)) for file, array in contents.items()}


FILES = made_up_files()
SHAPES = dict(zip(FILES, [(6, 4, 3), (6,), (2, 4, 3), (2,)], strict=True))
DIGESTS = {file: hashlib.sha256(raw).hexdigest() for file, raw in FILES.items()}
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = FILES


def with_other_bytes(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def put(folder: Path, files: dict[str, bytes], *, zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, raw in files.items():
        if zipped:
            (folder / f"{file}.gz").write_bytes(gzip.compress(raw))
        else:
            (folder / file).write_bytes(raw)
    return folder


@dataclass
class Places:
    """Folders the data set is looked for in, all of them empty at first."""

    directory: Path
    env: Path
    cache: Path
    system: Path

    def load(self, *mirrors: str, directory: str | Path | None = None) -> Dataset:
        """Load the made-up set; a mirror that stops answering is left after half a second."""
        source = Source("mnist", DIGESTS, SHAPES, mirrors, system_folder=self.system.parent, timeout=0.5)
        return load_idx(source, directory=directory)


def empty_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Cuts a test off from the machine's own data."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setenv("RCSPIKE_DATA", str(tmp_path / "env"))
    return Places(
        directory=tmp_path / "directory",
        env=tmp_path / "env" / "mnist",
        cache=tmp_path / "cache" / "rcspike" / "mnist",
        system=tmp_path / "system" / "mnist",
    )


def assert_is_made_up_set(data: Dataset) -> None:
    for split, images, labels in (
        (data.train, FILES[IMAGES], FILES[LABELS]),
        (data.test, FILES[TEST_IMAGES], FILES[TEST_LABELS]),
    ):
        assert split.images.dtype == np.uint8
        assert split.images.tobytes() == images[16:]
        assert split.labels.tolist() == list(labels[8:])
    assert data.train.images.shape == (6, 4, 3)
    assert data.n_classes == 4


def peak_of(function: Callable[[], object]) -> int:
    """Most bytes that Python held at a time during a call that ends with a ValueError or FileNotFoundError."""
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, FileNotFoundError)):
            function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
