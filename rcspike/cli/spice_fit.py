"""What ``rcspike spice fit`` finds: the circuit of a table of spikes, its neurons, and the error that remains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import typer
from rich.table import Table

from rcspike import spice
from rcspike._common.arrays import FloatArray
from rcspike.cli.console import console
from rcspike.energy import PhysicalScale
from rcspike.network import Network
from rcspike.network.wiring import Conv2d
from rcspike.spice import Fit, Measurements, NeuronCalibration, Transistors

__all__ = ["Found", "find", "parameters_of"]

_COLUMN = ("e_plus", "e_minus", "capacitance")
# The upper rail is known; the diodes to the two rails differ by some 20 mV, which the lower rail has to take up.
_DIODE_COLUMN = ("diode_drop", "e_minus", "capacitance")
_SWITCHES = ("delay", "injection_plus", "injection_minus")
# A circuit and its neurons are fitted in turn: the first fit takes their differences for parameters of all.
_ROUNDS = 8
_UNITS = {"ramp": "1", "capacitance": "F", "delay": "T"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """Results of a fit; errors are those of spike times in T."""

    network: Network
    scale: PhysicalScale
    fit: Fit | None
    calibration: NeuronCalibration | None
    is_spikes: bool
    errors: dict[str, dict[str, float]]  # of each set of images, before and after the calibration of neurons
    junction: tuple[float, float]

    def record(self, layer: int) -> dict[str, Any]:
        """For the JSON file."""
        results: dict[str, Any] = {"capacitance": self.scale.capacitance, "errors": self.errors}
        if self.fit is not None:
            results |= {
                name: getattr(self.fit, name)
                for name in ("values", "standard_errors", "lower", "upper", "rmse_before", "rmse", "n")
            }
        if self.calibration is not None:
            lines = {name: getattr(self.calibration, name).tolist() for name in ("offset", "slope", "n")}
            results["calibration"] = {"layer": layer, **lines}
        if self.junction != (0, 0):
            results["junction"] = self.junction
        return results

    def show(self) -> None:
        """Print parameters, and errors."""
        if (fit := self.fit) is not None:
            table = Table("parameter", "value", "std. error", "from", "to", "unit", box=None, pad_edge=False)
            columns = (fit.values, fit.standard_errors, fit.lower, fit.upper)
            for name, *row in zip(fit.parameters, *columns, strict=True):
                table.add_row(name, *(f"{x:.5g}" for x in row), _UNITS.get(name, "V_th"))
            console().print(table)
            unit = "% of T" if self.is_spikes else "% of V_th"
            before, after = 100 * fit.rmse_before, 100 * fit.rmse
            typer.echo(f"RMSE  {before:.4f} {unit} as designed, {after:.4f} fitted, n {fit.n}")
        if (known := self.calibration) is not None:
            typer.echo(f"neurons  {np.count_nonzero(known.n)} calibrated, from {int(np.sum(known.n))} spikes")
        for name, one in self.errors.items():
            text = f"{100 * one['rmse']:.4f} % of T, maximum {100 * one['max']:.4f}, n {one['n']:.0f}"
            typer.echo(f"RMSE of {name}  {text}")


def parameters_of(text: str | None, transistors: Transistors | None) -> tuple[str, ...]:
    """Names of the parameters to fit, by default those that a column has; ``none`` for none."""
    if text is None:
        if transistors is None:
            return _COLUMN
        column = _DIODE_COLUMN if transistors.synapse == "diode" else _COLUMN
        return (*column, *_SWITCHES, *(("ramp",) if transistors.ramp == "mirror" else ()))
    return () if text.strip() == "none" else tuple(name.strip() for name in text.split(","))


def find(
    network: Network,
    measured: Measurements,
    times: FloatArray,
    layer: int,
    designed: PhysicalScale,
    *,
    parameters: Sequence[str],
    confidence: float,
    delay: float | None,
    calibrate: bool,
    held_out: int,
    junction: tuple[float, float],
) -> Found:
    """Fit the first images of a table, calibrate its neurons, and compare the last images with the engine.

    `network` is as designed or from an earlier fit, `measured` has rows of `times`, (batch, n_in), as images, `layer`
    counts from 1, `designed` is the scale of the resistors, and `delay` in T replaces the network's as a start value.
    The last `held_out` images are neither fitted nor calibrated with. The rest is as in `rcspike.spice.fit`.
    """
    n_fit = len(times) - held_out
    if not 0 <= held_out < len(times):
        raise ValueError(f"--held-out must leave images to fit: of {len(times)} it must be below that, got {held_out}")
    is_spikes = measured.voltage is None
    if not is_spikes and (calibrate or held_out):
        raise ValueError("--calibrate and --held-out are for spike times, but the table has voltages")
    if not parameters and not calibrate:
        raise ValueError("--parameters none finds nothing without --calibrate")
    if measured.neuron.max() >= (n := network.layers[layer - 1].n_out):
        raise ValueError(f"layer {layer} has neurons 0 to {n - 1}, got {measured.neuron.max()}")
    if isinstance(network.layers[layer - 1].wiring, Conv2d):
        raise ValueError(f"layer {layer} is a convolution: a fit needs a dense layer, whose columns are there once")
    first, result, known = _where(measured, measured.image < n_fit), None, None
    real, scale = network, designed
    g = spice.layer_conductances(network.layers[layer - 1], designed)

    def by_engine() -> FloatArray:
        twin = real.layers[layer - 1].astype(np.float64)
        if junction == (0, 0):
            return spice.ramp_times(twin.charge(times), twin.circuit)
        t, some = np.full((len(times), n), np.inf), np.unique(measured.neuron)
        plus, minus = (np.ascontiguousarray(one[:, some]) for one in g)
        v = spice.column_voltages(times, plus, minus, twin.circuit, scale, junction=junction)
        t[:, some] = spice.ramp_times(v, twin.circuit)
        return t

    for _ in range(_ROUNDS if calibrate and parameters else 1):
        if parameters:
            start = network.layers[layer - 1].circuit
            start = start if delay is None else replace(start, delay=delay)
            table = first if known is None else _straightened(first, known, designed)
            options: dict[str, Any] = {"parameters": parameters, "confidence": confidence, "junction": junction}
            result = spice.fit(table, times, *g, start, designed, **options)
            real, scale = spice.calibrated(network, result.circuit, result.scale, designed=designed), result.scale
        known = spice.calibrate_neurons(first, by_engine(), scale) if calibrate else None
    errors: dict[str, dict[str, float]] = {}
    if is_spikes:
        t = by_engine()
        sets = {"images that were fitted": first}
        sets |= {"held-out images": _where(measured, measured.image >= n_fit)} if held_out else {}
        for name, table in sets.items():
            errors[name] = _errors(table, t, scale)
            if known is not None:
                errors[f"{name}, calibrated"] = _errors(table, known.times(t), scale)
    return Found(
        network=real, scale=scale, fit=result, calibration=known, is_spikes=is_spikes, errors=errors, junction=junction
    )


def _straightened(m: Measurements, lines: NeuronCalibration, scale: PhysicalScale) -> Measurements:
    """Spike times without the differences between neurons; those that leave the phase are no longer measured."""
    t = (m.time / scale.window - lines.offset[m.neuron]) / lines.slope[m.neuron]
    return Measurements(m.image, m.neuron, np.where((t > 0) & (t < 1), t, np.inf) * scale.window)


def _where(m: Measurements, rows: Any) -> Measurements:
    return Measurements(m.image[rows], m.neuron[rows], m.time[rows], None if m.voltage is None else m.voltage[rows])


def _errors(table: Measurements, t: FloatArray, scale: PhysicalScale) -> dict[str, float]:
    e = spice.spike_time_errors(table.time / scale.window, t[table.image, table.neuron])
    rmse = float(np.sqrt(np.mean(e**2))) if len(e) else 0.0
    return {"rmse": rmse, "max": float(np.max(np.abs(e), initial=0.0)), "n": len(e)}
