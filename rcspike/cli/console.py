"""What commands print to: the console, progress bars, and numbers in per cent."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

__all__ = ["bars", "console", "percent"]


def console() -> Console:
    """Standard output that prints text unchanged: no markup, emoji codes, coloured numbers or added line breaks."""
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


def bars(console: Console, *more: ProgressColumn) -> Bars:
    """Progress bars with a count, below the printed lines; shown only on a terminal."""
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        *more,
        TimeRemainingColumn(),
        console=console,
        expand=True,
        transient=True,
        disable=not console.file.isatty() or console.is_dumb_terminal,
    )


def percent(share: float) -> str:
    """A share in per cent, to two digits."""
    return f"{100 * share:.2f} %"
