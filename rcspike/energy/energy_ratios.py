"""Energy of a conventional circuit over that of RC-Spike, as a range over the constants of a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rcspike.circuit import Circuit
from rcspike.energy.activity_counts import Activity
from rcspike.energy.baselines import baseline_parts
from rcspike.energy.inference_energy import energy_parts, mean_energy
from rcspike.energy.operating_point_in_volts import Hold, operating_point
from rcspike.energy.process import Process


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """Ratio with one constant at the low and at the high end of its range, all others at their values.

    Parameters
    ----------
    low, high : float
        Ends of the constant's range.
    at_low, at_high : float
        Ratio there.
    """

    name: str
    unit: str
    low: float
    high: float
    at_low: float
    at_high: float


@dataclass(frozen=True, kw_only=True)
class RatioRange:
    """Energy of a conventional circuit over that of RC-Spike.

    Parameters
    ----------
    ratio : float
        With the values of the process.
    lowest, highest : float
        With every constant at the end of its range that makes the ratio lower, or higher.
    sensitivities : tuple of Sensitivity
        Constants that have a range and change the ratio, those that change it most first.
    """

    ratio: float
    lowest: float
    highest: float
    sensitivities: tuple[Sensitivity, ...]

    @property
    def one_at_a_time(self) -> tuple[float, float]:
        """Lowest and highest ratio if only one constant leaves its value."""
        ends = [self.ratio, *(x for one in self.sensitivities for x in (one.at_low, one.at_high))]
        return min(ends), max(ends)


def ratio_range(
    done: Activity,
    circuit: Circuit,
    process: Process,
    baseline: str,
    *,
    hold: Hold = "rails",
    strength: float | None = None,
    baseline_activity: Activity | None = None,
) -> RatioRange:
    """Ratio of the energies, and what each constant does to it.

    Parameters
    ----------
    circuit : Circuit
        Of the network, with finite rails.
    baseline : {"virtual ground", "current sources"}
    hold : {"rails", "threshold"}
        As in `operating_point`.
    strength : float, optional
        Of the op-amps of a virtual ground, as in `virtual_ground_parts`.
    baseline_activity : Activity, optional
        Of the network that the conventional circuit runs, if it is another one.

    Raises
    ------
    ValueError
        As `operating_point`; or if the baseline is unknown, or is a virtual ground for which the process cannot size an
        op-amp (`opamp_missing`); or as `baseline_parts`.

    Examples
    --------
    >>> from rcspike.energy.activity_counts import activity
    >>> from rcspike.energy.process import load_process
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> done = activity(network, np.full((1, 64), 0.5))
    >>> found = ratio_range(done, network.circuit, load_process(), "virtual ground")
    >>> found.lowest < found.ratio < found.highest
    True
    >>> found.sensitivities[0].name
    'opamp_settling'
    """
    mean = done.mean()
    other = mean if baseline_activity is None else baseline_activity.mean()

    def ratio(values: Mapping[str, float]) -> float:
        point = operating_point(circuit, process.with_values(**values), hold=hold)
        return mean_energy(baseline_parts(baseline, other, point, strength=strength)) / mean_energy(
            energy_parts(mean, point)
        )

    middle = ratio({})
    found = [
        Sensitivity(
            name=one.name,
            unit=one.unit,
            low=one.low,
            high=one.high,
            at_low=ratio({one.name: one.low}),
            at_high=ratio({one.name: one.high}),
        )
        for one in process.constants
        if one.low < one.high
    ]
    moving = [one for one in found if one.at_low != middle or one.at_high != middle]
    moving.sort(key=lambda one: abs(one.at_high - one.at_low), reverse=True)

    def extreme(sign: int) -> float:
        return ratio({one.name: min((sign * one.at_low, one.low), (sign * one.at_high, one.high))[1] for one in moving})

    return RatioRange(ratio=middle, lowest=extreme(1), highest=extreme(-1), sensitivities=tuple(moving))
