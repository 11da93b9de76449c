"""Every example in a docstring runs, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import numpy as np
import pytest

import rcspike
from rcspike import datasets, functional, plots, report

MODULES = [importlib.import_module(m.name) for m in pkgutil.walk_packages(rcspike.__path__, "rcspike.")]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("module", [rcspike, *MODULES], ids=lambda module: module.__name__)
def test_examples_in_docstrings_give_what_they_say(module: ModuleType) -> None:
    names = {"np": np, **{name: getattr(rcspike, name) for name in rcspike.__all__}}
    outcome = doctest.testmod(module, extraglobs=names, raise_on_error=False)
    assert outcome.failed == 0


@pytest.mark.parametrize("module", [rcspike, functional, datasets, plots, report], ids=lambda module: module.__name__)
def test_everything_that_users_call_has_an_example(module: ModuleType) -> None:
    for name in module.__all__:
        described = getattr(module, name)
        assert isinstance(described, ModuleType) or ">>>" in (described.__doc__ or ""), f"{module.__name__}.{name}"
