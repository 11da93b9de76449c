"""Every example in a docstring runs, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rcspike

REFERENCES = [f"references.{path.stem}" for path in Path(__file__).with_name("references").glob("*.py")]
PUBLIC = ["rcspike", "rcspike.functional", "rcspike.datasets", "rcspike.plots", "rcspike.report", "rcspike.torch"]


def names_below(package: str) -> list[str]:
    """Modules of a package, without importing those that need PyTorch."""
    found = pkgutil.iter_modules([str(Path(rcspike.__path__[0], *package.split(".")[1:]))], f"{package}.")
    return [name for m in found for name in (m.name, *(names_below(m.name) if m.ispkg else []))]


def parameters(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.torch] * name.startswith("rcspike.torch")) for name in names]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", parameters(["rcspike", *names_below("rcspike"), *REFERENCES]))
def test_examples_in_docstrings_give_what_they_say(name: str) -> None:
    module = importlib.import_module(name)
    names = {"np": np, **{name: getattr(rcspike, name) for name in rcspike.__all__}}
    names |= vars(module)
    outcome = doctest.testmod(module, extraglobs=names, raise_on_error=False)
    assert outcome.failed == 0


@pytest.mark.parametrize("unit", parameters(PUBLIC))
def test_everything_that_users_call_has_an_example(unit: str) -> None:
    module = importlib.import_module(unit)
    for name in module.__all__:
        described = getattr(module, name)
        assert isinstance(described, ModuleType) or ">>>" in (described.__doc__ or ""), f"{module.__name__}.{name}"
