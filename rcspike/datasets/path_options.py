"""A path with options after commas, as a user types it: ``wine.csv,label=cultivar,test=0.25``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcspike._common.name_checks import did_you_mean
from rcspike._common.numbers import read_float, read_int
from rcspike.datasets.feature_scaling import MISSING_NAMES, SCALINGS, MissingName, ScalingName
from rcspike.datasets.image_arrays import CHANNELS, ChannelsName
from rcspike.datasets.table_cells import DECIMALS, DecimalName
from rcspike.datasets.table_options import TableOptions

# Options that a network is trained with, and that nobody can choose for it afterwards.
OF_TRAINING = (
    "scaling", "complement", "drop", "missing", "onehot", "ordered", "resize", "grey", "channels", "window"
)  # fmt: skip
# Those of them that `inputs.json` has by name, since neither the scaling nor the columns of a table imply them.
OF_SAMPLES = ("x", "missing", "resize", "grey", "channels", "window")

_FLAGS = {"yes": True, "no": False}


@dataclass(frozen=True)
class OwnFiles:
    """Files of a user, and how they are read; None where the default holds."""

    path: Path
    test: float = 0.2  # fraction of the samples to test on, if the files do not have a test split
    seed: int = 0  # of that split
    scaling: ScalingName | None = None  # as in `Dataset.from_arrays`,
    complement: bool | None = None
    missing: MissingName | None = None
    label: str | None = None  # column of the classes of a table
    drop: str | None = None  # columns that are left out, separated by commas,
    onehot: str | None = None  # those of words without an order,
    ordered: str | None = None  # and those of words with one, as "size:small:large"
    decimal: DecimalName | None = None
    x: str | None = None  # names of the arrays in an archive
    y: str | None = None
    channels: ChannelsName | None = None  # axis of the channels of its images, "first" or "last"
    window: int | None = None  # samples of a series that make one sample of the network
    resize: str | None = None  # height x width of all images of a folder
    grey: bool | None = None
    typed: tuple[str, ...] = ()  # names of the options that the text has

    @classmethod
    def of(cls, text: str) -> OwnFiles:
        """The source that a text describes; a ValueError if it has an unknown option or value."""
        path, options = _parts(text)
        values = {name: _value(name, value, text) for name, value in options}
        return cls(Path(path).expanduser(), **values, typed=tuple(values))

    @property
    def name(self) -> str:
        """Name of the data set: that of the file without its suffix, of letters, digits, dots and lines."""
        path = self.path.resolve()
        return re.sub(r"[^\w.-]+", "-", path.name if path.is_dir() else path.stem).strip("-.") or "data"

    @property
    def table(self) -> TableOptions:
        """Those that say what the columns of a table are."""
        orders = [part.split(":") for part in _list(self.ordered)]
        return TableOptions(
            label=self.label,
            drop=_list(self.drop),
            onehot=_list(self.onehot),
            ordered={name: tuple(words) for name, *words in orders},
            missing=self.missing or "error",
            decimal=self.decimal,
        )

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of `resize`."""
        return None if self.resize is None else _size(self.resize)

    def check_options(self, kind: str, names: Sequence[str]) -> None:
        """Raise a ValueError if an option was typed that files of this kind do not have."""
        for name in self.typed:
            if name not in names:
                there = f"there can be {', '.join(names)}" if names else "there is none"
                raise ValueError(f"{self.path} is {kind}, for which there is no option {name}: {there}")

    def with_defaults(self, options: Mapping[str, Any]) -> OwnFiles:
        """With the values of these options where none was given."""
        return dataclasses.replace(self, **{name: v for name, v in options.items() if getattr(self, name) is None})


def typed_options(text: str) -> dict[str, Any]:
    """Values of the options that follow a path.

    Examples
    --------
    >>> typed_options("wine.csv,seed=3,drop=id,date")
    {'seed': 3, 'drop': 'id,date'}
    """
    return {name: _value(name, value, text) for name, value in _parts(text)[1]}


def checked_samples(options: Any) -> dict[str, Any]:
    """Options of `OF_SAMPLES` that a file has; a ValueError if one cannot be typed."""
    for name, value in options.items():
        if name not in OF_SAMPLES or _value(name, {True: "yes", False: "no"}.get(value, str(value)), name) != value:
            raise ValueError(f"its option {name!r} is {value!r}"[:200])
    return dict(options)


def data_name(text: str) -> str:
    """Short name of a data set, for folders, reports and figures: `text` itself if it is not a path.

    Examples
    --------
    >>> data_name("mnist"), data_name("tables/wine.csv,label=cultivar")
    ('mnist', 'wine')
    """
    return text if re.fullmatch(r"[\w-]+", text) and not Path(text).exists() else OwnFiles.of(text).name


def _parts(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The path, and names and values of the options; a path may have commas if there is a file of that name.

    What follows a comma and is no option belongs to the list before it: ``drop=id,date`` are two columns.
    """
    parts = text.split(",")
    paths = [",".join(parts[:n]) for n in range(len(parts), 0, -1)]
    path = next((path for path in paths if Path(path).expanduser().exists()), parts[0])
    options: list[tuple[str, str]] = []
    for part in parts[1 + path.count(",") :]:
        name, equals, value = part.partition("=")
        if not equals and options and options[-1][0] in _LISTS:
            options[-1] = (options[-1][0], f"{options[-1][1]},{part}")
        else:
            options.append((name, value))
    return path, options


def _list(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(text.split(","))


def _size(text: str) -> tuple[int, int]:
    height, times, width = text.partition("x")
    size = read_int(height), read_int(width)
    if not times or min(size) < 1 or f"{size[0]}x{size[1]}" != text:
        raise ValueError(text)
    return size


def _checked(value: Any, is_valid: bool) -> Any:
    if not is_valid:
        raise ValueError(value)
    return value


def _one_of(names: Sequence[str]) -> tuple[Callable[[str], Any], str]:
    return lambda value: _checked(value, value in names), f"one of {', '.join(names)}"


_NAME = (lambda value: _checked(value, value != ""), "a name")
_COLUMNS = (lambda value: _checked(value, all(value.split(","))), "names of columns, separated by commas")
_ORDERS = (
    lambda value: _checked(value, all(part.count(":") > 1 and all(part.split(":")) for part in value.split(","))),
    "a column and its words in their order, as size:small:medium:large",
)
_FLAG = (_FLAGS.__getitem__, "yes or no")
# What makes a value of the text of an option, and what the text must be.
_OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "label": (_NAME[0], "the name of a column"),
    "test": (read_float, "a fraction"),
    "seed": (lambda value: _checked(read_int(value), read_int(value) >= 0), "a whole number from 0"),
    "scaling": _one_of(SCALINGS),
    "complement": _FLAG,
    "missing": _one_of(MISSING_NAMES),
    "drop": _COLUMNS,
    "onehot": _COLUMNS,
    "ordered": _ORDERS,
    "decimal": _one_of(DECIMALS),
    "x": _NAME,
    "y": _NAME,
    "channels": _one_of(CHANNELS),
    "window": (lambda value: _checked(read_int(value), read_int(value) >= 1), "a number of samples from 1"),
    "resize": (lambda value: _checked(value, bool(_size(value))), "height x width in pixels, as 32x32"),
    "grey": _FLAG,
}
_LISTS = ("drop", "onehot", "ordered")


def _value(name: str, value: str, text: str) -> Any:
    if name not in _OPTIONS:
        hint = did_you_mean(name, _OPTIONS)
        raise ValueError(
            f"{text!r} has the option {name!r}: after a path there can be {', '.join(_OPTIONS)}, as ,seed=1{hint}"
        )
    read, expected = _OPTIONS[name]
    try:
        return read(value)
    except (KeyError, ValueError):
        raise ValueError(f"{text!r}: {name} must be {expected}, got {value!r}") from None
