"""Files that are written atomically: completely or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["atomic_write", "check_writable"]

_PREFIX = ".rcspike-"
_DAY = 86400.0  # in s


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; it replaces `path` once the block ends without an error.

    At `path` there is always either the old file or the new one, even if the process dies. A process that dies within
    the block leaves the hidden temporary file; the next process that writes to the folder removes it.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target} cannot be written: there is no folder {target.parent}")
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise FileExistsError(
            f"{target} cannot be written: it is not a file but a device or a pipe; choose another name"
        )
    try:
        _remove_leftovers(target.parent)
        temporary, lock = _create(target)
    except OSError as error:
        error.filename = str(target)
        raise
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(target), None  # nobody knows the temporary one
        raise
    finally:
        temporary.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _create(target: Path) -> tuple[Path, int | None]:
    """A new file in the folder of the target, with the mode of any other, and the descriptor that keeps it locked.

    The system releases the lock when the process dies, however it does. There is none on Windows and on file systems
    without locks, where leftovers stay.
    """
    while True:
        temporary = target.parent / f"{_PREFIX}{_machine()}-{secrets.token_hex(8)}{target.suffix}"
        # Not by tempfile, whose files are private: here the system applies the umask.
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if not _lock(descriptor, wait=True):
            os.close(descriptor)
            return temporary, None
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # taken for a leftover in the moment before it was locked


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files of processes that have died: the files whose lock is free.

    A lock may not be seen by other machines that share the folder, so their files must also be a day old.
    """
    with contextlib.suppress(OSError):  # a folder may be written and not listed
        for name in os.listdir(folder):
            if name.startswith(_PREFIX):
                _remove_leftover(folder / name)


def _remove_leftover(path: Path) -> None:
    with contextlib.suppress(OSError):  # the file belongs to another user, or is gone
        is_own = path.name.startswith(f"{_PREFIX}{_machine()}-")
        if not is_own and time.time() - path.lstat().st_mtime < _DAY:
            return
        descriptor = os.open(path, os.O_RDWR)
        try:
            if _lock(descriptor, wait=False):
                path.unlink()
        finally:
            os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def check_writable(folder: str | os.PathLike[str]) -> Path:
    """Create `folder` if necessary, and test it with a file, so that a long run does not fail at its end.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OSError(f"output folder {path} cannot be written ({error.strerror or error}); choose another") from error
    return path
