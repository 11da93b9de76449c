"""Forked children, and another thread that is busy while they are forked."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

# Python 3.12 warns that threads do not survive a fork, which is what is tested here.
forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def in_a_forked_child(compute: Callable[[], str]) -> str:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:  # whatever happens, the child must not continue with the tests
            os.write(writer, compute().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answered, _, _ = select.select([pipe], [], [], 60)
        if not answered:
            os.kill(child, signal.SIGKILL)
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer if answered else "the child hangs"


@contextmanager
def repeated_by_another_thread(function: Callable[[], object]) -> Iterator[None]:
    """While the block runs, another thread calls the function again and again."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            function()

    other = threading.Thread(target=repeat)
    other.start()
    try:
        yield
    finally:
        over.set()
        other.join()
