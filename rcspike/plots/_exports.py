"""The public names of `rcspike.plots`, which are all imported when the first of them is used."""

from rcspike.plots.accuracy_against_energy import offsets_figure, pareto_figure
from rcspike.plots.answer_time_curves import latency_figure
from rcspike.plots.chip_accuracy import chips_figure
from rcspike.plots.chip_curves import chip_curves_figure
from rcspike.plots.circuit_comparison import trace_figure
from rcspike.plots.conductance_histogram import conductance_figure
from rcspike.plots.confusion_matrix import confusion_figure
from rcspike.plots.decision_plane import plane_figure
from rcspike.plots.design_front import design_front_figure
from rcspike.plots.device_trade import device_trade_figure
from rcspike.plots.energy_bars import energy_figure
from rcspike.plots.figure_style import check_available, circuit_colour, circuit_name, save_figure
from rcspike.plots.learning_curves import training_figure
from rcspike.plots.map_images import maps_figure
from rcspike.plots.membrane_panels import LayerTraces, layer_traces
from rcspike.plots.output_margins import margins_figure
from rcspike.plots.spice_overlay import spice_figure
from rcspike.plots.sweep_curves import sweep_figure
from rcspike.plots.table_inputs import input_names
from rcspike.plots.tornado import tornado_figure

__all__ = [
    "LayerTraces",
    "check_available",
    "chip_curves_figure",
    "chips_figure",
    "circuit_colour",
    "circuit_name",
    "conductance_figure",
    "confusion_figure",
    "design_front_figure",
    "device_trade_figure",
    "energy_figure",
    "input_names",
    "latency_figure",
    "layer_traces",
    "maps_figure",
    "margins_figure",
    "offsets_figure",
    "pareto_figure",
    "plane_figure",
    "save_figure",
    "spice_figure",
    "sweep_figure",
    "tornado_figure",
    "trace_figure",
    "training_figure",
]
