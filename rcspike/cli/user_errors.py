"""Errors that a user can fix, in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from rcspike._common.extras import is_missing_extra

__all__ = ["fail", "user_errors"]


@contextmanager
def user_errors() -> Iterator[None]:
    """Report errors that a user can fix, with exit code 2; other errors keep their traceback."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads the output any more; typer exits silently
    except (ValueError, OSError, MemoryError) as error:
        fail(error)
    except ImportError as error:
        if not is_missing_extra(error):
            raise
        fail(error)


def fail(error: Exception) -> NoReturn:
    """Print the error and exit with code 2: in one line, or in several if the message has indented lines."""
    text = f"not enough memory: {error}" if isinstance(error, MemoryError) else str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    lines = [" ".join(line.split()) for line in re.split(r"\n(?=  )", text)]
    typer.echo(f"error: {chr(10).join(lines[:1] + ['  ' + line for line in lines[1:]])}", err=True)
    raise typer.Exit(2) from error
