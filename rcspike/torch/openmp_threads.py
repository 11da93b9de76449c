"""The threads of PyTorch's OpenMP runtime, on which the engine computes too.

PyTorch's threads wait for their next loop by spinning, and so do the engine's between the rounds of a step. With two
sets of them, each takes the cores from the other: a step of 64 images took five times as long.
"""

from __future__ import annotations

import ctypes
import os
import sys

from rcspike import _core


def share_threads() -> None:
    """Lets the engine compute on PyTorch's threads, where both symbols are found and these threads spin."""
    if sys.platform != "linux" or os.environ.get("OMP_WAIT_POLICY", "").strip().lower() == "passive":
        return
    loaded = ctypes.CDLL(None)  # PyTorch loads its runtime for all libraries of the process
    try:
        entries = loaded.GOMP_parallel, loaded.omp_get_thread_num
    except AttributeError:
        return
    parallel, thread_number = (ctypes.cast(entry, ctypes.c_void_p).value or 0 for entry in entries)
    _core.use_openmp(parallel, thread_number)
