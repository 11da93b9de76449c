"""Fuzz what gets from files and names into netlists, in ngspice: ``python tests/fuzz/border.py --minutes 30``.

Each round makes three netlists: of a hostile diode card and title, of hostile device models, and of ``rcspike spice
export`` with hostile names of files, classes and columns. What is accepted must be of the forms that the package
writes, and must not make ngspice create a file; the canary is named by its absolute path, since ngspice runs in a
folder of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import mutate
import numpy as np
from netlist_lines import foreign_lines, run_watched
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1]))
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, PhysicalScale, spice
from rcspike.cli import app
from rcspike.spice import Transistors, find_pdk

__all__ = ["Border"]

_SEEDS = Path(__file__).parent / "corpus"
_PIECES = [
    *("*#shell touch CANARY", "*# shell touch CANARY", "*#echo x > CANARY", "shell touch CANARY", "*ng_script"),
    *(".control", ".endc", ".include CANARY", ".lib CANARY tt", ".end", ".title x", ".csparam x=1", "*#write CANARY"),
    *("\n", "\n", "\n", "\r", "\r\n", "\n+ ", "\n  ", "\v", "\f", "\x1c", "\x85", "\u2028", "\0", "\t", " "),
    *(
        "\\",
        "\\\\",
        "\\\n",
        ";",
        "$ ",
        "//",
        "*",
        "`touch CANARY`",
        "$(touch CANARY)",
        "{shell}",
        "'",
        '"',
        "{",
        "}",
        "(",
    ),
    *("=", ",", ")", "is=1e-12", "n=1", "1e999", ".model dio D(is=1e-12 n=1)", "rcspike", "é", "\ud800"),
]


class Border:
    """Hostile netlists, in a folder that must not have anything else in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.canary = folder, folder.resolve() / "canary"
        self.network = Network([np.array([[0.9, -0.4], [-0.3, 0.8], [0.5, -0.2]])], Circuit())
        self.g = spice.layer_conductances(self.network.layers[0], PhysicalScale())
        self.times = np.array([0.1, 0.5, np.inf])
        self.pdk = write_pdk(folder / "pdk")
        self.models = self.pdk / "cells/nfet_01v8/sky130_fd_pr__nfet_01v8__tt.pm3.spice"
        self.good_models = self.models.read_bytes()
        self.good_cards = [file.read_bytes() for file in sorted((_SEEDS / "diode-card").glob("seed-*"))]
        self.counts: Counter[str] = Counter()

    def round(self, rng: Random) -> None:
        """One netlist of each kind."""
        card = self._mutated(rng.choice(self.good_cards), rng).decode(errors="replace")
        self._try("card", lambda: spice.layer_netlist(
            self.times, *self.g, self.network.circuit, PhysicalScale(), diode=card, title=self._text(rng)
        ))  # fmt: skip
        self.models.write_bytes(self._mutated(self.good_models, rng))
        self._try("models", lambda: spice.transistor_netlist(
            self.times, *self.g, Transistors(pdk=find_pdk(root=self.pdk)), title=self._text(rng)
        ))  # fmt: skip
        self._try("names", lambda: self._exported(rng))

    def _try(self, kind: str, make: object) -> None:
        assert callable(make)
        try:
            text = make()
        except ValueError:
            self.counts[f"{kind} rejected"] += 1
            return
        self.counts[f"{kind} accepted"] += 1
        assert foreign_lines(text) == [], text
        if not run_watched(text, self.folder, canary=self.canary):
            self.counts[f"{kind} stopped"] += 1

    def _exported(self, rng: Random) -> str:
        """The command line with a model and a table of hostile names."""
        names = [self._text(rng).replace("/", "|").replace("\0", "")[:50] or "x" for _ in range(2)]
        model, table = (self.folder / f"{name}{end}" for name, end in zip(names, (".safetensors", ".csv"), strict=True))
        cells = ['"' + self._text(rng).replace('"', '""') + '"' for _ in range(3)]
        rows = [f"{i % 3},{i % 2},{cells[2] if i % 2 else 'a'}" for i in range(12)]
        try:
            self.network.save(model)
            text = "\n".join([f"{cells[0]},{cells[1]},class", *rows])
            table.write_text(text, encoding="utf-8", errors="surrogateescape")
            options = ["--neurons", "0", "--layer", "1"]
            result = CliRunner().invoke(app, ["spice", "export", str(model), f"{table},complement=no", *options])
        except (OSError, UnicodeError) as error:  # no such name is possible in a folder
            raise ValueError(error) from error
        finally:
            model.unlink(missing_ok=True)
            table.unlink(missing_ok=True)
        assert result.exit_code in (0, 2), result.exception
        if result.exit_code:
            raise ValueError(result.output)
        return result.stdout

    def _mutated(self, good: bytes, rng: Random) -> bytes:
        """A good file with one to three hostile texts in it, or another mutation."""
        for _ in range(rng.randrange(1, 3)):
            if rng.random() < 0.6:
                at = rng.choice([0, len(good), rng.randrange(len(good) + 1)])
                text = self._text(rng).encode(errors="surrogatepass")
                good = good[:at] + rng.choice([b"", b"\n"]) + text + rng.choice([b"", b"\n"]) + good[at:]
            else:
                good = mutate.text(good, rng, lambda data: data)
        return good

    def _text(self, rng: Random) -> str:
        return "".join(rng.choices(_PIECES, k=rng.randrange(1, 6))).replace("CANARY", str(self.canary))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, end = Random(options.seed), time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        border = Border(Path(folder))
        rounds = 0
        while time.monotonic() < end:
            border.round(rng)
            rounds += 1
            if rounds % 100 == 0:
                print(f"{rounds} rounds: {dict(border.counts)}", flush=True)
    print(f"{rounds} rounds: {dict(border.counts)}; nothing was created")


if __name__ == "__main__":
    main()
