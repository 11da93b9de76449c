"""The class of all commands, whose numbers have the digits 0 to 9, and how a function becomes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand

from rcspike._common.numbers import read_float
from rcspike.cli.option_groups import ungrouped

__all__ = ["command"]

Run = Callable[..., None]


def command(app: typer.Typer, name: str, *, example: str) -> Callable[[Run], Run]:
    """Make a function a command of the app; its docstring is the help. Its options may be in groups."""

    def register(run: Run) -> Run:
        # Paragraphs as one line each: typer would keep the line breaks of the source in all but the first.
        paragraphs = inspect.cleandoc(run.__doc__ or "").split("\n\n")
        text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        app.command(name, cls=_Command, help=text, epilog=f"Example: {example}")(ungrouped(run))
        return run

    return register


class _Command(TyperCommand):
    """A command that does not take 1_0 for 10, which Python and typer do, on the command line and in a file."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        for param in self.params:
            # Not by the type of a parameter, which differs between the versions of typer.
            param.process_value = partial(_checked, param, param.process_value)  # type: ignore[method-assign]


def _checked(param: Any, process: Callable[[Any, Any], Any], ctx: Any, typed: Any) -> Any:
    value = process(ctx, typed)
    texts, values = ([one] if isinstance(one, str) or not hasattr(one, "__len__") else one for one in (typed, value))
    for text, one in zip(texts, values, strict=False):
        if isinstance(text, str) and type(one) in (int, float):
            try:
                read_float(text)
            except ValueError as error:
                raise typer.BadParameter(str(error), ctx=ctx, param=param) from None
    return value
