"""Types reach users: the marker and the stub ship, and the stub says what the compiled module has."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import rcspike
from rcspike import _core

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = Path(rcspike.__file__).parent
STUB = ROOT / "rcspike" / "_core.pyi"

# Names that versions of pybind11 write into signatures, and those of the stub.
TYPES = {
    "numpy.typing.NDArray[numpy.float32]": "_Float",
    "numpy.typing.NDArray[numpy.float64]": "_Float",
    "numpy.typing.NDArray[numpy.int64]": "_Int",
    "Schedule32": "_Schedule",
    "Schedule64": "_Schedule",
    "typing.SupportsInt | typing.SupportsIndex": "int",
    "typing.SupportsFloat | typing.SupportsIndex": "float",
    "typing.SupportsInt": "int",
    "typing.SupportsFloat": "float",
    "collections.abc.Sequence": "Sequence",
    "dict": "_BuildConfig",
    "Dense | FirstSpike | Conv2d | FirstSpike2d": "_Wiring",
}


class Parameter(NamedTuple):
    """One argument of a function: its default is there or not, whatever the value."""

    name: str
    keyword_only: bool
    has_default: bool
    type: str


class Signature(NamedTuple):
    """Arguments without self, and the result."""

    parameters: tuple[Parameter, ...]
    result: str


def signature(function: ast.FunctionDef) -> Signature:
    arguments = function.args
    n_required = len(arguments.args) - len(arguments.defaults)
    found = [(a, False, i >= n_required) for i, a in enumerate(arguments.args)]
    found += [(a, True, d is not None) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return Signature(
        tuple(
            Parameter(a.arg, keyword_only, has_default, ast.unparse(a.annotation) if a.annotation else "")
            for a, keyword_only, has_default in found
            if a.arg not in ("self", "arg0")  # a property has the one or the other
        ),
        ast.unparse(function.returns) if function.returns else "",
    )


def stub_signatures() -> dict[str, Signature]:
    """Of all functions and methods in the stub, 'fire' or 'Trainer32.step'; inherited ones under each class."""
    tree = ast.parse(STUB.read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found = {node.name: signature(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name, node in classes.items():
        bases = [classes[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
        for member in [member for owner in (*bases, node) for member in owner.body]:
            if isinstance(member, ast.FunctionDef) and not name.startswith("_"):
                found[f"{name}.{member.name}"] = signature(member)
    return found


def in_the_words_of_the_stub(line: str) -> str:
    arguments, result = line.replace("rcspike._core.", "").rsplit(" -> ", 1)
    # Any sequence will do where an argument is said to be a list.
    text = re.sub(r"(?<![\w.])list\[", "Sequence[", arguments) + " -> " + result
    for theirs, ours in TYPES.items():
        text = re.sub(rf"(?<![\w.]){re.escape(theirs)}(?!\w)", ours, text)
    return text


def compiled_signatures(name: str) -> list[Signature]:
    """Of each overload, from the docstring that pybind11 generates."""
    *owner, last = name.split(".")
    described = getattr(getattr(_core, owner[0]) if owner else _core, last)
    if isinstance(described, property):
        described, last = described.fget, ""
    found = []
    for line in re.findall(rf"^(?:\d+\. )?{last}(\(.*\) -> .*)$", described.__doc__ or "", re.MULTILINE):
        (function,) = ast.parse(f"def f{in_the_words_of_the_stub(line)}: ...").body
        assert isinstance(function, ast.FunctionDef)
        if not function.args.vararg:  # else it is the summary line of an overloaded function
            found.append(signature(function))
    return found


def test_the_marker_and_the_stub_are_installed() -> None:
    assert (INSTALLED / "py.typed").is_file()
    assert (INSTALLED / "_core.pyi").read_text() == STUB.read_text()


@pytest.mark.parametrize("name", stub_signatures())
def test_the_stub_has_the_arguments_of_the_compiled_function(name: str) -> None:
    compiled = compiled_signatures(name)
    stub = stub_signatures()[name]
    assert compiled, f"pybind11 documents no signature of {name}"
    for overload in compiled:
        assert overload.parameters == stub.parameters
    assert all(result in stub.result for result in {overload.result for overload in compiled})


def test_the_stub_has_every_compiled_name() -> None:
    compiled = {name for name in vars(_core) if not name.startswith("_")}
    stub = stub_signatures()
    for name in [name for name in compiled if inspect.isclass(getattr(_core, name))]:
        compiled |= {f"{name}.{member}" for member in vars(getattr(_core, name)) if not member.startswith("_")}
    missing = {name for name in compiled if name not in stub and not any(f.startswith(f"{name}.") for f in stub)}
    assert not missing


@pytest.mark.long
def test_stubtest_finds_nothing_but_what_pybind11_cannot_help(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    environment = {**os.environ, "MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(tmp_path / "cache")}
    config = ["--mypy-config-file", str(ROOT / "pyproject.toml")]  # what it says of libraries without types
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", *config, "rcspike._core"]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    # Its classes have their own metaclass, and those that Python cannot make have an __init__ that raises an error.
    expected = (
        r"rcspike\._core\.\w+ is inconsistent, metaclass differs",
        r'rcspike\._core\.(Network(Pass)?|Schedule|Trainer)(32|64)\.__init__ is .* have \*args parameter "args"',
        r'rcspike\._core\.((DeviceNetwork|Layer)(32|64)|StepReport)\.__init__ is .* parameter "args"',
    )
    lines = result.stdout.splitlines()
    assert lines, result.stderr
    assert [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in expected)] == []
