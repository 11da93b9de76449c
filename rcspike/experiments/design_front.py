"""Which designs are better than all others, which one is nearest if none will do, and what binds it, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rcspike.experiments.design_measurement import Measurement
from rcspike.experiments.design_specification import Specification

__all__ = ["binding_in_words", "hypervolume", "nondominated"]


def nondominated(points: Sequence[Sequence[float]]) -> list[int]:
    """Positions of the points that no other one beats: none is as small in all values, and smaller in one.

    Of equal points, the first one counts.

    Examples
    --------
    >>> nondominated([(1.0, 3.0), (2.0, 2.0), (2.0, 3.0), (1.0, 3.0)])
    [0, 1]
    """
    kept = []
    for i, one in enumerate(points):
        others = [(j, other) for j, other in enumerate(points) if j != i]
        beaten = any(
            all(a <= b for a, b in zip(other, one, strict=True)) and (tuple(other) != tuple(one) or j < i)
            for j, other in others
        )
        if not beaten:
            kept.append(i)
    return kept


def hypervolume(points: Iterable[Sequence[float]], reference: Sequence[float]) -> float:
    """Area between a front of two values, both to be small, and a reference that is worse than all of it.

    Examples
    --------
    >>> hypervolume([(1.0, 3.0), (2.0, 2.0), (5.0, 0.0)], (4.0, 4.0))
    5.0
    """
    x_end, y_end = reference
    total, y_last = 0.0, y_end
    for x, y in sorted((one[0], one[1]) for one in points):
        if x < x_end and y < y_last:
            total += (x_end - x) * (y_last - y)
            y_last = y
    return total


def binding_in_words(spec: Specification, measured: Measurement | None, shortfalls: dict[str, float]) -> str:
    """What a design misses, in words; of several requirements the one that it misses most comes first.

    Examples
    --------
    >>> spec = Specification(dataset="digits", accuracy=0.98, area_mm2=2.0)
    >>> chips = {"tt 27": (0.968, 0.97, 0.972)}
    >>> found = Measurement(accuracies=chips, n_samples=10_000, energy_pj=900.0, area_mm2=2.2, latency_us=0.3,
    ...                     rate_khz=3333.0, supply_v=1.8, training_seconds=1.0, seconds=1.0)
    >>> print(binding_in_words(spec, found, found.shortfalls(spec)))
    accuracy: 95 % of the chips have at least 95.43 % with a confidence of 95 %, and 98 % are required; area: 2.2 mm2, and at most 2 mm2 are allowed
    """  # noqa: E501
    missed = sorted((name for name, x in shortfalls.items() if x > 0), key=lambda name: -shortfalls[name])
    return "; ".join(_words(spec, measured, name, shortfalls[name]) for name in missed)


def _words(spec: Specification, measured: Measurement | None, name: str, short: float) -> str:
    if name == "accuracy":
        if measured is None:
            return "accuracy: it cannot be made"
        low, _ = measured.accuracy_limits(spec)
        return (
            f"accuracy: {100 * spec.chip_yield:g} % of the chips have at least {100 * low:.2f} % with a confidence of "
            f"{100 * spec.confidence:g} %, and {100 * spec.accuracy:g} % are required"
        )
    subject, unit = name.rsplit("_", 1)
    unit = {"us": "µs", "v": "V", "khz": "kHz"}.get(unit, unit)
    limit = getattr(spec, name)
    found = limit * (1 - short) if name == "rate_khz" else limit * (1 + short)
    bound = f"at least {limit:g} {unit} are required" if name == "rate_khz" else f"at most {limit:g} {unit} are allowed"
    return f"{subject}: {found:.3g} {unit}, and {bound}"
