"""A property that is computed when it is first read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from typing import Any, TypeVar

__all__ = ["lazy"]

T = TypeVar("T")


class lazy(cached_property[T]):  # noqa: N801
    """`functools.cached_property` without the lock that it has before Python 3.12.

    All objects of a class share that lock. A child that is forked while another thread computes the property of any of
    them would wait for it forever.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        super().__init__(compute)
        self.lock = nullcontext()
