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
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

ROOT = Path(__file__).resolve().parents[1]
OURS, PEER = "#0072b2", "#7f7f7f"  # colour-blind safe; rcspike as RC-Spike everywhere, all others grey
INK, GRID = "#2b2b2b", "#e4e4e4"  # as in rcspike.plots
mpl.rcParams.update(
    {
        "svg.hashsalt": "rcspike",
        "svg.fonttype": "none",
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.edgecolor": "#8c8c8c",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
    }
)


def peers(result: dict[str, Any]) -> Figure:
    """Training throughput compared with each peer's, both measured in turns: dots, since the scale is logarithmic."""
    figure = Figure(figsize=(7.5, 5.2), layout="constrained")
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
        axes.hlines(list(y), theirs, ours, color=PEER, linewidth=1)
        axes.plot(theirs, list(y), "s", color=PEER, markersize=6, label="peer")
        axes.plot(ours, list(y), "o", color=OURS, markersize=6.5, label="rcspike")
        axes.set_yticks(list(y), [what for what, _ in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xscale("log")
        axes.grid(axis="x")
        axes.set_title(f"batch {batch}", loc="left", fontsize=9)
        times = axes.secondary_yaxis("right")
        times.set_yticks(list(y), [f"{row['ratio']:.2g} times" for _, row in rows])
        times.tick_params(length=0)
        times.spines["right"].set_visible(False)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    axes.set_xlabel("training, samples/s on all threads; on the right rcspike over the peer")
    return figure


def scaling(result: dict[str, Any]) -> Figure:
    """Time of a layer against its size, with the slope of each series."""
    figure = Figure(figsize=(7.5, 5.2), layout="constrained")
    for axes, series in zip(figure.subplots(2, 2).flat, result["series"], strict=True):
        sizes = [p["size"] for p in series["points"]]
        for what, colour in (("training", OURS), ("inference", PEER)):
            label = f"{what}, slope {series['slopes'][what]:.2f}"
            axes.loglog(sizes, [p[what] for p in series["points"]], "o-", color=colour, label=label)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.grid()
        axes.set_xlabel(series["name"])
        axes.set_ylabel("seconds a batch")
        axes.legend(loc="upper left")
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
