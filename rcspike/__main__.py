"""``python -m rcspike`` and the console script."""

import contextlib
import errno
import io
import os
import sys

from rcspike._common.cpp_sdk import ANSWERS
from rcspike._common.extras import missing_extra

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE}


def main() -> None:
    """Run the command line; if its output cannot be written, the error is one line."""
    output = sys.stdout  # None if the caller has closed it
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(errors="backslashreplace")  # the name of a folder may have any bytes
    try:
        try:
            _run()
        finally:
            if output is not None:
                output.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())  # for the flush at the end of the process
        before = error.__context__
        if error.errno != errno.EPIPE and not (isinstance(before, SystemExit) and before.code):
            print(f"error: standard output: {error.strerror}", file=sys.stderr)
        sys.exit(2)


def _run() -> None:
    """Run the command line, or name the missing package. The options for builds need no extra package."""
    asked = sys.argv[1:]
    if asked and all(word in ANSWERS for word in asked):
        print(*(ANSWERS[word]() for word in asked), sep="\n")
        return
    try:
        from rcspike.cli import app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(f"error: {missing_extra(f'the command line needs {missing}', 'cli')}", file=sys.stderr)
        sys.exit(2)
    app(prog_name="rcspike")


if __name__ == "__main__":
    main()
