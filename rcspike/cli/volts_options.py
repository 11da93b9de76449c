"""Options that put a sweep into volts: process, meaning of V_syn, offsets of comparators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from rcspike._common.numbers import read_float
from rcspike.cli.process_options import Constants, chosen_process, process_constants
from rcspike.cli.shared_options import numbers
from rcspike.energy import Hold, process_names
from rcspike.experiments import Volts

__all__ = ["VoltsOptions", "volts_settings"]

_PROCESS, _CHIPS = "sky130", 10


@dataclass(frozen=True, kw_only=True)
class VoltsOptions:
    """Process and operating point of a sweep."""

    hold: Annotated[
        Hold | None,
        typer.Option(
            help="Sweep in volts, with the noise and the energies of a process. The rails or the threshold stay fixed "
            "while V_syn changes.",
            show_default="a normalised sweep",
        ),
    ] = None
    process: Annotated[
        str | None,
        typer.Option(
            help=f"With --hold, the process: {', '.join(process_names())}, or the path of a TOML file.",
            metavar="NAME",
            show_default=_PROCESS,
        ),
    ] = None
    constant: Constants = None
    offset_mv: Annotated[
        str | None,
        typer.Option(
            help="With --hold, standard deviations of comparator offsets in mV, such as 1,3,10; each network is tested "
            "with each of them too.",
            show_default="none",
        ),
    ] = None
    chips: Annotated[
        int | None,
        typer.Option(help="Number of chips for each value of --offset-mv.", min=1, show_default=str(_CHIPS)),
    ] = None

    def volts(self) -> Volts | None:
        """The process and operating point that the options describe; None for a normalised sweep."""
        given = {"--process": self.process, "--constant": self.constant, "--offset-mv": self.offset_mv}
        if self.hold is None:
            for option, value in given.items():
                if value:
                    raise ValueError(f"{option} is for a sweep in volts: add --hold rails or --hold threshold")
        if self.chips is not None and not self.offset_mv:
            raise ValueError("--chips is the number of chips with offsets: add --offset-mv, such as --offset-mv 1,3,10")
        if self.hold is None:
            return None
        return Volts(
            hold=self.hold,
            process=chosen_process(self.process or _PROCESS, self.constant or []),
            offset_mv=numbers("--offset-mv", self.offset_mv or "", read_float, "1,3,10"),
            chips=self.chips or _CHIPS,
        )


def volts_settings(volts: Volts | None) -> dict[str, Any]:
    """All settings of a sweep in volts, for a record."""
    if volts is None:
        return {}
    chips = {"offset_mv": volts.offset_mv, "chips": volts.chips} if volts.offset_mv else {}
    return {"hold": volts.hold, "constants": process_constants(volts.process), **chips}
