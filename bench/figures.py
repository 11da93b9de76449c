"""Draws the figures of docs/benchmarks.md from the results in bench/results.

python bench/figures.py [--results DIR] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

ROOT = Path(__file__).resolve().parents[1]
OURS, PEER = "#0072b2", "#999999"  # colour-blind safe; rcspike as RC-Spike everywhere, all others grey
mpl.rcParams.update({"svg.hashsalt": "rcspike", "svg.fonttype": "none", "font.size": 9})


def peers(result: dict[str, Any]) -> Figure:
    """Training throughput compared with each peer's, both measured in turns."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    for axes, batch in zip(figure.subplots(2, 1, sharex=True), (64, 256), strict=True):
        rows = [
            (peer["what"], row)
            for peer in result["peers"].values()
            for row in peer.get("rows", [])  # a peer that is missing has none
            if row["batch"] == batch
        ]
        rows.sort(key=lambda row: row[1]["ratio"])
        y = range(len(rows))
        ours, theirs = ([row[key] for _, row in rows] for key in ("rcspike_samples_per_second", "samples_per_second"))
        axes.barh([i + 0.2 for i in y], ours, 0.4, color=OURS, label="rcspike")
        axes.barh([i - 0.2 for i in y], theirs, 0.4, color=PEER, label="peer")
        axes.set_yticks(list(y), [f"{what} ({row['ratio']:.2g})" for what, row in rows])
        axes.set_xscale("log")
        axes.set_title(f"batch {batch}", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper right")
    axes.set_xlabel("training, samples/s on all threads")
    return figure


def scaling(result: dict[str, Any]) -> Figure:
    """Time of a layer against its size, with the slope of each series."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    for axes, series in zip(figure.subplots(2, 2).flat, result["series"], strict=True):
        sizes = [p["size"] for p in series["points"]]
        for what, colour in (("training", OURS), ("inference", PEER)):
            label = f"{what}, slope {series['slopes'][what]:.2f}"
            axes.loglog(sizes, [p[what] for p in series["points"]], "o-", color=colour, label=label)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(series["name"])
        axes.set_ylabel("seconds a batch")
        axes.legend()
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, draw, source in (("peers", peers, "compare"), ("scaling", scaling, "scaling")):
        result = json.loads((args.results / f"{source}.json").read_text())
        draw(result).savefig(args.out / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
