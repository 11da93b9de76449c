"""A file or folder that belongs to one process at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["locked"]


@contextmanager
def locked(path: str | os.PathLike[str], in_use: str) -> Iterator[None]:
    """Keep others from `path`, a file or a folder, while the block runs.

    The system holds the lock, on a hidden file in the folder or next to the file, and releases it when the process
    ends, however it ends.

    Raises
    ------
    BlockingIOError
        With the text `in_use`, if the lock is held elsewhere, in this process or another.
    OSError
        If the hidden file cannot be written.
    """
    from filelock import FileLock, Timeout  # here, so that `import rcspike` does without it

    target = Path(path)
    file = target / ".rcspike.lock" if target.is_dir() else target.with_name(f".{target.name}.lock")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{target} cannot be written: there is no folder {target.parent}")
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(in_use) from None
    except OSError as error:
        error.filename = str(target)
        raise
    try:
        yield
    finally:
        # While the lock is held: a process that has opened the file already finds that it was removed, and tries again.
        with suppress(OSError):
            file.unlink()
        lock.release()
