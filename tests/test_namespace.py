"""What can be reached from `import rcspike`, and what completion with the tabulator shows."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rcspike

# The modules that users import; the files in the folders hold their parts.
MODULES = [module.name for module in pkgutil.iter_modules(rcspike.__path__) if not module.name.startswith("_")]
NEEDED = {"cli": "typer", "sklearn": "sklearn", "torch": "torch"}  # what some of them need
# These are a class and the command line; all others are reached as rcspike.name.
NOT_REACHED = {"circuit", "cli", "row_load"}


def imported(name: str) -> ModuleType:
    pytest.importorskip(NEEDED.get(name, "numpy"))
    return importlib.import_module(f"rcspike.{name}")


def parameters(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.torch] * (name == "torch")) for name in names]


@pytest.mark.parametrize("name", parameters(MODULES))
def test_completion_shows_the_public_names_of_a_module_and_nothing_else(name: str) -> None:
    module = imported(name)
    assert dir(module) == sorted(module.__all__)


def test_completion_of_the_package_shows_its_names_and_modules() -> None:
    there = {name for name in MODULES if name not in NEEDED or importlib.util.find_spec(NEEDED[name])}
    assert set(dir(rcspike)) == {*rcspike.__all__, *(there - NOT_REACHED), "__version__"}


@pytest.mark.parametrize("name", parameters([name for name in MODULES if name not in NOT_REACHED]))
def test_every_module_is_reached_without_an_import(name: str) -> None:
    assert getattr(rcspike, name) is imported(name)


@pytest.mark.process
def test_a_module_is_imported_when_it_is_first_used(tmp_path: Path) -> None:
    code = """
import sys, rcspike
names = ("plots", "spice", "experiments", "chips.chip", "energy.inference_energy")
late = {f"rcspike.{name}" for name in names}
assert not late & set(sys.modules)
dir(rcspike)
assert "rcspike.plots" not in sys.modules
print(rcspike.plots.training_figure.__name__, rcspike.spice.fit.__name__, rcspike.chips.Stuck.__name__)
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == "training_figure fit Stuck\n"


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match=r"module 'rcspike' has no attribute 'plot'$"):
        rcspike.plot  # type: ignore[attr-defined]  # noqa: B018


def test_every_command_is_a_name_of_the_package_or_its_error_says_where_it_is() -> None:
    pytest.importorskip("typer")
    from typer.main import get_command

    from rcspike.cli import app

    for command in get_command(app).commands:  # type: ignore[attr-defined]
        if command in ("info", *dir(rcspike)):  # info: rcspike.build_config
            continue
        with pytest.raises(AttributeError, match=f"what `rcspike {command}` does is ") as error:
            getattr(rcspike, command)
        for name in re.findall(r"rcspike((?:\.\w+)+)", str(error.value)):
            functools.reduce(getattr, name.split(".")[1:], rcspike)


def completed(words: str, folder: Path) -> list[str]:
    """The answers to a shell in this folder that completes the last of these words."""
    count = len(words.split(" ")) - 1
    asked = {"_RCSPIKE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    command = [sys.executable, "-m", "rcspike"]
    environment = {**os.environ, **asked}
    said = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    return said.stdout.split()


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rcspike tr", ["train", "trace"]),
        ("rcspike spice verif", ["verify"]),
        ("rcspike train --ep", ["--epochs"]),
        ("rcspike train fash", ["fashion-mnist"]),
        ("rcspike chips run digits --nonideal ty", ["typical"]),
        ("rcspike train ./da", []),  # and the shell then completes the names of files
    ],
)
def test_a_shell_completes_commands_options_and_names(words: str, expected: list[str], tmp_path: Path) -> None:
    assert completed(words, tmp_path) == expected
