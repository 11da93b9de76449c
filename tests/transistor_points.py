"""The current of a transistor at one point of its characteristic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from commands import run


def point_current(folder: Path, body: Sequence[str], sign: str) -> float:
    """Of the drain "d" in A with 0.1 V, its gate "g" at 1.2 V, both negative if `sign` is "-"."""
    netlist = ["* point", *body, f"Vd d 0 {sign}0.1", f"Vg g 0 {sign}1.2", ".control", "op", "set numdgt=12"]
    netlist += ["print i(Vd)", "quit 0", ".endc", ".end", ""]
    (folder / "point.cir").write_text("\n".join(netlist))
    (current,) = re.findall(r"i\(vd\) = (\S+)", run("ngspice", "-b", "point.cir", cwd=folder))
    return float(current)
