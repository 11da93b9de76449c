"""The grammar of the netlists that the package writes, and what ngspice does with a netlist that may be hostile."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

__all__ = ["foreign_lines", "run_watched"]

_LIMIT = 20.0  # s, of a run that takes a tenth of a second
_NUMBER = r"-?\d[\d.]*(e[+-]\d+)?"
_VALUES = rf"( \w+={_NUMBER})+"
_ALLOWED = re.compile(
    "|".join(
        [
            r"(\*( [ -~]*[ -\[\]-~])?)?",  # a comment, not *# and not continued by a backslash; or nothing
            rf"\.model \w+ \w+({_VALUES})?",
            rf"\+{_VALUES}",
            r"\.model axon_switch SW\([\w .=+-]+\)",
            r"\.subckt [\w .=:]+",
            r"\.ends \w+",
            rf"\.meas tran t_out\d+ WHEN v\(m\d+\)={_NUMBER} RISE=1( TD={_NUMBER})?",
            r"\.save( [vi]\(\w+\))+",
            rf"\.ic v\(\w+\)={_NUMBER}",
            rf"\.options{_VALUES}",
            rf"\.tran( {_NUMBER})+( uic)?",
            r"\.end",
            r"[BCDEIMRSVX]\w+( [\w.+={}-]+)+",  # an element with its nodes and values
            r"[IV]\w+ \w+ \w+ PWL\([\d e.+-]+\)",
            r"B\w+ \w+ \w+ I=\{[\w()*,./+-]+\}",
        ]
    ),
    re.ASCII,
)


def foreign_lines(text: str) -> list[str]:
    """Lines of a netlist that are not of the forms that the package writes."""
    return [line for line in re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text) if not _ALLOWED.fullmatch(line)]


def run_watched(netlist: str, folder: Path, *, canary: Path) -> bool:
    """Run a netlist in ngspice; AssertionError if a file appeared, here or at the absolute path of the canary.

    Whether ngspice has ended: with some parameters of a transistor it does not converge in any time.
    """
    assert canary.is_absolute() and not canary.exists()
    (folder / "watched.cir").write_text(netlist)
    before = set(folder.iterdir())
    command = ["ngspice", "-b", "watched.cir"]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=_LIMIT, stdin=subprocess.DEVNULL)
        has_ended = True
    except subprocess.TimeoutExpired:
        has_ended = False
    made = {path for path in (canary, *folder.iterdir()) if path.exists()} - before
    for path in made:
        path.unlink()
    assert not made, f"ngspice made {', '.join(map(str, made))}"
    return has_ended
