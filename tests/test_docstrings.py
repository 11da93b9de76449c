"""Every example in a docstring runs, and the README's Python does."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import rcspike

README = Path(__file__).parents[1] / "README.md"
MODULES = [importlib.import_module(f"rcspike.{m.name}") for m in pkgutil.iter_modules(rcspike.__path__)]


@pytest.mark.parametrize("module", [rcspike, *MODULES], ids=lambda module: module.__name__)
def test_examples_in_docstrings_give_what_they_say(module: ModuleType) -> None:
    names = {"np": np, **{name: getattr(rcspike, name) for name in rcspike.__all__}}
    outcome = doctest.testmod(module, extraglobs=names, raise_on_error=False)
    assert outcome.failed == 0


@pytest.mark.parametrize("name", rcspike.functional.__all__)
def test_every_public_function_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(rcspike.functional, name).__doc__ or "")


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, str(README), "exec"), {})
    assert capsys.readouterr().out.endswith("%\n")
