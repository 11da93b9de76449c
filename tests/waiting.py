"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

__all__ = ["wait_until"]

_PAUSE = 0.02  # s


def wait_until(true: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Return as soon as it is true; the test fails if it has not become so in this time."""
    for _ in range(round(seconds / _PAUSE)):
        if true():
            return
        time.sleep(_PAUSE)
    pytest.fail(f"waited for {seconds:g} s in vain: {what}")
