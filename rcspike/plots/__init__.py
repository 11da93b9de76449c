"""Figures: how a run learned, how its network computes, and its energy.

matplotlib is imported inside the functions, so that the package does without it; none of its global state is used.
"""

from rcspike.plots._chips import chips_figure
from rcspike.plots._comparison import trace_figure
from rcspike.plots._confusion import confusion_figure
from rcspike.plots._energy import energy_figure
from rcspike.plots._latency import latency_figure
from rcspike.plots._maps import maps_figure
from rcspike.plots._offsets import offsets_figure
from rcspike.plots._pareto import pareto_figure
from rcspike.plots._spice import spice_figure
from rcspike.plots._style import check_available, circuit_colour, circuit_name, save_figure
from rcspike.plots._sweep import sweep_figure
from rcspike.plots._tornado import tornado_figure
from rcspike.plots._traces import LayerTraces, layer_traces
from rcspike.plots._training import training_figure

__all__ = [
    "LayerTraces",
    "check_available",
    "chips_figure",
    "circuit_colour",
    "circuit_name",
    "confusion_figure",
    "energy_figure",
    "latency_figure",
    "layer_traces",
    "maps_figure",
    "offsets_figure",
    "pareto_figure",
    "save_figure",
    "spice_figure",
    "sweep_figure",
    "tornado_figure",
    "trace_figure",
    "training_figure",
]


def __dir__() -> list[str]:
    return __all__
