"""What the start of the package and of the program imports, and the list of commands, which imports none of them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rcspike

# What takes longer to import than NumPy, and modules that bring it in or compute.
HEAVY = {"asyncio", "h5py", "jinja2", "matplotlib", "multiprocessing", "nir", "pooch", "scipy", "sklearn", "torch"}
HEAVY |= {f"rcspike.{name}" for name in ("spice", "report", "experiments.sweep", "plots.figure_style")}

PROGRAM = """
import runpy, sys
try:
    runpy.run_module("rcspike", run_name="__main__", alter_sys=True)
finally:
    print(*sys.modules, file=sys.stderr)
"""


def imported_by_program(*words: str, code: int, cwd: Path) -> set[str]:
    """The modules that a command has imported when it ends with this exit code."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return set(ran.stderr.splitlines()[-1].split())


def imported_by(code: str, cwd: Path) -> set[str]:
    command = [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"]
    return set(subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout.split())


# The package


def test_importing_the_package_imports_the_engine_alone(tmp_path: Path) -> None:
    imported = imported_by("import rcspike", tmp_path)
    assert {name for name in imported if name.startswith("rcspike.")} == {"rcspike._core"}
    assert "numpy" not in imported


def test_a_name_of_the_package_imports_what_it_needs(tmp_path: Path) -> None:
    imported = imported_by("from rcspike import Network", tmp_path)
    assert "rcspike.network" in imported
    assert not imported & {*HEAVY, "rcspike.chips", "rcspike.energy", "rcspike.training"}


def test_type_checkers_see_the_names_that_are_imported_late() -> None:
    tree = ast.parse(Path(rcspike.__file__).read_text(encoding="utf-8"))
    origins = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
    }
    assert set(dir(rcspike)) - {"__version__"} <= set(origins)
    for name in rcspike.__all__:
        origin = importlib.import_module(origins[name])
        assert getattr(rcspike, name) is getattr(origin, name)


# The program


def test_the_list_of_commands_has_each_with_the_first_paragraph_of_its_help() -> None:
    pytest.importorskip("typer")
    from typer.main import get_command

    from rcspike.cli import app, commands

    listed: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    assert set(listed) == {module.name for module in pkgutil.iter_modules(commands.__path__)}
    for name, command in listed.items():
        loaded: Any = get_command(importlib.import_module(f"rcspike.cli.commands.{name}").app)
        assert command.help == loaded.help.split("\n\n")[0], name


@pytest.mark.parametrize(("words", "code"), [("--help", 0), ("trian", 2)])
def test_help_and_errors_without_a_command_import_neither_commands_nor_numpy(
    words: str, code: int, tmp_path: Path
) -> None:
    pytest.importorskip("typer")
    imported = imported_by_program(*words.split(), code=code, cwd=tmp_path)
    assert "rcspike.cli" in imported
    assert not [name for name in imported if name.startswith("rcspike.cli.")]
    assert not imported & {*HEAVY, "numpy"}


@pytest.mark.parametrize(("words", "code"), [("info", 0), ("eval --nix", 2), ("eval missing digits", 2)])
def test_info_and_errors_of_a_command_import_nothing_heavier_than_numpy(words: str, code: int, tmp_path: Path) -> None:
    pytest.importorskip("typer")
    imported = imported_by_program(*words.split(), code=code, cwd=tmp_path)
    assert [name for name in imported if name.startswith("rcspike.cli.commands.")] == [
        f"rcspike.cli.commands.{words.split()[0]}"
    ]
    assert not imported & HEAVY


def test_an_unknown_command_is_named_and_those_within_a_command_are_listed() -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from rcspike.cli import app

    assert "No such command 'trian'" in CliRunner().invoke(app, ["trian"]).output
    assert "verilog-a" in CliRunner().invoke(app, ["spice", "--help"]).output
    assert "No such command 'fti'" in CliRunner().invoke(app, ["spice", "fti"]).output
