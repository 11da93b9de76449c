"""Safetensors files of rcspike's own kinds: named arrays, and a header that says which network or run they are of.

The rules are in docs/files.md; src/cpp/core/files share them.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from rcspike._common.atomic_files import atomic_write
from rcspike._common.readers import open_file
from rcspike.circuit import Circuit
from rcspike.network.wiring import Conv2d, FirstSpike2d, Wiring, has_maps, window_of, wiring_of

__all__ = [
    "check_parts",
    "circuit_from_header",
    "circuit_to_header",
    "read",
    "wiring_from_header",
    "wiring_to_header",
    "write",
]

# The newest format that this version reads. A model is of the oldest format that can hold it, so that older versions
# read it: 2 has joined inputs, 3 injection or a delay, 4 neurons of a single phase, 5 maps.
NEWEST = {"model": 5, "checkpoint": 1}

MAX_HEADER = {"model": 1 << 20, "checkpoint": 1 << 24}  # bytes; about 10,000 layers, and 30,000 epochs
_CIRCUIT = ("v_syn", "e_plus", "e_minus", "diode_drop", "ramp")
_SWITCHES = ("injection", "delay")  # of a circuit from format 3 on
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|-?inf")

Tensors = dict[str, npt.NDArray[Any]]


def write(path: str | os.PathLike[str], kind: str, tensors: Tensors, header: dict[str, Any]) -> None:
    """Write float arrays and a JSON-able header to one file, atomically; the same content gives the same bytes.

    Raises
    ------
    ValueError
        If the header becomes longer than `read` accepts.
    """
    text = json.dumps(header, default=np.generic.item)  # numbers of numpy's are as good as Python's
    metadata = {"format": f"rcspike-{kind}", "format_version": _format_of(header), "header": text}
    arrays = {name: np.ascontiguousarray(a, a.dtype.newbyteorder("<")) for name, a in tensors.items()}
    entries: dict[str, Any] = {"__metadata__": metadata | {"crc32": _crc32(metadata, arrays)}}
    end = 0
    for name, array in arrays.items():
        offsets = [end, end := end + array.nbytes]
        entries[name] = {"dtype": _dtype(array), "shape": list(array.shape), "data_offsets": offsets}
    start = json.dumps(entries, separators=(",", ":")).encode()
    start += b" " * (-len(start) % 8)  # so that the arrays are aligned
    if len(start) > MAX_HEADER[kind]:
        raise ValueError(f"{path} would have a header of {len(start)} bytes, the limit is {MAX_HEADER[kind]}")
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(len(start).to_bytes(8, "little") + start)
        for array in arrays.values():
            file.write(array.data)


def read(path: str | os.PathLike[str], kind: str) -> tuple[Tensors, dict[str, Any]]:
    """Read a file that `write` has written.

    Raises
    ------
    OSError
        If there is none, or it cannot be read.
    ValueError
        If it is truncated, damaged, not of this kind, or of a newer format than this version knows.
    """
    path = Path(path)
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"no {kind} at {path}")
    with _whole(path, kind), open_file(path) as file:
        metadata, dtypes = _read_header(file, MAX_HEADER[kind])
    found = metadata.get("format", "")
    if found != f"rcspike-{kind}":
        known = found in (f"rcspike-{one}" for one in MAX_HEADER)
        raise ValueError(
            f"{path} is not an rcspike {kind} but {found if known else 'a safetensors file of something else'}"
        )
    version = metadata.get("format_version", "")
    if re.fullmatch("[1-9][0-9]{0,8}", version) and int(version) > NEWEST[kind]:
        raise ValueError(f"{path} has format {version}, this version reads up to {NEWEST[kind]}; upgrade rcspike")
    with _whole(path, kind):
        stored = metadata.pop("crc32", None)  # files of rcspike 0.1 have none
        check_parts("__metadata__", metadata, ("format", "format_version", "header"))
        if version not in map(str, range(1, NEWEST[kind] + 1)):
            raise ValueError(f"format_version must be from 1 to {NEWEST[kind]}, got {version!r}")
        for name, dtype in dtypes.items():
            if dtype not in ("F32", "F64"):
                raise ValueError(f"{name} must be float32 or float64, got {dtype}")
        with safe_open(path, framework="numpy") as tensors_of:
            tensors = {name: tensors_of.get_tensor(name) for name in dtypes}
        if stored is not None and stored != _crc32(metadata, tensors):
            raise ValueError("its content does not have the CRC-32 that it says; it is damaged, take another copy")
        header = _parse(metadata["header"])
        if not isinstance(header, dict):
            raise ValueError("header in its header is not an object")
        if ("windows" in header) != (version in ("2", "3", "4")):
            raise ValueError("a header has windows in formats 2 to 4 and only there")
        if ("wiring" in header) != (version == "5"):
            raise ValueError("a header has wiring in format 5 and only there")
        if ("phases" in header) != (version in ("4", "5")):
            raise ValueError("a header has phases from format 4 on and only there")
        circuit = header.get("circuit")
        if kind == "model" and isinstance(circuit, dict) and ("injection" in circuit) != (version in ("3", "4", "5")):
            raise ValueError("a circuit has an injection from format 3 on and only there")
    return tensors, header


def _format_of(header: dict[str, Any]) -> str:
    if "wiring" in header:
        return "5"
    if "phases" in header:
        return "4"
    return "3" if "injection" in header.get("circuit", {}) else "2" if "windows" in header else "1"


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    """Names the file in whatever is wrong with it."""
    try:
        yield
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is not a whole rcspike {kind}: {error}") from error


def _read_header(file: BinaryIO, limit: int) -> tuple[dict[str, str], dict[str, str]]:
    """The metadata, and the dtype of each tensor; the rest is left to safetensors."""
    start = file.read(8)
    length, left = int.from_bytes(start, "little"), os.fstat(file.fileno()).st_size - 8
    if len(start) < 8 or length > left:
        raise ValueError("its header is cut off, or it is not a safetensors file")
    if length > limit:
        raise ValueError(f"its header has {length} bytes, the limit is {limit}")
    header = file.read(length)
    if not header.startswith(b"{"):
        raise ValueError("its header is not a JSON object")
    entries = _parse(header.decode())
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError("__metadata__ in its header is not an object of texts")
    for name, entry in entries.items():
        check_parts(name, entry, ("dtype", "shape", "data_offsets"))
    return metadata, {name: entry["dtype"] for name, entry in entries.items()}


def _parse(text: str) -> Any:
    """JSON in which no object has a name twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        parts = dict(pairs)
        if len(parts) < len(pairs):
            raise ValueError("invalid JSON: an object has a name twice")
        return parts

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("invalid JSON: nested too deeply") from error


def check_parts(name: str, value: Any, parts: tuple[str, ...]) -> None:
    """Raise ValueError unless the value is a JSON object with exactly these parts."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} in its header is not an object")
    for part in sorted(parts):
        if part not in value:
            raise ValueError(f"its header has no {part}")
    if len(value) > len(parts):
        raise ValueError(f"{name} in its header has a part that is not known here")


def _dtype(array: npt.NDArray[Any]) -> str:
    return f"F{8 * array.dtype.itemsize}"


def _crc32(metadata: dict[str, str], tensors: Tensors) -> str:
    """Of all metadata and all arrays, both in the order of their names.

    Each part has its length before it, so that no two contents make the same sequence of bytes.
    """
    crc = 0

    def add(part: bytes | memoryview) -> None:
        nonlocal crc
        crc = zlib.crc32(part, zlib.crc32(memoryview(part).nbytes.to_bytes(8, "little"), crc))

    for name, text in sorted(metadata.items()):
        add(name.encode())
        add(text.encode())
    for name in sorted(tensors):
        array = tensors[name]
        add(name.encode())
        add(_dtype(array).encode())
        add(str(list(array.shape)).encode())
        add(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return f"{crc:08x}"


def circuit_to_header(circuit: Circuit, *, switches: bool = False) -> dict[str, Any]:
    """Numbers as text, since JSON knows no infinity; injection and delay only if asked for, or one of them is there."""
    header: dict[str, Any] = {name: repr(float(getattr(circuit, name))) for name in _CIRCUIT}
    if switches or circuit.injects or circuit.delay:
        header["injection"] = [[repr(plus), repr(minus)] for plus, minus in circuit.injections]
        header["delay"] = repr(circuit.delay)
    return header


def circuit_from_header(header: Any) -> Circuit:
    """The circuit of such a header; ValueError if it has other parts, or texts that are not numbers."""
    has_switches = isinstance(header, dict) and any(name in header for name in _SWITCHES)
    check_parts("circuit", header, (*_CIRCUIT, *_SWITCHES) if has_switches else _CIRCUIT)
    rest: dict[str, Any] = {name: _number(name, header[name]) for name in _CIRCUIT}
    if has_switches:
        rest |= {"injection": _injections(header["injection"]), "delay": _number("delay", header["delay"])}
    return Circuit(**rest)


def _injections(pairs: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(pairs, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise ValueError("injection must be pairs of numbers")
    return tuple((_number("injection", plus), _number("injection", minus)) for plus, minus in pairs)


_WIRING = ("maps", "kernel", "stride", "padding", "first", "pool")


def wiring_to_header(wiring: Sequence[Wiring], *, switches: bool) -> dict[str, Any]:
    """The part of a header that describes the wiring, if it is not dense; also if the circuit has switches."""
    if has_maps(wiring):
        return {"wiring": [_wiring_part(one) for one in wiring]}
    windows = [window_of(one) for one in wiring]
    return {"windows": windows} if switches or max(windows, default=1) > 1 else {}


def _wiring_part(wiring: Wiring) -> dict[str, Any]:
    part: dict[str, Any] = {"maps": [], "kernel": [], "stride": 1, "padding": 0, "first": 1, "pool": 1}
    if isinstance(wiring, Conv2d):
        own = {name: getattr(wiring, name) for name in ("stride", "padding", "first", "pool")}
        return {"maps": list(wiring.in_shape), "kernel": list(wiring.kernel), **own}
    if isinstance(wiring, FirstSpike2d):
        part["maps"] = list(wiring.in_shape)
    return part | {"first": wiring.window}


def wiring_from_header(header: Any, n_layers: int) -> list[Wiring]:
    """Take the wiring of each layer from a header; ValueError if it is not one."""
    if not isinstance(header, dict):
        raise ValueError("header in its header is not an object")
    if "wiring" in header:
        parts = header.pop("wiring")
        if not isinstance(parts, list):
            raise ValueError("wiring in its header is not a list")
        return [_wiring(part) for part in parts]
    windows = header.pop("windows") if "windows" in header else [1] * n_layers
    if not isinstance(windows, list) or not all(type(window) is int for window in windows):
        raise ValueError("windows in its header is not a list of sizes")
    return [wiring_of(window) for window in windows]


def _wiring(part: Any) -> Wiring:
    check_parts("wiring", part, _WIRING)
    for name in ("maps", "kernel"):
        if not isinstance(part[name], list) or not all(type(size) is int for size in part[name]):
            raise ValueError(f"{name} in its header is not a list of sizes")
    for name in _WIRING[2:]:
        if type(part[name]) is not int:
            raise ValueError(f"{name} in its header is not a size")
    maps, kernel = tuple(part["maps"]), tuple(part["kernel"])
    if kernel:
        return Conv2d(maps, kernel, **{name: part[name] for name in _WIRING[2:]})
    if (part["stride"], part["padding"], part["pool"]) != (1, 0, 1):
        raise ValueError("stride, padding and pool of a layer without a kernel must be 1, 0 and 1")
    return FirstSpike2d(maps, part["first"]) if maps else wiring_of(part["first"])


def _number(name: str, text: Any) -> float:
    """A number as repr() writes it: one of JSON, or an infinity."""
    if not isinstance(text, str):
        raise ValueError(f"{name} in its header is not text")
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if math.isnan(value) or math.isinf(value) != text.endswith("inf"):
        raise ValueError(f"{name} is not a number: {text!r}")
    return value
