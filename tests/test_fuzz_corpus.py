"""The readers keep their promise for every file that fuzzing has found, and for some that are too large to keep."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("nir")
pytest.importorskip("typer")

from targets import CORPUS, TARGETS, accepts

FILES = [
    pytest.param(name, file, id=f"{name}-{file.name}") for name in TARGETS for file in sorted((CORPUS / name).iterdir())
]


def bombs(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npz(dtype: str, shape: str, n_bytes: int) -> bytes:
    """An archive whose arrays promise this type and shape."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(n_bytes)
    return bombs({"x": array, "y": array})


def png(width: int, height: int) -> bytes:
    """The head of an image of this size."""
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")


DEEP_JSON = b'{"a":' * 50_000
LONG_NAMES = b'{"command": "", "a": ' + 300 * (b'{"a": 1, "%s": ' % (b"b" * 2000)) + b"1" + 301 * b"}"
# Some are made when they are needed: it takes seconds, and every process that collects tests would make them.
LARGE: dict[str, list[bytes | Callable[[], bytes]]] = {
    "idx": [lambda: gzip.compress(bytes(50_000_000))],
    "own-npz": [
        lambda: bombs({"x": bytes(200_000_000), "y": b""}),
        npz("<f8", "(10, 10)", 8),
        npz("<f8", "(" * 5_000, 8),
    ],
    "own-csv": [b"1," * 500_000, b"1,2," + b"x" * 140_000 + b"\n1,2,y\n", b"1,a\n" * 100_000],
    "own-idx": [lambda: gzip.compress(bytes((0, 0, 8, 1)) + (200_000_000).to_bytes(4, "big") + bytes(200_000_000))],
    "own-image": [png(60_000, 60_000)],
    "inputs": [DEEP_JSON, b"[" * 50_000, b'{"format": ' + b"1" * 5_000 + b"}"],
    "trained-samples": [
        lambda: bombs({"fingerprints": bytes(200_000_000)}),
        npz("<f4", "(10, 6)", 8),
        bombs({"earlier": b""}),
    ],
    "devices": [b"a." * 20_000 + b"a = 1", b"a = " + b"[" * 50_000, b"[devices]\non_off = " + b"1" * 5_000],
    "process": [
        b"a." * 20_000 + b"a = 1",
        b"a = " + b"[" * 50_000,
        b"[a]\nv_logic = { value = " + b"1" * 5_000 + b" }",
    ],
    "measured": [b"target,mean,std\n" + b"1" * 140_000, b"target,mean,std\n1," + b"1" * 400 + b",1\n"],
    "measurements": [b"image,neuron,spike_time\n" + b"1" * 140_000, b"image,neuron,spike_time\n0,0," + b"1" * 5_000],
    "report-svg": [b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 50_000],
    "report-csv": [b"a\n" + b"1" * 140_000],
    "report-json": [DEEP_JSON, LONG_NAMES, b"[" * 50_000, b'{"command": ' + b"1" * 5_000 + b"}"],
    "sweep": [DEEP_JSON, b"[" * 50_000, b"1" * 5_000],
}


def accepts_within_memory(name: str, data: bytes, folder: Path) -> bool:
    tracemalloc.start()
    try:
        accepted = accepts(TARGETS[name], data, folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64e6 + 100 * len(data), f"{len(data)} bytes took {peak / 1e6:.0f} MB"
    return accepted


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_reader_keeps_its_promise_for_what_fuzzing_has_found(name: str, file: Path, tmp_path: Path) -> None:
    accepted = accepts_within_memory(name, file.read_bytes(), tmp_path)
    assert accepted or not file.name.startswith("seed-"), "a seed must be a good file"


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, files in LARGE.items() for data in files])
def test_a_reader_keeps_its_promise_for_files_that_ask_for_much(
    name: str, data: bytes | Callable[[], bytes], tmp_path: Path
) -> None:
    accepts_within_memory(name, data() if callable(data) else data, tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * name.startswith("nir")) for name in TARGETS]
)  # each NIR file is read in a process
def test_a_reader_keeps_its_promise_for_some_mutations(name: str, tmp_path: Path) -> None:
    rng = Random(0)

    def havoc(data: bytes) -> bytes:
        at = rng.randrange(len(data) + 1)
        return data[:at] + rng.randbytes(rng.randrange(4)) + data[at + rng.randrange(4) :]

    seeds = [file.read_bytes() for file in sorted((CORPUS / name).glob("seed-*"))]
    for _ in range(40):
        accepts(TARGETS[name], TARGETS[name].mutate(rng.choice(seeds), rng, havoc), tmp_path)
