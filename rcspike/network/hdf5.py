"""HDF5 files from untrusted sources, read by h5py in a process with limits: damaged files crash or hang its library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rcspike._common.readers import open_file

_CHILD = str(Path(__file__).with_name("hdf5_child.py"))
_MEMORY, _RATIO = 2**30, 32  # bytes, and bytes for each byte of the file
_SECONDS, _RATE = 1, 2**20  # CPU time once h5py is loaded, and bytes of the file for each further second
_START, _PATIENCE = 60, 10  # s of waiting: for h5py, and for each second of CPU time, since other programs may run


def max_bytes(path: str | os.PathLike[str]) -> int:
    """Limit of the memory for the content of this file, which may be compressed: 1 GiB and 32 times its length."""
    with open_file(path) as file:
        return _MEMORY + _RATIO * os.fstat(file.fileno()).st_size


def read_hdf5(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Content of a file, with groups as dicts, and the attributes of groups by names such as ``/group//attribute``.

    Arrays of texts hold Python's str. Left out are empty groups, attributes of arrays, and whatever is neither numbers
    nor texts. A ValueError if h5py does not read it, crashes, or takes more memory than `max_bytes`, or more CPU time
    than 1 s and 1 s for each MiB; if a group lies in itself, or a part of it in another file.
    """
    memory = max_bytes(path)
    seconds = _SECONDS + os.path.getsize(path) // _RATE
    patience = _START + _PATIENCE * seconds
    command = [sys.executable, "-I", "-X", "utf8", _CHILD, os.fspath(path), str(memory), str(seconds), *sys.path]
    with tempfile.TemporaryFile() as output:
        try:
            child = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"h5py has not read it within {patience} s") from error
        if child.returncode:
            raise ValueError(_reason(child, seconds))
        output.seek(0)
        with np.load(output, allow_pickle=False) as arrays:
            names, *values = arrays.values()
    root, attributes = dict[str, Any](), dict[str, Any]()
    for name, value in zip(names.tolist(), values, strict=True):
        value = value.astype(object) if value.dtype.kind == "U" else value
        value = value if value.shape else value[()]
        if "//" in name:
            attributes[name] = value
            continue
        group, (*groups, last) = root, name[1:].split("/")
        for key in groups:
            group = group.setdefault(key, {})
        group[last] = value
    return root, attributes


def _reason(child: subprocess.CompletedProcess[bytes], seconds: int) -> str:
    if child.returncode == 1 and child.stderr:
        return child.stderr.decode(errors="replace").splitlines()[-1]
    if child.returncode == -getattr(signal, "SIGXCPU", 0):
        return f"h5py has not read it within {seconds} s of CPU time"
    if child.returncode < 0:
        return f"h5py crashes on it ({signal.Signals(-child.returncode).name})"
    return f"h5py ends on it with code {child.returncode}"
