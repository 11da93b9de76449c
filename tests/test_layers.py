"""The folder is the dependency rule: an import goes only downwards, and the C++ library knows no Python."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "rcspike"
CPP = ROOT / "src" / "cpp"

# Every unit of the package, a folder or a file at its top, has a place here, from the bottom to the top: an import goes
# to a lower rank, or to the same one if no unit there is reached from itself. Files of a unit import without circles.
RANKS = [
    ["_common", "_core", "row_load", "circuit"],
    ["functional"],
    ["neurons", "datasets"],
    ["network"],
    ["chips", "energy"],
    ["training"],
    ["experiments", "spice", "sklearn", "torch"],
    ["plots", "report"],
    ["cli", "__init__", "__main__"],
]
RANK = {unit: rank for rank, units in enumerate(RANKS) for unit in units}


def unit_of(path: Path) -> str:
    """The first name below the package: 'network' for rcspike/network/wiring.py, 'circuit' for rcspike/circuit.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(tree: ast.AST, package: list[str]) -> set[str]:
    """Full names of all that is imported, wherever in the file; `from a import b` counts as a.b."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def is_module(name: str) -> bool:
    """Whether a full name such as rcspike.network.wiring is a module or folder, and not a name that one exports."""
    path = ROOT / Path(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists() or name == "rcspike._core"


@cache
def imports_of(path: Path) -> set[str]:
    """Full names of the modules of the package that a file imports; a name stands for the module that exports it."""
    package = ["rcspike", *path.relative_to(PACKAGE).parent.parts]
    names = {name for name in imported_names(ast.parse(path.read_text(), str(path)), package) if name[:7] == "rcspike"}
    return {name if is_module(name) else name.rpartition(".")[0] for name in names}


def imports() -> dict[str, set[str]]:
    """For each unit of the package the units that it imports; 'rcspike' itself counts as '__init__'."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        targets = {[*name.split("."), "__init__"][1] for name in imports_of(path)}
        found.setdefault(unit_of(path), set()).update(targets - {unit_of(path)})
    return found


def imports_within(unit: str) -> dict[str, set[str]]:
    """For each file of a unit and its folders, but __init__, the modules of the unit that it imports."""
    prefix = f"rcspike.{unit}"
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): {
            name for name in imports_of(path) if f"{name}.".startswith(f"{prefix}.")
        }
        for path in (PACKAGE / unit).rglob("*.py")
        if path.stem != "__init__"
    }


def includes(*folders: str) -> list[tuple[str, str]]:
    """(file, what it includes) with brackets or quotes, of all C++ files below these folders."""
    return [
        (str(path.relative_to(ROOT)), included)
        for folder in folders
        for path in sorted((CPP / folder).rglob("*"))
        if path.suffix in {".h", ".hpp", ".cpp", ".cc", ".inc"}
        for included in re.findall(r'^\s*#\s*include\s*([<"][^>"]+[>"])', path.read_text(), re.MULTILINE)
    ]


def test_every_unit_has_a_rank() -> None:
    unknown = sorted(set(imports()) - set(RANK))
    assert not unknown, f"give {', '.join(unknown)} a place in RANKS in tests/test_layers.py"
    assert not set(RANK) - set(imports()) - {"_core"}


def test_imports_go_only_downwards() -> None:
    upwards = [
        f"{unit} (rank {RANK[unit]}) imports {target} (rank {RANK[target]})"
        for unit, targets in imports().items()
        for target in sorted(targets)
        if unit in RANK and target in RANK and RANK[target] > RANK[unit]
    ]
    assert not upwards, "; ".join(upwards)


def test_no_unit_is_reached_from_itself() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(f"units import each other in a circle: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("unit", [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()])
def test_files_of_a_unit_import_each_other_without_circles(unit: str) -> None:
    graph = imports_within(unit)
    through_the_package = sorted(name for name, targets in graph.items() if f"rcspike.{unit}" in targets)
    assert not through_the_package, "import from the file itself inside its unit"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"files import each other in a circle: {' <- '.join(error.args[1])}")


def test_the_imports_are_really_found() -> None:
    found = imports()
    assert {"_core", "circuit"} <= found["functional"]
    assert "functional" in found["network"]
    assert "network" in found["__init__"]
    assert "rcspike.chips.chip" in imports_within("chips")["rcspike.chips.chip_calibration"]


def test_the_library_knows_no_python() -> None:
    python = [
        (file, name) for file, name in includes("include", "core") if re.search(r"python|pybind11|numpy", name, re.I)
    ]
    assert not python


def test_public_headers_use_the_standard_library_and_each_other_alone() -> None:
    for file, name in includes("include"):
        assert re.fullmatch(r'<[a-z_]+>|"rcspike/[a-z_]+\.h"', name), f"{file} includes {name}"
        assert name[0] == "<" or (CPP / "include" / name[1:-1]).exists(), f"{file} includes {name}, which is not there"


def test_bindings_use_only_the_public_headers() -> None:
    for file, name in includes("bindings"):
        allowed = (
            r'<[a-z_]+>|<pybind11/[a-z0-9_/]+\.h>|"rcspike/[a-z_]+\.h"|"(arrays|synapses)\.h"'  # the last are their own
        )
        assert re.fullmatch(allowed, name), f"{file} includes {name}"


def test_the_includes_are_really_found() -> None:
    assert ("src/cpp/bindings/charge.cpp", '"rcspike/charge.h"') in includes("bindings")
    assert ("src/cpp/include/rcspike/charge.h", '"rcspike/schedule.h"') in includes("include")
    assert any(name == '"layer/layer.h"' for _, name in includes("core"))
