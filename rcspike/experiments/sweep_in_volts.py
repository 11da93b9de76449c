"""Runs in volts: the noise that a process gives a circuit, the energy of an inference, and offsets of comparators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from rcspike._common.numbers import number
from rcspike.chips import ComparatorOffset, program
from rcspike.circuit import Circuit
from rcspike.datasets import Split
from rcspike.energy import (
    Hold,
    OperatingPoint,
    Process,
    activity,
    energy_parts,
    load_process,
    mean_energy,
    operating_point,
)
from rcspike.experiments.chip_study import chip_seeds
from rcspike.functional import schedule
from rcspike.network import Network

__all__ = ["Volts", "measure_in_volts"]


@dataclass(frozen=True, kw_only=True)
class Volts:
    """The process of a run, and what V_syn leaves as it is: the rails in volts, or the threshold in volts.

    The run is trained and tested with the spike-time noise of its operating point.

    Parameters
    ----------
    hold : {"rails", "threshold"}
        As in `rcspike.energy.operating_point`.
    process : Process, optional
        SKY130 by default.
    offset_mv : sequence of float
        Standard deviations in mV of the offsets of the comparators, with which the network is tested too. 0 is left
        out: every network is tested without offsets.
    chips : int
        Number of chips that are tested for each of these offsets.

    Raises
    ------
    TypeError, ValueError
        If an offset is negative, not finite or given twice, or there is no chip.

    Examples
    --------
    >>> Volts(hold="rails", offset_mv=[0, 1, 10]).offset_mv
    (1.0, 10.0)
    """

    hold: Hold
    process: Process = field(default_factory=load_process)
    offset_mv: Sequence[float] = ()
    chips: int = 10

    def __post_init__(self) -> None:
        offsets = [number("offset_mv", mv) for mv in self.offset_mv]
        if bad := [mv for mv in offsets if not 0 <= mv < math.inf]:
            raise ValueError(f"offset_mv must be finite and not negative, in mV, got {bad[0]}")
        if len(set(map(offset_name, offsets))) < len(offsets):
            given = ", ".join(f"{mv:g}" for mv in offsets)
            raise ValueError(f"offset_mv must have each value once, to 1 nV, got {given}")
        if self.chips < 1:
            raise ValueError(f"chips must be at least 1, got {self.chips}")
        object.__setattr__(self, "offset_mv", tuple(mv for mv in offsets if mv))

    def point(self, circuit: Circuit) -> OperatingPoint:
        """Voltages of a circuit; ValueError if the supply of the process cannot give its rails."""
        return operating_point(circuit, self.process, hold=self.hold)

    def noise(self, circuit: Circuit, rows: Sequence[int]) -> float:
        """Spike-time noise in T of layers with these numbers of inputs: that of the narrowest, which has the most.

        Examples
        --------
        The threshold is an eighth, and the noise in volts is the same:

        >>> [round(Volts(hold="rails").noise(Circuit(v_syn=v), [784, 200]), 5) for v in (1.0, 8.0)]
        [0.0013, 0.00937]
        """
        return self.point(circuit).spike_time_noise(min(rows))

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides results; of the process its exact values, without its texts."""
        names = [one.name for one in fields(self.process) if one.name not in ("name", "description", "constants")]
        chips = {"offset_mv": self.offset_mv, "chips": self.chips} if self.offset_mv else {}
        return {"hold": self.hold, "process": {name: getattr(self.process, name) for name in names}, **chips}


def offset_name(mv: float) -> str:
    """Name of a measurement with this offset, an identifier: 0.5 mV gives ``offset_0p5_mv``."""
    return f"offset_{mv:.6f}".rstrip("0").rstrip(".").replace(".", "p") + "_mv"


def measure_in_volts(
    network: Network, test: Split, volts: Volts, *, noise: float, seed: int, threads: int | None = None
) -> dict[str, float]:
    """Energy of an inference, and accuracy with each offset of the comparators.

    Parameters
    ----------
    network : Network
    test : Split
    volts : Volts
    noise : float
        Spike-time noise in T, as from `Volts.noise`.
    seed : int
        Seed of the noise and of the chips.
    threads : int, optional
        Does not change the result.

    Returns
    -------
    dict
        ``sigma_t``, the noise in T; ``energy_pj``, the mean over the images in pJ; for each offset, such as 3 mV,
        ``offset_3_mv_accuracy`` in [0, 1], the mean over the chips.

    Examples
    --------
    >>> from rcspike import datasets
    >>> network = Network.create([64, 10], Circuit(), seed=0)
    >>> volts = Volts(hold="rails", offset_mv=[3], chips=2)
    >>> sorted(measure_in_volts(network, datasets.load("digits").test, volts, noise=0.001, seed=0))
    ['energy_pj', 'offset_3_mv_accuracy', 'sigma_t']
    """
    point = volts.point(network.circuit)
    done = activity(network, test.times, noise=noise, seed=seed, threads=threads)
    result = {"sigma_t": noise, "energy_pj": 1e12 * mean_energy(energy_parts(done, point))}
    seeds, events = chip_seeds(seed, volts.chips), schedule(test.times, dtype=network.dtype)
    for mv in volts.offset_mv:
        offset = ComparatorOffset(sigma=point.thresholds(1e-3 * mv))
        chips = ((chip, program(network, [offset], seed=chip)) for chip in seeds)
        found = [chip.predict(events, noise=noise, seed=n, threads=threads) == test.labels for n, chip in chips]
        result[f"{offset_name(mv)}_accuracy"] = float(np.mean(found))
    return result
