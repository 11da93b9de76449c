"""Errors of `rcspike spice verify`, as a row for a file and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from rcspike import experiments
from rcspike._common.arrays import FloatArray
from rcspike.report.table_words import SPICE_WORDS
from rcspike.spice import Comparison

__all__ = ["errors", "table"]


def errors(comparisons: Sequence[Comparison]) -> experiments.Row:
    """Of one layer, all images together: in µV, in ps, and in per cent of T."""
    scale = comparisons[0].scale
    v = np.concatenate([c.v_error for c in comparisons])
    t = np.concatenate([c.t_error for c in comparisons])
    row: dict[str, Any] = {"layer": comparisons[0].layer, "neurons": len(v)}
    row |= {"v_rmse_uV": 1e6 * scale.volts(_rms(v)), "v_max_uV": 1e6 * scale.volts(_max(v)), "spiking": len(t)}
    for name, error in (("t_rmse", _rms), ("t_max", _max)):  # no neuron that spikes has no error, and not one of 0
        row[f"{name}_ps"] = 1e12 * scale.seconds(error(t)) if len(t) else None
        row[f"{name}_percent"] = 100 * error(t) if len(t) else None
    energy, energy_spice = (sum(x) for x in zip(*((c.energy, c.energy_spice) for c in comparisons), strict=True))
    row["energy_fJ"] = 1e15 * scale.joules(energy_spice) / len(v)
    row["energy_error_percent"] = 100 * (energy_spice / energy - 1) if energy else 0.0
    for part in ("ramp", "comparator"):
        if spent := sum(getattr(c.measured, f"energy_{part}") for c in comparisons):
            row[f"energy_{part}_fJ"] = 1e15 * spent / len(v)
    return row


def table(rows: Sequence[experiments.Row]) -> Table:
    shown = Table("SPICE minus engine", *[f"layer {row['layer']}" for row in rows], box=None, pad_edge=False)
    for name, words in SPICE_WORDS.items():
        if name in rows[0]:
            shown.add_row(words, *[_text(name, row[name]) for row in rows])
    return shown


def _text(name: str, x: float | None) -> str:
    if x is None:
        return "-"
    if isinstance(x, int):
        return str(x)
    return f"{x:.4f}" if "percent" in name else f"{x:.3g}"


def _rms(x: FloatArray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def _max(x: FloatArray) -> float:
    return float(np.max(np.abs(x)))
