"""Program that reads an HDF5 file with h5py and writes its content to standard output as an .npz file.

`rcspike.network.hdf5` runs it as a process. Arguments: the file, the limits of its memory in bytes and, once h5py is
loaded, of its CPU time in seconds, and the folders of ``sys.path``. The first array has the names of the others.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

_MAX_REASON = 300  # characters


def main() -> None:
    path, max_bytes, max_seconds, *sys.path[:] = sys.argv[1:]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread takes address space
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # no filters from other libraries
    np, h5py = import_module("numpy"), import_module("h5py")
    limit(int(max_bytes), math.ceil(time.process_time()) + int(max_seconds))
    try:
        content = []
        with h5py.File(path, "r") as file:
            found = list(members(h5py, file, "/", set()))
            if sum(item.nbytes for _, item in found if isinstance(item, h5py.Dataset)) > int(max_bytes):
                raise MemoryError
            for name, item in found:
                is_text = isinstance(item, h5py.Dataset) and h5py.check_string_dtype(item.dtype)
                array = item.asstr()[...].astype(str) if is_text else np.asarray(item)
                if array.dtype.kind in "biufcSU":
                    content.append((name, array))
        np.savez(sys.stdout.buffer, np.array([name for name, _ in content], str), *(array for _, array in content))
    except MemoryError:
        sys.exit(f"it takes more than {max_bytes} bytes of memory")
    except Exception as error:  # whatever h5py raises for a damaged file
        sys.exit(" ".join(f"{error}".split())[:_MAX_REASON] or type(error).__name__)


def limit(max_bytes: int, max_seconds: int) -> None:
    """Limits of this process, on systems that have them: memory, files, CPU time, and no dump of a crash."""
    with suppress(ModuleNotFoundError):  # Windows
        resource = import_module("resource")
        limits = {"RLIMIT_AS": max_bytes, "RLIMIT_FSIZE": max_bytes, "RLIMIT_CPU": max_seconds, "RLIMIT_CORE": 0}
        for name, value in limits.items():
            soft, hard = resource.getrlimit(getattr(resource, name))
            if soft == resource.RLIM_INFINITY or value < soft:
                with suppress(OSError, ValueError):  # a system that refuses it
                    resource.setrlimit(getattr(resource, name), (value, hard))


def members(h5py: Any, group: Any, prefix: str, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Datasets by names such as /group/name, and values of the attributes of groups by names such as /group//name.

    What refers to other files, or to other names, is a ValueError.
    """
    if group in seen:
        raise ValueError(f"group {prefix!r} is a second name of a group, or lies in itself")
    seen.add(group)
    yield from ((f"{prefix}/{name}", value) for name, value in group.attrs.items())
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{prefix + name!r} is a link to another name or file, which is not followed")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from members(h5py, item, f"{prefix}{name}/", seen)
        elif isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise ValueError(f"{prefix + name!r} has its content in other files, which are not read")
            yield prefix + name, item


if __name__ == "__main__":
    main()
