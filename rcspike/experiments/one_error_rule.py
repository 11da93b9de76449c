"""The choice from a sweep: the least energy whose accuracy cannot be told from the best one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rcspike.experiments.result_tables import Row

__all__ = ["Choice", "binomial_error", "economic_choice"]


@dataclass(frozen=True)
class Choice:
    """Lines of a table of `summary_rows`, one data set.

    Parameters
    ----------
    measure : {"validation", "test"}
        Accuracy by which they are compared.
    best : Row
        The most accurate one.
    error : float
        Standard error of its accuracy in per cent: over the seeds, or of a single one binomial over the test samples;
        0 where neither is known.
    alike : sequence of Row
        All that reach the best accuracy but for the error.
    chosen : Row, optional
        The one of these with the least energy, if energies are known.
    """

    measure: str
    best: Row
    error: float
    alike: Sequence[Row]
    chosen: Row | None


def economic_choice(rows: Sequence[Row]) -> Choice | None:
    """The choice among the RC-Spike networks of a data set; None if there are fewer than two.

    It is the one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3), with
    energy in the place of size. Accuracies are those of the validation split if there is one, so that the test samples
    decide nothing. Lines of networks with offsets of the comparators are left out.

    Examples
    --------
    >>> rows = [
    ...     {"model": "rc-spike", "v_syn": v, "n": 4, "test_mean": mean, "test_std": 0.2, "energy_pj_mean": energy}
    ...     for v, mean, energy in ((1.0, 97.5, 10.0), (2.0, 98.1, 14.0), (4.0, 98.15, 22.0))
    ... ]
    >>> choice = economic_choice(rows)
    >>> choice.chosen["v_syn"], choice.best["v_syn"], choice.error
    (2.0, 4.0, 0.1)
    """
    candidates = [row for row in rows if row["model"] == "rc-spike" and not row.get("offset_mv")]
    if len(candidates) < 2:
        return None
    measure = "validation" if all("validation_mean" in row for row in candidates) else "test"

    def accuracy(row: Row) -> float:
        return float(row[f"{measure}_mean"])

    best = max(candidates, key=accuracy)
    error = 0.0
    if (spread := best[f"{measure}_std"]) is not None:
        error = spread / math.sqrt(best["n"])
    elif measure == "test":
        error = binomial_error(best)
    alike = [row for row in candidates if accuracy(row) >= accuracy(best) - error]
    has_energies = all("energy_pj_mean" in row for row in candidates)
    chosen = min(alike, key=lambda row: float(row["energy_pj_mean"])) if has_energies else None
    return Choice(measure, best, error, alike, chosen)


def binomial_error(row: Row) -> float:
    """Standard error in per cent of a test accuracy, by the number of test samples; 0 if it is not known.

    Examples
    --------
    >>> round(binomial_error({"test_mean": 90.0, "test_samples": 900}), 6)
    1.0
    """
    p, n = row["test_mean"] / 100, row.get("test_samples", 0)
    return 100 * math.sqrt(p * (1 - p) / n) if n else 0.0
