"""The devices of a layer's synapses in a process: their number, size and limits, and the switches that they need."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.circuit import Circuit, check_ohmic
from rcspike.energy.activity_counts import Columns, columns_of
from rcspike.energy.operating_point_in_volts import OperatingPoint, conductance_unit
from rcspike.energy.process import Process
from rcspike.network import Network
from rcspike.neurons import two_phase_only

_ROUNDING = 1e-6  # of weights in float32, as a fraction


@dataclass(frozen=True, kw_only=True)
class LayerDevices:
    """Devices of a layer, those of all positions of a convolution.

    Parameters
    ----------
    drawn : int
        Number of devices.
    below, above : int
        Number of weights that need less, or more, than the conductances that the device can have. Where a device is
        drawn for each weight, a weight of 0 needs none.
    smallest, largest : float
        Conductances in S of weights other than 0; 0 if there is none.
    area : float
        Of the devices in m2.
    body : float
        Capacitance in F of the bodies of all devices of a column, in the column that has most of it.
    widest : float
        Width of the widest switch, as a multiple of the narrowest one.
    gates_plus, gates_minus : float
        Gates of switches that a synapse puts on the line of the upper and on that of the lower rail: mean over the
        synapses, as multiples of that of the narrowest switch.
    """

    drawn: int
    below: int
    above: int
    smallest: float
    largest: float
    area: float
    body: float
    widest: float
    gates_plus: float
    gates_minus: float


def device_conductances(process: Process, columns: Columns) -> tuple[Float64Array, Float64Array]:
    """g+ and g- in S, (n_rows, n_columns), of the columns of one position.

    A weight w is the conductance ``abs(w / E) C / T`` to the rail E of its sign, with the C of the process: capacitor,
    wire and junctions. A ValueError if the columns have no resistors.
    """
    if columns.g_plus is None or columns.g_minus is None:
        raise ValueError("a layer on an infinite rail has current sources and no resistors: give a finite v_syn")
    unit = conductance_unit(process, columns.rows)
    return columns.g_plus * unit, columns.g_minus * unit


def layer_devices(process: Process, columns: Columns) -> LayerDevices:
    """The devices of a layer.

    Parameters
    ----------
    process : Process
    columns : Columns
        As `columns_of` makes them.

    Notes
    -----
    Where a process has two devices in each synapse, as programmable ones need, that of the other rail has the least
    conductance, and the one that stands for the weight has that much more; so weights are never too small. Where it has
    one, that of a weight of 0 is left out. A switch is as wide as its resistor needs: `switch_margin` times the
    resistance of the switch, or more.

    Examples
    --------
    >>> from rcspike.energy.activity_counts import columns_of
    >>> from rcspike.energy.process import load_process
    >>> from rcspike import Circuit, Network
    >>> network = Network([np.array([[0.5, -0.02], [0.005, 0.0]])], Circuit(v_syn=1.0))
    >>> found = layer_devices(load_process("sky130-poly"), columns_of(network.layers[0]))
    >>> found.drawn, found.below, f"{found.smallest:.2g} S", f"{found.area * 1e12:.0f} um2"
    (3, 1, '5e-07 S', '464 um2')
    """
    p, pairs = process, process.devices_per_synapse == 2
    wanted = np.stack(device_conductances(process, columns))  # (2, n_rows, n_columns)
    positions = columns.columns // wanted.shape[2]
    offset = p.device_min_conductance if pairs else 0.0
    drawn = (wanted > 0) | pairs
    g = np.where(drawn, wanted + offset, 0.0)
    resistance = np.divide(1.0, g, out=np.zeros_like(g), where=g > 0)
    ohms = np.array([p.switch_resistance_plus, p.switch_resistance_minus])[:, np.newaxis, np.newaxis]
    width = np.where(drawn, np.maximum(1.0, p.switch_margin * ohms * g), 0.0)
    bodies = p.device_capacitance_per_ohm * resistance.sum(axis=(0, 1))
    gates_plus, gates_minus = width.sum(axis=(1, 2)) / wanted[0].size
    some = wanted[wanted > 0]
    return LayerDevices(
        drawn=positions * int(np.count_nonzero(drawn)),
        below=0 if pairs else positions * int(np.count_nonzero(some < p.device_min_conductance * (1 - _ROUNDING))),
        above=positions * int(np.count_nonzero(some + offset > p.device_max_conductance * (1 + _ROUNDING))),
        smallest=float(some.min(initial=some.max(initial=0.0))),
        largest=float(some.max(initial=0.0)),
        area=positions * float(np.sum(p.device_area * drawn + p.device_area_per_ohm * resistance)),
        body=float(bodies.max(initial=0.0)),
        widest=float(width.max(initial=1.0)),
        gates_plus=float(gates_plus),
        gates_minus=float(gates_minus),
    )


def weight_range(process: Process, circuit: Circuit, n_rows: int) -> tuple[float, float]:
    """Smallest and largest abs(w) in V_th / T that the devices of a column of `n_rows` can be made for.

    On rails of different size, both can be made for weights of either sign. Where a synapse has two devices, weights
    are differences, and the smallest is 0.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> [round(w, 4) for w in weight_range(load_process("sky130-poly"), Circuit(v_syn=1.0), 784)]
    [0.0094, 0.9443]
    """
    check_ohmic(circuit, "weights of a process")
    rails = circuit.e_plus, -circuit.e_minus
    unit = conductance_unit(process, n_rows)
    least, most = process.device_min_conductance / unit, process.device_max_conductance / unit
    if process.devices_per_synapse == 2:
        return 0.0, (most - least) * min(rails)
    return least * max(rails), most * min(rails)


def with_switches(network: Network, point: OperatingPoint) -> Network:
    """The same weights on a circuit with the switches, bodies and comparators of a process.

    Raises
    ------
    ValueError
        If its cells have no switches, the neurons have a single phase, or the circuit has an injection or loads.

    Examples
    --------
    >>> from rcspike.energy import load_process, operating_point
    >>> network = Network([np.array([[0.5]])], Circuit(v_syn=1.0))
    >>> with_switches(network, operating_point(network.circuit, load_process("sky130-poly"))).circuit.delay
    0.084
    """
    two_phase_only(network, "a process with switches")
    if point.process.selector != "switch":
        raise ValueError(f"{point.process.name} has no switch in each cell: choose a process that has, as sky130-poly")
    if network.circuit.injects or network.circuit.loads_membranes:
        raise ValueError("the circuit of the model has a charge of its switches, or loads, which are counted already")
    rows = [columns_of(layer).rows for layer in network.layers]
    return network.rescaled(point.with_switches((*rows, network.sizes[-1])), plus=1.0, minus=1.0)


def clipped(network: Network, process: Process) -> Network:
    """The network with each weight at the nearest one that the devices of a process can be made for.

    Where a device is drawn for each weight, one that is nearer to 0 than to the smallest one is left out.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> network = Network([np.array([[0.5, -0.009, 0.004, 2.0]])], Circuit(v_syn=1.0))
    >>> clipped(network, load_process("sky130-poly")).weights[0].round(3)
    array([[ 0.5 , -0.01,  0.  ,  1.  ]])
    """
    layers = []
    for layer in network.layers:
        w = layer.weights
        least, most = weight_range(process, network.circuit, columns_of(layer).rows)
        size = np.where(np.abs(w) < least / 2, 0, np.clip(np.abs(w), least, most))
        layers.append(replace(layer, weights=(np.sign(w) * size).astype(w.dtype)))
    return Network.of_layers(layers)
