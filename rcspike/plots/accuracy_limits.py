"""Limits of an axis of accuracies that one bad case does not squeeze."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["limits_of_most"]

_FAR = 4.0  # times as far below the best as the last one that is shown
_LEAST = 0.5  # percentage points that an axis spans at least
_MARGIN = 0.07  # of the span


def limits_of_most(values: Sequence[float], *, always: Sequence[float] = ()) -> tuple[float, float]:
    """Limits in per cent for some accuracies: of all, or without those far below the better half.

    Values that are left out are more than four times as far below the best as the worst one that is shown. Those in
    `always` are shown in any case.

    Examples
    --------
    >>> low, high = limits_of_most([98.0, 97.5, 97.0, 12.0])
    >>> 96 < low < 97, 98 < high < 99
    (True, True)
    """
    found = sorted(values, reverse=True)
    best, n_shown = found[0], (len(found) + 1) // 2
    while n_shown < len(found):
        depth = best - found[n_shown - 1]
        if best - found[n_shown] > _FAR * max(depth, _LEAST):
            break
        n_shown += 1
    shown = (found[n_shown - 1], best, *always)
    margin = _MARGIN * max(max(shown) - min(shown), _LEAST)
    return min(shown) - margin, max(shown) + margin
