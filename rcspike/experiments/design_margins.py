"""How far each imperfection of a design's chips can grow before they miss the required accuracy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rcspike.chips import Devices, Levels
from rcspike.datasets import Split
from rcspike.energy import columns_of, operating_point
from rcspike.experiments.chip_study import Case, chip_accuracy, chip_seeds
from rcspike.experiments.confidence_limits import accuracy_limits
from rcspike.experiments.design_specification import Specification
from rcspike.experiments.designed_circuit import Design, design_effects, designed_process
from rcspike.experiments.process_networks import chips_of_process
from rcspike.functional import schedule
from rcspike.network import Network

__all__ = ["Margin", "design_margins"]

_FACTORS = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Margin:
    """How far one imperfection can grow, while the others have their size.

    Parameters
    ----------
    name : str
        Of the effect, as in `rcspike.chips`.
    size : float
        That it has, in the unit of the effect.
    factor : float
        Largest of the factors 1, 2, 4, 8 and 16 at which the chips still have the required accuracy, with every smaller
        one; 0 if they do not have it at 1.
    accuracy : float
        Lower confidence limit of the accuracy at that factor, or at 1.
    """

    name: str
    size: float
    factor: float
    accuracy: float


def design_margins(
    spec: Specification,
    design: Design,
    network: Network,
    test: Split,
    *,
    chips: int = 10,
    seed: int = 0,
    threads: int | None = None,
) -> list[Margin]:
    """Margins of a trained design, at the first of its corners and 27 degrees.

    Parameters
    ----------
    network : Network
        As `train_design` returns it.
    test : Split
    chips : int
        For each factor, at least 2; the accuracy counts by its lower confidence limit, which is wide for few.

    Examples
    --------
    >>> from rcspike import datasets
    >>> from rcspike.experiments.design_measurement import Effort, train_design
    >>> spec, digits = Specification(dataset="digits", accuracy=0.5), datasets.load("digits")
    >>> network = train_design(spec, Design(hidden="20"), digits, Effort(epochs=4, chips=2, seed=0))
    >>> [one.name for one in design_margins(spec, Design(hidden="20"), network, digits.test, chips=4)]
    ['variation', 'switch_leakage', 'capacitor_mismatch', 'comparator_offset', 'jitter']
    """
    process = designed_process(design, spec.process)
    point = operating_point(network.circuit, process)
    own = design_effects(design, point, [columns_of(layer).rows for layer in network.layers])
    effects, devices = chips_of_process(point, network, own, Devices())
    joined = network.layers[0].wiring.joined
    events = test.times if joined else schedule(test.times, dtype=network.dtype, phases=network.phases)

    def limit(case: Case) -> float:
        seeds = chip_seeds(seed, chips)
        found = [chip_accuracy(network, case, events, test.labels, seed=one, threads=threads) for one in seeds]
        options = {"chip_yield": spec.chip_yield, "confidence": spec.confidence}
        return accuracy_limits(found, len(test.labels), **options)[0]

    margins = []
    for i, effect in enumerate(effects):
        if isinstance(effect, Levels):  # which have no size that grows
            continue
        size, reached, accuracy = getattr(effect, effect.size), 0.0, 0.0
        for factor in _FACTORS:
            larger: Any = replace(effect, **{effect.size: factor * size})  # type: ignore[type-var]
            found = limit(Case(effect.name, (*effects[:i], larger, *effects[i + 1 :]), devices))
            accuracy = found if factor == 1 or found >= spec.accuracy else accuracy
            if found < spec.accuracy:
                break
            reached = factor
        margins.append(Margin(effect.name, size, reached, accuracy))
    return margins
