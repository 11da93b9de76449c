"""The neurons of a layer: of two phases, with a ramp, or of a single one."""

from __future__ import annotations

from typing import Protocol

from rcspike.functional.events import Phases

__all__ = ["single_phase", "two_phases"]


class _WithNeurons(Protocol):
    @property
    def phases(self) -> Phases:
        """Phases of its neurons."""


def two_phases(layer: _WithNeurons, use: str) -> None:
    """Raise a ValueError that names the use if the neurons of a layer or network do not have two phases."""
    if layer.phases != "two":
        raise ValueError(f"{use} needs neurons of two phases, these spike while they charge (phases='single')")


def single_phase(layer: _WithNeurons, use: str) -> None:
    """Raise a ValueError that names the use if the neurons of a layer or network do not have a single phase."""
    if layer.phases != "single":
        raise ValueError(f"{use} needs neurons of a single phase, these have two (phases='two')")
