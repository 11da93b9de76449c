"""The folder that a command writes its results into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rcspike._common.atomic_files import check_writable
from rcspike._common.file_locks import locked
from rcspike.cli.user_errors import user_errors

__all__ = ["results_folder"]


@contextmanager
def results_folder(folder: Path, *below: str) -> Iterator[None]:
    """Lock `folder` for this command while the block runs; create it, and the folder `below` it, if they do not exist.

    A folder that was made and is still empty at the end, because the command failed, is removed.
    """
    innermost = folder.joinpath(*below)
    made = [path for path in (innermost, *innermost.parents) if not path.exists()]
    try:
        with ExitStack() as stack:
            with user_errors():
                check_writable(innermost)
                in_use = (
                    f"another rcspike command is writing to {folder}; wait until it has ended, or choose another folder"
                )
                stack.enter_context(locked(folder, f"{in_use} with --out"))
            yield
    finally:
        for path in made:  # from the innermost out
            with suppress(OSError):
                path.rmdir()
