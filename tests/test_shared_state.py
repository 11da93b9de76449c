"""What a public function or name gives away can be changed without an effect on the rest of the process."""

from __future__ import annotations

import copy
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence, MutableSet
from typing import Any

import numpy as np
import pytest

import rcspike
from rcspike import Circuit, Network
from rcspike.chips import program
from rcspike.experiments import preset

NAMES = ("mnist", "digits", "sky130", "typical")  # of data sets, processes and device files
OTHERS = ("cli", "plots", "report", "sklearn", "torch")  # whose packages are slow to import, or may be missing


def public_values() -> Iterator[tuple[str, Any]]:
    for module in pkgutil.iter_modules(rcspike.__path__):
        if not module.name.startswith("_") and module.name not in OTHERS:
            imported = importlib.import_module(f"rcspike.{module.name}")
            yield from ((f"{module.name}.{name}", getattr(imported, name)) for name in imported.__all__)


def calls() -> dict[str, tuple[Callable[..., Any], tuple[str, ...]]]:
    """Calls of functions that return a container, by their text: without arguments, or with a name alone."""
    found = {}
    for name, value in public_values():
        if not inspect.isfunction(value) or not str(value.__annotations__.get("return")).startswith(("dict", "list")):
            continue
        required = [p for p in inspect.signature(value).parameters.values() if p.default is p.empty]
        for arguments in [()] if not required else [(one,) for one in NAMES] if len(required) == 1 else []:
            found[f"{name}{arguments}"] = value, arguments
    return found


def is_mutable(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.flags.writeable
    return isinstance(value, MutableMapping | MutableSequence | MutableSet)


def test_public_constants_are_immutable() -> None:
    assert [name for name, value in public_values() if is_mutable(value)] == []


def test_a_result_that_is_changed_changes_no_later_result() -> None:
    checked = []
    for text, (function, arguments) in calls().items():
        try:
            first = function(*arguments)
        except Exception:  # a name of something else
            continue
        expected = copy.deepcopy(first)
        for part in first.values() if isinstance(first, dict) else first:
            if is_mutable(part):
                part.clear()
        first.clear()
        assert function(*arguments) == expected, text
        checked.append(function)
    assert preset in checked


@pytest.mark.parametrize("phases", ["two", "single"])
@pytest.mark.parametrize("dataset", ["mnist", "own.csv"])
def test_a_preset_that_is_changed_changes_no_later_one(
    dataset: str, phases: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text("a,label\n" + "0,0\n1,1\n" * 5)
    before = dict(preset(dataset, phases=phases))
    preset(dataset, phases=phases).clear()
    assert preset(dataset, phases=phases) == before != {}


def test_the_devices_of_a_chip_are_read_only() -> None:
    chip = program(Network([np.eye(2)], Circuit(v_syn=4.0)), seed=0)
    arrays = [value for value in vars(chip.layers[0]).values() if isinstance(value, np.ndarray)]
    assert len(arrays) > 2
    assert not any(map(is_mutable, arrays))
