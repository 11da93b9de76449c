"""Marks of tests that need a program which pip does not install; where it is missing, the test is skipped."""

from __future__ import annotations

import shutil

import pytest

__all__ = ["BROWSER", "COMPILER", "browser", "compiler", "ngspice"]


def first_of(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def needs(found: str | None, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(found is None, reason=f"{what} is not on PATH")


BROWSER = first_of("chromium", "chromium-browser", "google-chrome")
COMPILER = first_of("c++", "g++", "clang++")

browser = needs(BROWSER, "Chromium (apt-get install chromium)")
compiler = needs(COMPILER, "a C++ compiler (apt-get install g++)")
ngspice = needs(first_of("ngspice"), "ngspice (apt-get install ngspice)")
