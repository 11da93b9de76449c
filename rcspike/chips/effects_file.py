"""Files that list devices and effects: TOML, one table for each."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, TypeVar

from rcspike._common.name_checks import did_you_mean
from rcspike._common.readers import naming, read_toml
from rcspike.chips.device_range import Devices
from rcspike.chips.effects.base_classes import Effect
from rcspike.chips.effects.programming_error import Measured
from rcspike.chips.effects.registry import EFFECTS

_FOLDER = Path(__file__).parent / "presets"

Made = TypeVar("Made")


def preset_names() -> list[str]:
    """Names of the device files that come with rcspike.

    Examples
    --------
    >>> preset_names()
    ['pcm', 'rram', 'typical']
    """
    return sorted(file.stem for file in _FOLDER.glob("*.toml"))


def preset_text(name: str) -> str:
    """Text of the device file of this name: TOML with the source of each number, to start a file of one's own from.

    A ValueError if no device file has this name.

    Examples
    --------
    >>> "[comparator_offset]" in preset_text("typical")
    True
    """
    if name not in preset_names():
        known = preset_names()
        raise ValueError(f"no device file is called {name!r}: there are {', '.join(known)}{did_you_mean(name, known)}")
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def load(path: str | os.PathLike[str]) -> tuple[tuple[Effect, ...], Devices]:
    """Read effects and devices from a TOML file, or those of a preset by its name.

    A table ``[devices]`` has the parameters of `rcspike.chips.Devices`; every other one is an effect by its name, in
    the order in which they are applied. ``[measured]`` may have a ``file`` instead of the three columns: a CSV, from
    the folder of the TOML file. An OSError if it cannot be read; a ValueError if it is not a TOML file, longer than 256
    KiB, nested too deeply, has more than 10 dots on a line that are not decimal points, or has a name or a value that
    rcspike does not know.

    Parameters
    ----------
    path : path
        Or one of `preset_names`; a file of that name needs a path such as ``./rram``.

    Returns
    -------
    effects : tuple of Effect
    devices : Devices

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "devices.toml")
    ...     _ = file.write_text("[devices]\\non_off = 50\\n[variation]\\nsigma = 0.2\\n[jitter]\\n")
    ...     load(file)
    ((Variation(sigma=0.2, kind='lognormal'), Jitter(sigma=0.01)), Devices(on_off=50.0, w_max=None))
    """
    path = _FOLDER / f"{path}.toml" if os.fspath(path) in preset_names() else Path(path)
    try:
        tables = read_toml(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"there is no device file {path}: give the path of a TOML file, or one of {', '.join(preset_names())}"
            f"{did_you_mean(str(path), preset_names())}"
        ) from error
    for name, table in tables.items():
        if name not in EFFECTS and name != "devices":
            raise ValueError(
                f"{path} has {name!r}; known are devices, {', '.join(EFFECTS)}{did_you_mean(name, EFFECTS)}"
            )
        if not isinstance(table, dict):
            raise ValueError(f"{path}: {name} must be a table such as [{name}], got {table!r}")
    devices = _make(path, "devices", Devices, tables.pop("devices", {}))
    return tuple(_effect(path, name, table) for name, table in tables.items()), devices


def _effect(path: Path, name: str, table: dict[str, Any]) -> Effect:
    if name == "measured" and "file" in table:
        rest = {field: value for field, value in table.items() if field != "file"}
        if not set(rest) <= {"scale"}:
            raise ValueError(f"{path}: [measured] with a file can only have scale in addition, got {', '.join(rest)}")
        if not isinstance(table["file"], str):
            raise ValueError(f"{path}: [measured] file must be the name of a CSV file, got {table['file']!r}")
        measured = Measured.from_csv(path.parent / table["file"])
        with naming(path):
            return dataclasses.replace(measured, **rest)
    return _make(path, name, EFFECTS[name], table)


def _make(path: Path, name: str, kind: type[Made], table: dict[str, Any]) -> Made:
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for field in table:
        if field not in fields:
            raise ValueError(
                f"{path}: [{name}] has {field!r}; it may have {', '.join(fields)}{did_you_mean(field, fields)}"
            )
    missing = [f.name for f in fields.values() if f.default is dataclasses.MISSING and f.name not in table]
    if missing:
        raise ValueError(f"{path}: [{name}] needs {', '.join(missing)}")
    values = {field: tuple(value) if isinstance(value, list) else value for field, value in table.items()}
    with naming(path):
        return kind(**values)
