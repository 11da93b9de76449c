"""The template of all pages, filled: one file that refers to nothing outside itself.

Jinja2 is imported inside the function, so that the package does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from rcspike._common.extras import missing_extra
from rcspike._core import build_config
from rcspike.report.interactive import InteractivePage

__all__ = ["rendered_page"]


def rendered_page(
    *,
    title: str,
    heading: str,
    numbers: Sequence[tuple[str, str]],
    sections: Sequence[Any],
    records: Sequence[Any],
    note: str,
    interactive: InteractivePage | None = None,
) -> str:
    """A page of the most important numbers, sections of figures and tables, and records of commands.

    Parameters
    ----------
    numbers : sequence
        Names and values.
    sections : sequence
        Each with a ``heading``, ``figures`` and ``tables`` of `rcspike.report.page_parts`.
    records : sequence
        Each with a ``name``, a ``command`` and ``groups`` of facts.
    note : str
        At the foot of the page, after the version of rcspike.
    interactive : InteractivePage, optional
        In a frame above the sections; its script is the only one that the page lets run.

    Raises
    ------
    ImportError
        If Jinja2 is missing.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise missing_extra("reports need Jinja2", "cli") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("rcspike.report").joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        title=title,
        heading=heading,
        numbers=numbers,
        sections=sections,
        records=records,
        note=note,
        interactive=interactive,
        version=build_config()["version"],
    )
