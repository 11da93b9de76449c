"""A process: supplies, parasitics and peripheral circuits in SI units, read from a TOML file with all sources."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rcspike._common.numbers import number
from rcspike._common.readers import naming, read_toml

_FOLDER = Path(__file__).parent / "processes"
_TEXTS = ("name", "description", "selector", "device")
_SELECTORS = ("switch", "diode")
_SIGNED = ("v_lowest", "device_temperature_coefficient")
_POSITIVE = (
    "v_supply", "v_logic", "v_rail", "v_th", "temperature", "window", "capacitance", "read_voltage", "opamp_settling",
    "opamp_efficiency", "capacitor_density", "spike_time_bits",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Value of one constant of a process, with its source.

    Parameters
    ----------
    value, low, high : float
        In SI units; ``low <= value <= high`` are the range that the source leaves.
    source : str
        It starts with "assumption" where the value has no source.
    inherited_from : str
        Name of the process that it comes from, if that is another one.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    inherited_from: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, number(f"{name} of {self.name}", getattr(self, name)))
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.value <= self.high):
            raise ValueError(
                f"{self.name} must have low <= value <= high, all finite, got {self.low}, {self.value} and {self.high}"
            )


def _in(unit: str) -> Any:
    """A field in this unit."""
    return field(metadata={"unit": unit})


@dataclass(frozen=True, kw_only=True)
class Process:
    """Constants of a process in SI units, by the names in its file; the files have their meaning and sources.

    Parameters
    ----------
    selector : {"switch", "diode"}
        What connects a resistor to its rail: a transistor, whose gate the axon line drives, or a diode, for which the
        axon line is the rail.
    device : str
        What the resistors of the synapses are made of.
    constants : tuple of Constant
        Value, range, unit and source of each number below.

    Raises
    ------
    TypeError
        If a value is not a number.
    ValueError
        If a value is negative or not finite, or the voltages do not fit into the supply; the message has the reason.

    Examples
    --------
    >>> process = load_process("sky130")
    >>> process.v_supply, process.constant("v_supply").source
    (1.8, '[1]')
    >>> process.with_values(v_rest=1.3)
    Traceback (most recent call last):
    ...
    ValueError: rails of ±0.872 V around a rest of 1.3 V reach 2.172 V, beyond the highest rail of 1.8 V: lower v_rail to 0.5 V or move v_rest
    """  # noqa: E501

    name: str
    description: str
    selector: str
    device: str
    constants: tuple[Constant, ...] = field(repr=False)
    v_supply: float = _in("V")
    v_logic: float = _in("V")
    v_lowest: float = _in("V")
    v_highest: float = _in("V")
    v_rest: float = _in("V")
    v_rail: float = _in("V")
    v_th: float = _in("V")
    temperature: float = _in("K")
    window: float = _in("s")
    capacitance: float = _in("F")
    capacitance_per_row: float = _in("F")
    column_wire_capacitance: float = _in("F")
    column_junction_capacitance: float = _in("F")
    wire_resistance: float = _in("ohm")
    row_wire_capacitance: float = _in("F")
    row_junction_capacitance: float = _in("F")
    driver_resistance: float = _in("ohm")
    driver_overhead: float = _in("1")
    level_shifter_energy: float = _in("J")
    device_min_conductance: float = _in("S")
    device_max_conductance: float = _in("S")
    device_area: float = _in("m2")
    device_area_per_ohm: float = _in("m2/ohm")
    device_capacitance_per_ohm: float = _in("F/ohm")
    device_position: float = _in("1")
    device_mismatch: float = _in("1")
    device_mismatch_by_size: float = _in("ohm^0.5")
    device_temperature_coefficient: float = _in("1/K")
    devices_per_synapse: float = _in("1")
    switch_margin: float = _in("1")
    switch_junction_plus: float = _in("F")
    switch_junction_minus: float = _in("F")
    switch_gate_capacitance: float = _in("F")
    switch_resistance_plus: float = _in("ohm")
    switch_resistance_minus: float = _in("ohm")
    switch_off_current: float = _in("A")
    switch_charge_plus: float = _in("C")
    switch_charge_minus: float = _in("C")
    diode_saturation_current: float = _in("A")
    diode_ideality: float = _in("1")
    diode_series_resistance: float = _in("ohm")
    diode_knee_current: float = _in("A")
    diode_drop: float = _in("V")
    comparator_current: float = _in("A")
    comparator_time: float = _in("T")
    comparator_delay: float = _in("s")
    comparator_noise: float = _in("V")
    comparator_offset: float = _in("V")
    ramp_noise: float = _in("1/V")
    reset_capacitance: float = _in("F")
    reference_current: float = _in("A")
    neuron_leakage: float = _in("A")
    reset_time: float = _in("T")
    spike_time_bits: float = _in("1")
    memory_bit_energy: float = _in("J")
    memory_bit_leakage: float = _in("W")
    time_step_energy: float = _in("J")
    cell_area: float = _in("m2")
    neuron_area: float = _in("m2")
    capacitor_density: float = _in("F/m2")
    memory_bit_area: float = _in("m2")
    time_converter_bit_area: float = _in("m2")
    headroom: float = _in("V")
    read_voltage: float = _in("V")
    opamp_settling: float = _in("T")
    opamp_efficiency: float = _in("1/V")
    opamp_branches: float = _in("1")
    opamp_phases: float = _in("T")

    def __post_init__(self) -> None:
        if self.selector not in _SELECTORS:
            raise ValueError(f"selector must be one of {', '.join(_SELECTORS)}, got {self.selector!r}")
        for name in UNITS:
            value = number(name, getattr(self, name))
            object.__setattr__(self, name, value)
            if not math.isfinite(value) or (value < 0 and name not in _SIGNED):
                raise ValueError(f"{name} must be finite and not negative, in SI units, got {value}")
            if value == 0 and name in _POSITIVE:
                raise ValueError(f"{name} must be above 0, in {UNITS[name]}, got 0")
        if self.devices_per_synapse not in (1.0, 2.0):
            raise ValueError(f"devices_per_synapse must be 1 or 2, got {self.devices_per_synapse:g}")
        if self.spike_time_bits != round(self.spike_time_bits):
            raise ValueError(f"spike_time_bits must be a whole number of bits, got {self.spike_time_bits:g}")
        if self.device_min_conductance >= self.device_max_conductance:
            raise ValueError(
                f"device_min_conductance must be below device_max_conductance, got {self.device_min_conductance:g} and "
                f"{self.device_max_conductance:g} S"
            )
        _check_voltages(self)

    def constant(self, name: str) -> Constant:
        """Value, range, unit and source of one constant.

        A ValueError if no constant has this name.
        """
        for one in self.constants:
            if one.name == name:
                return one
        raise ValueError(f"no constant is called {name!r}: there are {', '.join(sorted(UNITS))}")

    def with_values(self, **values: float) -> Process:
        """The same process with other values, which have no range; errors as for a `Process`.

        Examples
        --------
        >>> load_process("sky130").with_values(comparator_current=1e-7).constant("comparator_current").source
        'given'
        """
        given = {}
        for name, value in values.items():
            x = number(name, value)
            if not math.isfinite(x):
                raise ValueError(f"{name} must be finite and not negative, in SI units, got {x}")
            given[name] = replace(self.constant(name), value=x, low=x, high=x, source="given", inherited_from="")
        constants = tuple(given.get(one.name, one) for one in self.constants)
        numbers: dict[str, Any] = {name: one.value for name, one in given.items()}
        return replace(self, constants=constants, **numbers)


UNITS: Mapping[str, str] = MappingProxyType(
    {one.name: one.metadata["unit"] for one in fields(Process) if "unit" in one.metadata}
)
"""Unit of each constant of a process, by name."""


def _check_voltages(p: Process) -> None:
    """Raise a ValueError with the reason if the supply cannot give these rails or this swing."""
    if p.v_highest - p.v_lowest > p.v_supply:
        raise ValueError(
            f"rails from {p.v_lowest:g} to {p.v_highest:g} V are beyond a supply of {p.v_supply:g} V: raise v_supply, "
            "or lower v_highest"
        )
    above, below = p.v_highest - p.v_rest, p.v_rest - p.v_lowest
    if not (above > 0 and below > 0):
        raise ValueError(
            f"a rest of {p.v_rest:g} V does not lie between the rails of {p.v_lowest:g} and {p.v_highest:g} V"
        )
    around = f"rails of ±{p.v_rail:g} V around a rest of {p.v_rest:g} V"
    way_out = f"lower v_rail to {min(above, below):.4g} V or move v_rest"
    if p.v_rail > above * (1 + 1e-12):
        raise ValueError(
            f"{around} reach {p.v_rest + p.v_rail:.4g} V, beyond the highest rail of {p.v_highest:g} V: {way_out}"
        )
    if p.v_rail > below * (1 + 1e-12):
        raise ValueError(
            f"{around} reach {p.v_rest - p.v_rail:.4g} V, beyond the lowest rail of {p.v_lowest:g} V: {way_out}"
        )
    if p.v_th > above * (1 + 1e-12):
        raise ValueError(
            f"a threshold of {p.v_th:g} V above a rest of {p.v_rest:g} V is a swing to {p.v_rest + p.v_th:.4g} V, "
            f"beyond the highest rail of {p.v_highest:g} V: lower v_th to {above:.4g} V"
        )
    if p.selector == "diode" and p.diode_drop >= p.v_rail:
        raise ValueError(f"diode_drop {p.diode_drop:g} V leaves no drive on rails of ±{p.v_rail:g} V")


def process_names() -> list[str]:
    """Names of the processes that come with rcspike.

    Examples
    --------
    >>> process_names()
    ['rram', 'sky130', 'sky130-diode', 'sky130-poly', 'sky130-simulated']
    """
    return sorted(file.stem for file in _FOLDER.glob("*.toml"))


def load_process(name_or_path: str | os.PathLike[str] = "sky130") -> Process:
    """Read a process, by its name or from a file of one's own.

    A file has all constants, or those that differ from the process that it names as ``based_on``. In any table or in
    none, each is ``name = { value = 1.8, low = 1.6, high = 2.0, unit = "V", source = "..." }``; low and high may be
    missing.

    Parameters
    ----------
    name_or_path : str or path
        One of `process_names`, or the path of a TOML file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it lacks a constant, a unit or a source, has an unknown name or another unit, or cannot be (see `Process`).

    Examples
    --------
    >>> load_process("rram").capacitance
    5.5e-11
    """
    text = os.fspath(name_or_path)
    return _packaged(text) if text in process_names() else _read(Path(text))


@cache
def _packaged(name: str) -> Process:
    return _read(_FOLDER / f"{name}.toml")


def process_text(process: Process) -> str:
    """A process as the text of a file that `load_process` reads, with all of its constants.

    Examples
    --------
    >>> print(process_text(load_process("rram")).splitlines()[0])
    name = "rram"
    """
    lines = [f"{name} = {json.dumps(getattr(process, name))}" for name in _TEXTS]
    for one in process.constants:
        ends = f"low = {one.low!r}, high = {one.high!r}, " if one.low < one.high else ""
        source = json.dumps(one.source, ensure_ascii=False)
        lines.append(f'{one.name} = {{ value = {one.value!r}, {ends}unit = "{one.unit}", source = {source} }}')
    return "\n".join([*lines, ""])


def _read(path: Path) -> Process:
    if not path.is_file():
        raise ValueError(
            f"no process is called '{path}', and it is not a file: there are {', '.join(process_names())}; or give the "
            "path of a TOML file, which may be based_on one of them"
        )
    tables = read_toml(path)
    with naming(path):
        return _process(tables)


def _process(tables: Mapping[str, Any]) -> Process:
    base = tables.get("based_on")
    if base is not None and base not in process_names():
        raise ValueError(f"based_on must be one of {', '.join(process_names())}, got {base!r}")
    start = None if base is None else _packaged(base)
    texts = {name: getattr(start, name) for name in _TEXTS} if start else {}
    constants = {one.name: _inherited(one, start) for one in start.constants} if start else {}
    own: dict[str, Constant] = {}
    for name, entry in tables.items():
        if name in _TEXTS and isinstance(entry, str):
            texts[name] = entry
        elif isinstance(entry, Mapping):
            entries = {name: entry} if name in UNITS else entry
            for constant in (_constant(key, value) for key, value in entries.items()):
                if constant.name in own:
                    raise ValueError(f"{constant.name} is there twice")
                own[constant.name] = constant
        elif name != "based_on":
            raise ValueError(f"{name} must be a table of constants, or one of {', '.join(_TEXTS)} as text")
    constants |= own
    if missing := [name for name in (*_TEXTS, *UNITS) if name not in texts and name not in constants]:
        raise ValueError(f"constants are missing: {', '.join(missing)}; or name a process as based_on")
    values: dict[str, Any] = {name: constants[name].value for name in UNITS}
    return Process(**texts, constants=tuple(constants[name] for name in UNITS), **values)


def _inherited(constant: Constant, process: Process) -> Constant:
    return replace(constant, inherited_from=constant.inherited_from or process.name)


def _constant(name: str, entry: Any) -> Constant:
    if name not in UNITS:
        raise ValueError(f"no constant is called {name!r}: there are {', '.join(sorted(UNITS))}")
    if not isinstance(entry, Mapping) or not {"value", "unit", "source"} <= entry.keys():
        raise ValueError(f'{name} must be {{ value = ..., unit = "{UNITS[name]}", source = "..." }}, got {entry!r}')
    if unknown := entry.keys() - {"value", "unit", "source", "low", "high"}:
        raise ValueError(f"{name} has the unknown key {min(unknown)!r}: there are value, low, high, unit and source")
    if entry["unit"] != UNITS[name]:
        raise ValueError(f"{name} is in {UNITS[name]}, got the unit {entry['unit']!r}")
    if not isinstance(entry["source"], str) or not entry["source"].strip():
        raise ValueError(f"{name} has no source: give one, or write that it is an assumption")
    value = entry["value"]
    return Constant(
        name=name,
        value=value,
        low=entry.get("low", value),
        high=entry.get("high", value),
        unit=entry["unit"],
        source=entry["source"],
    )
