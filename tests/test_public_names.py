"""The tests use the public names of the package alone, so that its files can move and its private parts change."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# The compiled module has no public name: tests of it and of its stub import it as it is.
ALLOWED = "rcspike._core"
ALLOWED_USES = {
    # The pages train on MNIST for hours: the test of their commands has a few other images under this name.
    "test_documented_commands.py": {"patches datasets"},
    # A figure takes several times as long as a short training, and most tests of commands look at none. The runner of
    # typer makes all commands anew for each call, and has no public way to be given those that are made.
    "cli_runs.py": {"patches plots", "reaches typer.testing._get_command"},
}
# Public, although they begin with an underscore: the methods of named tuples, and the immediate exit of a process.
NOT_PRIVATE = {"_replace", "_asdict", "_fields", "_exit"}


def is_private(name: str) -> bool:
    return any(part[0] == "_" and not part.endswith("__") for part in name.split(".") if part)


def is_allowed(full: str) -> bool:
    return f"{full}.".startswith(f"{ALLOWED}.")


def dotted(node: ast.AST) -> str:
    """'a.b.c' for such an expression, and '' for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def imported(tree: ast.AST) -> dict[str, str]:
    """The names that a file imports from the package, each with its full name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return {name: full for name, full in names.items() if full.split(".")[0] == "rcspike"}


def of_package(node: ast.AST, names: dict[str, str]) -> bool:
    """Whether an expression is the package, or something that is reached from a name imported from it."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.split(".")[0] == "rcspike"
    return dotted(node).split(".")[0] in names


def patched_by(node: ast.AST) -> ast.AST | None:
    """The object whose attribute a call of setattr, delattr or patch replaces; None for anything else."""
    names = ("setattr", "delattr", "patch")
    is_patch = isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in names
    return node.args[0] if is_patch and node.args else None


def programs(tree: ast.AST) -> list[ast.AST]:
    """Strings that are Python code which imports the package, such as a test runs in another process."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import" in node.value:
            try:
                found.append(ast.parse(node.value))
            except (SyntaxError, ValueError):
                continue
    return found


def violations(tree: ast.AST) -> list[str]:
    """Uses of private names and patches of the package, as 'line: what'; lines in strings count from their start."""
    names = imported(tree)
    found = [(0, f"imports {full}") for full in names.values() if is_private(full) and not is_allowed(full)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in NOT_PRIVATE:
            full = names.get(dotted(node.value).split(".")[0], "") + f".{node.attr}"
            if dotted(node.value) not in ("self", "cls") and not is_allowed(full):
                found.append((node.lineno, f"reaches {dotted(node) or node.attr}"))
        is_target = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
        if is_target and of_package(node, names):
            found.append((node.lineno, f"assigns to {dotted(node)}"))
        patched = patched_by(node)
        if patched is not None and of_package(patched, names):
            found.append((node.lineno, f"patches {ast.unparse(patched)}"))
    inner = [violation for program in programs(tree) for violation in violations(program)]
    return [f"{line}: {what}" for line, what in sorted(found)] + inner


@pytest.mark.parametrize(
    "file", sorted({*TESTS.rglob("*.py")} - {Path(__file__)}), ids=lambda file: str(file.relative_to(TESTS))
)
def test_a_test_uses_public_names_and_patches_nothing_of_the_package(file: Path) -> None:
    allowed = ALLOWED_USES.get(file.name, set())
    found = [
        one for one in violations(ast.parse(file.read_text(encoding="utf-8"))) if one.split(": ")[1] not in allowed
    ]
    assert not found, "\n".join(f"{file.name}:{one}" for one in found)


@pytest.mark.parametrize(
    "source",
    [
        "from rcspike.chips._exports import Chip",
        "from rcspike.training import training\ntraining._shifts()",
        "import rcspike\nrcspike.energy._exports",
        "network._weights",
        "from rcspike import plots\nmonkeypatch.setattr(plots, 'save_figure', None)",
        "from rcspike import Network\nmonkeypatch.setattr(Network, 'predict', None)",
        "from rcspike import _core\nmonkeypatch.setattr(_core, 'trainer', None)",
        "with monkeypatch.context() as patched:\n    patched.setattr('rcspike.training.train', None)",
        "mock.patch('rcspike.training.train')",
        "from rcspike import Network\nNetwork.predict = None",
        "KILLED = '''\nfrom rcspike._common.arrays import check_array\n'''",
    ],
)
def test_private_names_and_patches_are_really_found(source: str) -> None:
    assert violations(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "from rcspike import _core\n_core.trainer(network.weights)",
        "import rcspike\nrcspike._core.build_config()",
        "import os\nmonkeypatch.setattr(os, 'replace', None)\nos._exit(0)",
        "from rcspike import __version__",
        "class Parser:\n    def feed(self):\n        self._cell = True",
    ],
)
def test_public_names_and_patches_of_other_packages_are_left_alone(source: str) -> None:
    assert not violations(ast.parse(source))
