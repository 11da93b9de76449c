"""What to design: requirements, what is minimised, and which parameters of a circuit are free."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

from rcspike import datasets
from rcspike._common.identity import plain
from rcspike._common.name_checks import did_you_mean
from rcspike._common.numbers import check_count, number, read_float, read_int
from rcspike._core import build_config
from rcspike.energy import HOLDS, Hold, Process, load_process
from rcspike.experiments.default_settings import preset
from rcspike.experiments.designed_circuit import CORNERS, Design
from rcspike.experiments.hidden_layers import check_hidden

Objective: TypeAlias = Literal["energy", "area", "errors"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
USUAL_OBJECTIVES: tuple[Objective, ...] = ("energy", "area")

_MAX_CHOICES = 100


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, each as likely as another by its logarithm; whole ones if both ends are written so."""

    low: float
    high: float
    whole: bool = False


Choice: TypeAlias = Range | tuple[Any, ...]


def read_choice(name: str, text: str) -> Choice:
    """The values that a free parameter may have: ``low..high``, or a list of values, of which one fixes it.

    Raises
    ------
    ValueError
        If the text is neither, or the parameter does not take such values.

    Examples
    --------
    >>> read_choice("v_syn", "0.8..2"), read_choice("bits", "0,3,5"), read_choice("hidden", "50..200")
    (Range(low=0.8, high=2.0, whole=False), (0, 3, 5), Range(low=50.0, high=200.0, whole=True))
    """
    low, dots, high = text.partition("..")
    if name == "hidden" and not dots:
        return tuple(part.strip() for part in text.split(","))
    read = read_int if name in ("hidden", "bits") else read_float
    try:
        values: list[Any] = [read(part) for part in ((low, high) if dots else text.split(","))]
    except ValueError:
        raise ValueError(
            f"{name} takes a range such as 0.5..2, or values separated by commas, of type {read.__name__[5:]}, "
            f"got {text!r}"
        ) from None
    if not dots:
        return tuple(values)
    if not 0 < values[0] < values[1] < math.inf:
        raise ValueError(f"{name} must be a range low..high with 0 < low < high, got {text}")
    if name == "bits":
        raise ValueError(f"bits must be a list of whole numbers, such as 0,3,5, got the range {text}")
    return Range(float(values[0]), float(values[1]), whole=read is read_int)


@dataclass(frozen=True, kw_only=True)
class Specification:
    """Requirements of a circuit, and the designs among which it is searched.

    Parameters
    ----------
    dataset : str
        Name of a data set or path of one's own, as in `rcspike.datasets.load`.
    accuracy : float
        Fraction of new samples that a chip must classify correctly.
    chip_yield : float
        Fraction of the chips that must have this accuracy.
    confidence : float
        Probability with which this must be so, seen the chips and samples that were tested.
    process : Process
        Supplies, parasitics and devices.
    hold : {"rails", "threshold"}
        As in `rcspike.energy.operating_point`.
    area_mm2, latency_us, supply_v : float
        Largest area of the chip, time of an inference and voltage of the supply.
    rate_khz : float
        Fewest inferences in a millisecond.
    corners : tuple of str
        Corner and temperature of the chips, such as ``"fs 85"``; a search has the first one, and measurements all.
    minimise : tuple of {"energy", "area", "errors"}
        Errors are those that enough chips may have: what the lower confidence limit of their accuracy leaves. Where
        they are minimised, the front tells what each accuracy above the required one costs.
    free : mapping
        For each free parameter, by its name in `Design`, the text that `read_choice` reads; others have the value of
        the process or their default.
    epochs : int
        Of a full training; as many as usual for the data set by default. The training on the devices of the process
        that follows it has half of them.
    chips : int
        Chips of each measured design.
    seeds : int
        Trainings of each measured design; every one of them must meet the requirements.
    seed : int

    Raises
    ------
    TypeError, ValueError, OSError
        If an entry is unknown or out of its range, the process cannot be read, or there is no such data set.

    Examples
    --------
    >>> Specification(dataset="digits", accuracy=0.9, free={"v_syn": "0.8..2"}).choices
    {'v_syn': Range(low=0.8, high=2.0, whole=False)}
    >>> Specification(dataset="digits", accuracy=97.5)
    Traceback (most recent call last):
    ...
    ValueError: accuracy must be a fraction above 0 and below 1, got 97.5; per cent are not taken
    """

    dataset: str
    accuracy: float
    chip_yield: float = 0.95
    confidence: float = 0.95
    process: Process = field(default_factory=lambda: load_process("sky130-poly"))
    hold: Hold = "rails"
    area_mm2: float = math.inf
    latency_us: float = math.inf
    rate_khz: float = 0.0
    supply_v: float = math.inf
    corners: tuple[str, ...] = ("tt 27",)
    minimise: tuple[Objective, ...] = USUAL_OBJECTIVES
    free: Mapping[str, str] = field(default_factory=dict)
    epochs: int | None = None
    chips: int = 100
    seeds: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("accuracy", "chip_yield", "confidence"):
            value = number(name, getattr(self, name))
            if not 0 < value < 1:
                raise ValueError(
                    f"{name} must be a fraction above 0 and below 1, got {value:g}; per cent are not taken"
                )
        for name in ("area_mm2", "latency_us", "supply_v"):
            if not number(name, getattr(self, name)) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name):g}")
        if not 0 <= number("rate_khz", self.rate_khz) < math.inf:
            raise ValueError(f"rate_khz must be finite and not negative, got {self.rate_khz:g}")
        if self.hold not in HOLDS:
            raise ValueError(f"hold must be one of {', '.join(HOLDS)}, got {self.hold!r}")
        if not self.minimise or set(self.minimise) - {*OBJECTIVES} or len({*self.minimise}) < len(self.minimise):
            known = ", ".join(OBJECTIVES)
            raise ValueError(f"minimise must have one or more of {known}, each once, got {', '.join(self.minimise)!r}")
        if not self.corners:
            raise ValueError("corners must have one at least, such as 'tt 27'")
        for one in self.corners:
            corner_of(one)
        for name, least in (("chips", 2), ("seeds", 1), ("seed", 0)):
            check_count(name, getattr(self, name), least)
        if self.epochs is None:
            object.__setattr__(self, "epochs", self.usual["epochs"])
        check_count("epochs", self.epochs, 1)
        if self.hold == "threshold" and "rail" in self.choices:
            raise ValueError("rail is free with hold = rails only: with a fixed threshold, the rails follow from v_syn")
        p, is_penalised = self.process, self.choices.get("energy_penalty", (0,)) != (0,)
        if is_penalised and any((p.device_min_conductance, p.device_mismatch, p.device_mismatch_by_size)):
            raise ValueError(
                f"energy_penalty counts the energy of ideal devices, which {p.name} has not: leave it out, or take "
                "another process, such as sky130"
            )
        for name, choice in self.choices.items():
            for value in (choice.low, choice.high) if isinstance(choice, Range) else choice:
                self._check(name, value)

    @cached_property
    def usual(self) -> dict[str, Any]:
        """Settings of a training as usual for the data set, from which those of one's own are read once."""
        return preset(self.dataset)

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """The values of each free parameter."""
        known = [one.name for one in fields(Design) if one.name != "hold"]
        found: dict[str, Choice] = {}
        for name, text in self.free.items():
            if name not in known:
                raise ValueError(
                    f"no parameter is called {name!r}: free may be {', '.join(known)}{did_you_mean(name, known)}"
                )
            choice = found[name] = read_choice(name, str(text))
            if not isinstance(choice, Range) and not 0 < len({*choice}) == len(choice) < _MAX_CHOICES:
                raise ValueError(f"{name} must have each value once, got {text}")
        return found

    def design(self, values: Mapping[str, Any]) -> Design:
        """The design with these values of the free parameters; what is not free has one value.

        Numbers are rounded to three digits, as a person would choose them.

        Examples
        --------
        >>> Specification(dataset="digits", accuracy=0.9, free={"v_syn": "0.8..2"}).design({"v_syn": 1.23456}).v_syn
        1.23
        """
        fixed = {name: one[0] for name, one in self.choices.items() if not isinstance(one, Range) and len(one) == 1}
        chosen: dict[str, Any] = fixed | dict(values)
        rounded: dict[str, Any] = {name: float(f"{x:.3g}") if isinstance(x, float) else x for name, x in chosen.items()}
        hidden = rounded.pop("hidden", "-".join(map(str, self.usual["hidden"])))
        return Design(hidden=str(hidden), hold=self.hold, **rounded)

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides the result of a search but its budget, as JSON types."""
        names = [one.name for one in fields(self) if one.name not in ("process", "free")]
        constants = {one.name: one.value for one in self.process.constants}
        texts = {name: getattr(self.process, name) for name in ("name", "selector", "device")}
        whole = {name: getattr(self, name) for name in names}
        whole |= {"free": {name: str(text) for name, text in self.free.items()}, "process": {**texts, **constants}}
        whole |= {**datasets.data_digests(self.dataset), "version": build_config()["version"]}
        identity: dict[str, Any] = plain(whole)
        return identity

    def _check(self, name: str, value: Any) -> None:
        """Raise an error if no circuit can have this value, whatever the others are."""
        if name == "hidden":
            check_hidden(str(int(value) if isinstance(value, float) else value))
        elif name == "bits":
            if not 0 <= value <= 16:
                raise ValueError(f"bits must be from 0, for devices of any value, to 16, got {value}")
        elif name == "energy_penalty":
            if not 0 <= value < math.inf:
                raise ValueError(f"energy_penalty must be finite and not negative, got {value:g}")
        elif not 0 < value < math.inf:
            raise ValueError(f"{name} must be above 0 and finite, got {value:g}")


def corner_of(text: str) -> tuple[str, float]:
    """Corner and temperature in degrees Celsius of a text such as ``fs 85``.

    Examples
    --------
    >>> corner_of("fs 85")
    ('fs', 85.0)
    """
    corner, _, celsius = text.partition(" ")
    try:
        found = read_float(celsius)
    except ValueError:
        found = math.nan
    if corner not in CORNERS or not 0 <= found <= 110:
        raise ValueError(
            f"a corner is one of {', '.join(CORNERS)} and a temperature from 0 to 110 degrees Celsius, as in 'fs 85', "
            f"got {text!r}"
        )
    return corner, found
