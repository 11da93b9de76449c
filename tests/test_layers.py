"""The folder is the dependency rule: an import goes only downwards, and the C++ library knows no Python."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "rcspike"
CPP = ROOT / "src" / "cpp"

# Every module of the package has a place here; one that is a folder counts as a whole. From the bottom to the top: an
# import goes to a lower rank, or to the same one if no module there is reached from itself.
RANKS = [
    ["_arrays", "_core", "_files", "_identity", "_locks", "_numbers", "_readers", "_sdk", "circuit"],
    ["_tensors", "functional"],
    ["_idx", "initialisation", "datasets", "device_model", "device_network", "network", "physical", "energy"],
    ["devices", "nonideal", "_equivalent", "chips", "finetune", "device_training"],
    ["history", "checkpoint", "training"],
    ["__init__"],  # so that `import rcspike` brings in nothing of what follows, nor what that needs
    ["executors", "presets", "relu", "transfer", "experiment", "spice", "shockley", "sweep", "tables", "chip_study"],
    ["plots", "report", "sklearn"],
    ["cli", "__main__"],
]
RANK = {module: rank for rank, modules in enumerate(RANKS) for module in modules}


def module_of(path: Path) -> str:
    """The first name below the package: 'network' for rcspike/network.py, 'adapters' for rcspike/adapters/torch.py."""
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


def imports() -> dict[str, set[str]]:
    """For each module of the package those of it that it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        package = ["rcspike", *path.relative_to(PACKAGE).parent.parts]
        module = module_of(path)
        targets = found.setdefault(module, set())
        for name in imported_names(ast.parse(path.read_text(), str(path)), package):
            first, *rest = name.split(".")
            if first == "rcspike":
                # What is no module of ours is a name that the package itself exports.
                is_module = rest and (
                    rest[0] in RANK or (PACKAGE / f"{rest[0]}.py").exists() or (PACKAGE / rest[0]).is_dir()
                )
                targets.add(rest[0] if is_module else "__init__")
        targets.discard(module)
    return found


def includes(*folders: str) -> list[tuple[str, str]]:
    """(file, what it includes) with brackets or quotes, of all C++ files below these folders."""
    return [
        (str(path.relative_to(ROOT)), included)
        for folder in folders
        for path in sorted((CPP / folder).rglob("*"))
        if path.suffix in {".h", ".hpp", ".cpp", ".cc", ".inc"}
        for included in re.findall(r'^\s*#\s*include\s*([<"][^>"]+[>"])', path.read_text(), re.MULTILINE)
    ]


def test_every_module_has_a_rank() -> None:
    unknown = sorted(set(imports()) - set(RANK))
    assert not unknown, f"give {', '.join(unknown)} a place in RANKS in tests/test_layers.py"


def test_imports_go_only_downwards() -> None:
    upwards = [
        f"{module} (rank {RANK[module]}) imports {target} (rank {RANK[target]})"
        for module, targets in imports().items()
        for target in sorted(targets)
        if module in RANK and target in RANK and RANK[target] > RANK[module]
    ]
    assert not upwards, "; ".join(upwards)


def test_no_module_is_reached_from_itself() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(error.args[1])}")


def test_the_imports_are_really_found() -> None:
    found = imports()
    assert {"_core", "circuit"} <= found["functional"]
    assert "functional" in found["network"]
    assert "network" in found["__init__"]


def test_relative_and_nested_imports_count_too() -> None:
    source = "def f():\n    from . import circuit\n    from .network import Network\n    import rcspike.training as t\n"
    expected = {"rcspike.circuit", "rcspike.network.Network", "rcspike.training"}
    assert imported_names(ast.parse(source), ["rcspike"]) == expected
    above = ast.parse("from ..datasets import load")
    assert imported_names(above, ["rcspike", "adapters"]) == {"rcspike.datasets.load"}


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
        allowed = r'<[a-z_]+>|<pybind11/[a-z0-9_/]+\.h>|"rcspike/[a-z_]+\.h"|"arrays\.h"'
        assert re.fullmatch(allowed, name), f"{file} includes {name}"


def test_the_includes_are_really_found() -> None:
    assert ("src/cpp/bindings/charge.cpp", '"rcspike/charge.h"') in includes("bindings")
    assert ("src/cpp/include/rcspike/charge.h", '"rcspike/schedule.h"') in includes("include")
    assert any(name == '"layer.h"' for _, name in includes("core"))
