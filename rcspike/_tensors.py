"""Safetensors files of our own kinds: named arrays, and a header that says what they are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rcspike._files import written_whole
from rcspike.circuit import Circuit

__all__ = ["FORMAT_VERSION", "circuit_from_header", "circuit_to_header", "read", "write"]

FORMAT_VERSION = 1


def write(
    path: str | os.PathLike[str], kind: str, tensors: dict[str, npt.NDArray[Any]], header: dict[str, Any]
) -> None:
    """Write arrays and a JSON-able header to one file, whole or not at all."""
    text = json.dumps(header, default=np.generic.item)  # numbers of numpy's are as good as Python's
    metadata = {"format": f"rcspike-{kind}", "format_version": str(FORMAT_VERSION), "header": text}
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with written_whole(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata=metadata))  # save_file would hide what the system says


def read(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read such a file back.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is truncated, not of this kind, or of a newer format than this version knows.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no {kind} at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, AttributeError, TypeError) as error:  # the latter two: no dtype of numpy's
        raise ValueError(f"{path} is not a whole rcspike {kind}: {error}") from error
    if metadata.get("format") != f"rcspike-{kind}":
        found = metadata.get("format", "a safetensors file of something else")
        raise ValueError(f"{path} is not an rcspike {kind} but {found}")
    try:
        version = int(metadata["format_version"])
        header = dict(json.loads(metadata["header"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a whole rcspike {kind}: {error}") from error
    if version > FORMAT_VERSION:
        raise ValueError(f"{path} has format {version}, this version reads up to {FORMAT_VERSION}; upgrade rcspike")
    return tensors, header


def circuit_to_header(circuit: Circuit) -> dict[str, str]:
    """As text, since JSON knows no infinity."""
    names = ("v_syn", "e_plus", "e_minus", "diode_drop", "ramp")
    return {name: repr(float(getattr(circuit, name))) for name in names}


def circuit_from_header(header: dict[str, str]) -> Circuit:
    return Circuit(**{name: float(value) for name, value in header.items()})
