"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_writable", "written_whole"]


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place once the block ends without an error.

    Whoever looks at `path`, at whatever moment the process dies, finds the old file or the new one.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target} cannot be written: there is no folder {target.parent}")
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise FileExistsError(
            f"{target} cannot be written: it is not a file but a device or a pipe; choose another name"
        )
    temporary = target.parent / f".{target.stem}-{secrets.token_hex(8)}{target.suffix}"
    try:
        temporary.touch(exist_ok=False)  # not by mkstemp, whose files are private: here the system applies the umask
    except OSError as error:
        error.filename = str(target)
        raise
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(target), None  # nobody knows the temporary one
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(folder: str | os.PathLike[str]) -> Path:
    """Make `folder` if need be and try it with a file, so that a long run does not find out at its end.

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
