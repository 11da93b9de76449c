"""Safetensors files of rcspike's own kinds: named arrays, and a header that says which network or run they are of.

The rules are in docs/files.md; src/cpp/core/files share them.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from rcspike._common.atomic_files import atomic_write
from rcspike._common.readers import naming, open_file
from rcspike.circuit import PARAMETERS, Circuit
from rcspike.network.wiring import DENSE, Conv2d, FirstSpike2d, Wiring, wiring_of
from rcspike.row_load import PARTS, RowLoad

FORMAT = "1"  # of models and of checkpoints; a further part that may be missing does not need another one
MODEL = "model.safetensors"  # in the folder of a run
MAX_HEADER = {"model": 1 << 20, "checkpoint": 1 << 24}  # bytes; about 10,000 layers, and 30,000 epochs
_WIRING: dict[str, Any] = {"maps": [], "kernel": [], "stride": 1, "padding": 0, "first": 1, "pool": 1}  # a dense layer
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|-?inf")

Tensors = dict[str, npt.NDArray[Any]]


def write(path: str | os.PathLike[str], kind: str, tensors: Tensors, header: dict[str, Any]) -> None:
    """Write float arrays and a JSON-able header to one file, atomically; the same content gives the same bytes.

    A ValueError if the header becomes longer than `read` accepts.
    """
    text = json.dumps(header, default=np.generic.item)  # numbers of numpy's are as good as Python's
    metadata = {"format": f"rcspike-{kind}", "format_version": FORMAT, "header": text}
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

    A ValueError if it is truncated, damaged, not of this kind, or of another format.
    """
    path = Path(path)
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"no {kind} at {path}")
    whole = f"{path} is not a whole rcspike {kind}"
    with naming(whole, SafetensorError, ValueError), open_file(path) as file:
        metadata, dtypes = _read_header(file, MAX_HEADER[kind])
    found = metadata.get("format", "")
    if found != f"rcspike-{kind}":
        known = found in (f"rcspike-{one}" for one in MAX_HEADER)
        raise ValueError(
            f"{path} is not an rcspike {kind} but {found if known else 'a safetensors file of something else'}"
        )
    with naming(whole, SafetensorError, ValueError):
        stored = metadata.pop("crc32", None)
        check_parts("__metadata__", metadata, ("format", "format_version", "header"))
        if metadata["format_version"] != FORMAT:
            raise ValueError(
                f"format_version must be {FORMAT}, got {metadata['format_version']!r}; use the rcspike that wrote it"
            )
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
    return tensors, header


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


def check_parts(name: str, value: Any, parts: Collection[str], optional: Collection[str] = ()) -> None:
    """Raise ValueError unless the value is a JSON object with these parts, and no others but optional ones."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} in its header is not an object")
    for part in sorted(parts):
        if part not in value:
            raise ValueError(f"its header has no {part}")
    if not set(value) <= {*parts, *optional}:
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


def circuit_to_header(circuit: Circuit) -> dict[str, Any]:
    """Numbers as text, since JSON knows no infinity; newer parameters only if they are not at their defaults."""
    header: dict[str, Any] = {name: repr(x) for name, x in ({"v_syn": circuit.v_syn} | circuit.shown()).items()}
    if circuit.injects:
        header["injection"] = [[repr(plus), repr(minus)] for plus, minus in circuit.injections]
    if circuit.loads_membranes:
        header["load"] = [[repr(x) for x in load.values] for load in circuit.loads]
    return header


def circuit_from_header(header: Any) -> Circuit:
    """The circuit of such a header; ValueError if it has other parts, or texts that are not numbers."""
    check_parts("circuit", header, ("v_syn",), (*PARAMETERS, "injection", "load"))
    read: dict[str, Any] = {"injection": _injections, "load": _loads}
    return Circuit(**{name: read.get(name, _number)(name, value) for name, value in header.items()})


def _injections(name: str, pairs: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(pairs, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise ValueError(f"{name} must be pairs of numbers")
    return tuple((_number(name, plus), _number(name, minus)) for plus, minus in pairs)


def _loads(name: str, loads: Any) -> tuple[RowLoad, ...]:
    if not isinstance(loads, list) or any(not isinstance(load, list) or len(load) != len(PARTS) for load in loads):
        raise ValueError(f"{name} must be groups of {len(PARTS)} numbers")
    return tuple(RowLoad(**{part: _number(name, x) for part, x in zip(PARTS, load, strict=True)}) for load in loads)


def wiring_to_header(wiring: Sequence[Wiring]) -> dict[str, Any]:
    """The part of a header that describes the wiring, if it is not dense."""
    return {"wiring": [_wiring_part(one) for one in wiring]} if any(one != DENSE for one in wiring) else {}


def _wiring_part(wiring: Wiring) -> dict[str, Any]:
    if isinstance(wiring, Conv2d):
        part: dict[str, Any] = {"maps": list(wiring.in_shape), "kernel": list(wiring.kernel)}
        part |= {name: getattr(wiring, name) for name in _WIRING if name not in part}
    else:
        part = {"maps": list(wiring.in_shape) if isinstance(wiring, FirstSpike2d) else [], "first": wiring.window}
    return {name: value for name, value in part.items() if value != _WIRING[name]}


def wiring_from_header(parts: Any) -> list[Wiring]:
    """Take the wiring of each layer from its part of a header; ValueError if it is not one."""
    if not isinstance(parts, list):
        raise ValueError("wiring in its header is not a list")
    return [_wiring(part) for part in parts]


def _wiring(part: Any) -> Wiring:
    check_parts("wiring", part, (), _WIRING)
    part = _WIRING | part
    for name, value in part.items():
        is_list = isinstance(_WIRING[name], list)
        if is_list != isinstance(value, list) or any(type(size) is not int for size in (value if is_list else [value])):
            raise ValueError(f"{name} in its header is not a {'list of sizes' if is_list else 'size'}")
    maps, kernel = tuple(part.pop("maps")), tuple(part.pop("kernel"))
    if kernel:
        return Conv2d(maps, kernel, **part)
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
