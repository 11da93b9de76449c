"""A layer of ideal parts as a netlist in SI units, for ngspice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray, check_array, check_times, plain_array
from rcspike._common.numbers import check_count
from rcspike.chips import ChipLayer
from rcspike.circuit import Circuit, check_ohmic
from rcspike.energy import PhysicalScale
from rcspike.functional import switch_widths
from rcspike.functional.neuron_kinds import Phases, latest_input
from rcspike.network import Layer, layer_with
from rcspike.row_load import NO_LOAD, RowLoad
from rcspike.spice.idle_rows import idle_groups
from rcspike.spice.model_card import Card, comment, diode_card
from rcspike.spice.neuron_netlists import EDGE, NeuronNetlist, edge, neuron_netlist, si
from rcspike.spice.resistor_bodies import ResistorBody, line, parts

# Longest step of the simulator in T; between spikes its own control of the error decides.
_LONGEST_STEP = 0.005
_R_ON, _R_OFF = 1e-6, 1e7  # resistance of a switch, over the minimum and the maximum of the resistors
_G_SHARE = 1e4  # conductance between two membranes that share their charge, in C / T

_IDEAL_CARD = Card("ideal_diode", "d", {"is": 1e-12, "n": 1e-4})  # drops 0.03 mV at 10 nA
_IDLE_ERROR = 3e-5  # of T, by which groups of rows that do not conduct may move a spike
_PER_LINE = 8  # saved signals


def library(*, diode: str = "none") -> str:
    """Synapses and neuron as subcircuits, for use in another test bench.

    ``synapse_plus axon rail m r=... v_d=...`` and ``synapse_minus`` are a switch, a resistor and a diode between the
    membrane `m` and the upper or lower rail; the switch, of 1 ohm, is closed while `axon` is above 0.5 V. ``neuron m
    fire c=... i_ramp=... b=... v_th=...`` is the capacitor and the ramp, which charges it while `fire` is at 1 V. All
    voltages are seen from the resting voltage, node 0. A ValueError if `diode` is something else.

    Parameters
    ----------
    diode : str
        Diode in series with each resistor: ``"none"``; ``"ideal"``, which only blocks; ``"constant"``, the drop `v_d`
        of the engine's model; or one card, ``".model NAME D(name=number ...)"``, with continuation lines (``+``). Its
        comments are left out.

    Examples
    --------
    >>> [line for line in library(diode="constant").splitlines() if line.startswith(".subckt")][0]
    '.subckt synapse_plus axon rail m params: r=10meg v_d=0'
    """
    return "\n".join(_library(diode, NO_LOAD, PhysicalScale(), r_on=1.0, r_off=1e15))


def verilog_a() -> str:
    """Synapse and neuron as modules of Verilog-A, for simulators that do not read the dialect of ngspice.

    ``rcspike_synapse(axon, rail, m)`` has the parameters `r`, `v_d` and `side`, which is -1 for the lower rail.
    ``rcspike_neuron(m, fire, spike)`` has `c`, `v_th`, `i_ramp` and `b`, and a comparator whose output is `spike`.
    Units are SI, and voltages are seen from the resting voltage, the ground.

    Examples
    --------
    >>> [line for line in verilog_a().splitlines() if line.startswith("module")]
    ['module rcspike_synapse(axon, rail, m);', 'module rcspike_neuron(m, fire, spike);']
    """
    return files(__package__).joinpath("rcspike.va").read_text(encoding="utf-8")


def _library(diode: str, load: RowLoad, scale: PhysicalScale, *, r_on: float, r_off: float) -> Iterator[str]:
    known = {"none": None, "constant": None, "ideal": _IDEAL_CARD}
    card = known[diode] if diode in known else diode_card(diode)
    element = "V1 {} {} {{v_d}}" if diode == "constant" else None if card is None else f"D1 {{}} {{}} {card.name}"
    yield "* Subcircuits; voltages are seen from the resting voltage, node 0; axon and fire are at 0 or 1 V"
    yield f".model axon_switch SW(vt=0.5 vh=0 ron={si(r_on)} roff={si(r_off)})"
    if card is not None:
        yield str(card)
    for name, ends in (("plus", "b m"), ("minus", "m b")):  # current flows from the upper rail and to the lower one
        yield ""
        drop = " v_d=0" if diode == "constant" else ""
        width = " width=1" if _farads(load, name, scale)[1] > 0 else ""
        yield f".subckt synapse_{name} axon rail m params: r=10meg{drop}{width}"
        if load.is_absent:
            yield "S1 rail a axon 0 axon_switch"
            yield f"R1 a {'m' if element is None else 'b'} {{r}}"
        else:
            yield from _with_load(load, name, scale)
        if element is not None:
            yield element.format(*ends.split())
        yield f".ends synapse_{name}"
    yield ""
    yield ".subckt neuron m fire params: c=140f i_ramp=122n b=0 v_th=0.872"
    yield "C1 m 0 {c} ic=0"
    yield "B1 0 m I={i_ramp*V(fire)*(1-b*V(m)/v_th)}"
    yield ".ends neuron"
    yield ""


def _with_load(load: RowLoad, rail: str, scale: PhysicalScale) -> Iterator[str]:
    """Switch, junction and resistor of a synapse; what is on the side of the rail is charged at the start, as to it."""
    per_ohm, junction = _farads(load, rail, scale)
    near, far = parts(load.position)

    def part(name: str, ends: tuple[str, str], share: float, sections: int, to: str) -> Iterator[str]:
        yield from _resistor(name, ends, sections, share, share * per_ohm, to=to, text=lambda x: f"{{r*{si(x)}}}")

    source = "s" if load.position > 0 else "rail"
    if load.position > 0:
        yield from part("near", ("rail", source), *near, "rail")
    yield f"S1 {source} a axon 0 axon_switch"
    if junction > 0:
        yield f"Cjunction a 0 {{width*{si(junction)}}}"
    yield from part("far", ("a", "m"), *far, "0")


def _resistor(
    name: str,
    ends: tuple[str, str],
    sections: int,
    ohms: float,
    farads: float,
    *,
    to: str = "0",
    text: Callable[[float], str] = si,
) -> Iterator[str]:
    """A resistor, as a line if it has a body."""
    if farads == 0:
        yield f"R{name} {ends[0]} {ends[1]} {text(ohms)}"
        return
    values = {"ohms": ohms, "half": 0.5 * ohms, "farads": farads}
    yield from line(name, ends, sections, to=to, **{key: text(value / sections) for key, value in values.items()})


def netlist_load(circuit: Circuit, scale: PhysicalScale, body: ResistorBody | None) -> RowLoad:
    """What rows put on the membranes of a netlist: the load of its circuit, or a body of resistors alone.

    A ValueError if there are both, or if a switch of rows with a load is at the membrane.
    """
    check_ohmic(circuit, "netlists")
    load = circuit.loads[0] if body is None else body.load_of_rows(scale)
    if body is not None and not circuit.loads[0].is_absent:
        raise ValueError("the bodies of the resistors are those of the load of the circuit: leave out body")
    if load.position == 1 and not load.is_absent:
        raise ValueError("a netlist has a part of each resistor between switch and membrane, got a position of 1")
    return load


def _widths(g: Float64Array, rail: str, scale: PhysicalScale, load: RowLoad) -> Float64Array:
    """Widths of the switches of conductances in S, as multiples of the narrowest."""
    width = load.width_plus if rail == "plus" else load.width_minus
    return switch_widths(g, width / scale.siemens(1.0))


def _farads(load: RowLoad, rail: str, scale: PhysicalScale) -> tuple[float, float]:
    """Capacitance of a resistor in F per ohm, and that of an open switch to a rail, "plus" or "minus", in F."""
    junction = load.junction_plus if rail == "plus" else load.junction_minus
    return load.body * scale.capacitance**2 / scale.window, junction * scale.capacitance


def layer_conductances(layer: Layer, scale: PhysicalScale) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Conductances of the synapses to the upper and to the lower rail.

    Those of weights are abs(w) / abs(E), on the side of the sign. The layer of a chip has device pairs: where its
    devices cannot be off, both of a pair conduct. Everything else that a chip has, such as its capacitances, is a part
    of the netlist's own columns.

    A TypeError if it is a layer of a device network; a ValueError if a rail is infinite.

    Parameters
    ----------
    layer : rcspike.network.ResistiveLayer or rcspike.chips.ChipLayer
        A layer on finite rails.

    Returns
    -------
    g_plus, g_minus : (n_in, n_out)
        Conductances in S.

    Examples
    --------
    >>> network = Network([np.array([[0.5], [-1.0]])], Circuit(v_syn=2.0))
    >>> g_plus, g_minus = layer_conductances(network.layers[0], PhysicalScale())
    >>> (1e9 * g_plus).round(1).tolist(), (1e9 * g_minus).round(1).tolist()
    ([[35.0], [0.0]], [[0.0], [70.0]])

    A device that the weight does not use has a hundredth of the largest conductance:

    >>> from rcspike.chips import Devices
    >>> g_plus, g_minus = layer_conductances(Devices(on_off=101.0).program(network.layers[0]), PhysicalScale())
    >>> (1e9 * g_plus).round(1).tolist(), (1e9 * g_minus).round(1).tolist()
    ([[35.7], [0.7]], [[0.7], [70.7]])
    """
    circuit, unit = layer.circuit, scale.siemens(1.0)
    check_ohmic(circuit, "columns in SPICE")
    if math.isinf(circuit.e_plus) or math.isinf(circuit.e_minus):
        raise ValueError(
            f"there is no resistor to a rail at {circuit.e_plus} or {circuit.e_minus} V_th: SPICE needs finite rails; "
            "v_syn = 1000 is as good as conventional"
        )
    if isinstance(layer, ChipLayer):
        g_plus, g_minus = layer.conductances()
        return unit * g_plus, unit * g_minus
    devices = layer_with(layer, "devices", "SPICE").devices()
    plus, minus = (unit * g.astype(np.float64) for g in (devices.plus, devices.minus))
    return plus / circuit.e_plus, minus / -circuit.e_minus


def layer_netlist(
    times: FloatArray,
    g_plus: npt.NDArray[np.float64],
    g_minus: npt.NDArray[np.float64],
    circuit: Circuit,
    scale: PhysicalScale,
    *,
    diode: str = "none",
    names: Sequence[int] | None = None,
    title: str = "a layer",
    phases: Phases = "two",
    until: float | None = None,
    membranes: int = 1,
    body: ResistorBody | None = None,
) -> str:
    """One sample in a layer as a netlist: its charging phase from 0 to T, its firing phase from T to 2 T.

    Of single-phase neurons, membranes charge until a time that is given, without a ramp. Nothing resets one that
    reaches the threshold, which does not move the time at which it does so first.

    Only inputs that spike and conductances above 0 are in it, unless the circuit has a load or resistors have a body:
    then those whose inputs do not spike load the membranes, in groups of similar ones, and the capacitors are smaller
    by the load of all.
    Membranes are the nodes ``m0``, ``m1``, ...; the rails are the sources ``Vplus`` and ``Vminus``. Of a neuron of
    several membranes, the others are ``m0_1``, ``m0_2``, ..., which conductances connect to the first from the end of
    charging on.

    Parameters
    ----------
    times : (n_in,)
        Input spike times in T; ``inf`` or above 1, or not before `until`, means no spike.
    g_plus, g_minus : (n_in, n_out membranes)
        Conductance to either rail in S, as `layer_conductances` makes them of weights; both above 0 is a device pair.
    circuit : Circuit
        Rails, ramp, injection, and the drop of a ``"constant"`` diode. Its load is in the netlist: the bodies of
        resistors as lines of ten sections, the junctions of switches as capacitors between switch and resistor.
    diode : str
        As in `library`.
    names : (n_out,) sequence of int, optional
        Numbers of the neurons; 0, 1, ... by default.
    title : str
        First line of the netlist.
    phases : {"two", "single"}
        Kind of the neurons.
    until : float, optional
        Single phase: time in T at which the simulation ends; 10 by default, when an inference without an answer ends.
    membranes : int
        Columns that share their charge in one neuron, one after another, as in `rcspike.network.ResistiveLayer`.
    body : ResistorBody, optional
        Capacitance of the resistors along their length, and the place of their switches, if the circuit has no load.

    Raises
    ------
    ValueError
        If a shape does not fit, a time is negative or NaN, a conductance is negative or not finite, a rail is infinite,
        `until` is not above 0 and finite, a name is negative, `diode` is unknown, there are both loads and diodes, both
        a load of the circuit and a body, or loads of more than the capacitance of a membrane.

    Examples
    --------
    >>> from rcspike.network import ResistiveLayer
    >>> circuit, scale = Circuit(v_syn=1.0), PhysicalScale()
    >>> g = layer_conductances(ResistiveLayer(np.array([[0.5], [-1.0]]), circuit), scale)
    >>> text = layer_netlist(np.array([0.25, np.inf]), *g, circuit, scale)
    >>> [line for line in text.splitlines() if line.startswith("Xplus")]
    ['Xplus0_0 in0 plus m0 synapse_plus r=14285714.3']
    """
    times, neurons = check_times(times, 1, latest=latest_input(phases)), neuron_netlist(phases, until, scale)
    g_plus, g_minus = check_conductances(len(times), g_plus, g_minus)
    n_columns = g_plus.shape[1]
    if np.any(np.isnan(times)) or np.any(times < 0):
        raise ValueError(f"times must not be negative or NaN, got {times[~(times >= 0)][0]}")
    check_ohmic(circuit, "columns in SPICE")
    if not math.isfinite(circuit.e_plus - circuit.e_minus):
        raise ValueError(f"rails must be finite, got {circuit.e_plus} and {circuit.e_minus} V_th")
    n_out = n_columns // membranes
    if n_columns % membranes:
        raise ValueError(f"the {n_columns} columns are not neurons of {membranes} membranes each")
    numbers = neuron_numbers(names, n_out)
    lines = [comment(title), *_header(circuit, scale), ""]
    g = np.concatenate([g_plus, g_minus])
    g = g[g > 0] if np.any(g > 0) else np.ones(1)
    load = netlist_load(circuit, scale, body)
    if not load.is_absent and diode != "none":
        raise ValueError(f"rows load the membranes of a netlist without diodes only, got diode {diode!r}")
    lines += _library(diode, load, scale, r_on=_R_ON / np.max(g), r_off=_R_OFF / np.min(g))
    lines += [*_sources(circuit, scale, neurons), *_spikes(times, scale, neurons)]
    spiking = np.flatnonzero(times < neurons.listens - EDGE)  # one that comes still later moves nothing
    idle = np.setdiff1d(np.arange(len(times)), spiking)
    loaded = _capacitances(g_plus, g_minus, scale, load)
    for i, number in enumerate(numbers):
        of_neuron = range(i * membranes, (i + 1) * membranes)
        lines += _neuron(number, [loaded[k] for k in of_neuron], circuit, scale, neurons)
        for k, m in zip(of_neuron, membrane_nodes(number, membranes), strict=True):
            for rail, of_rail in (("plus", g_plus), ("minus", g_minus)):
                lines += _idle_rows(m, rail, of_rail[idle, k], scale, load)
            lines += _synapses(m, g_plus[:, k], g_minus[:, k], spiking, circuit, scale, diode)
            closed = times <= neurons.listens
            lines += _switches(m, g_plus[closed, k], g_minus[closed, k], circuit, scale)
    membranes_of = [m for number in numbers for m in membrane_nodes(number, membranes)]
    lines += ["* Membranes, and the currents that the rails deliver", *_saved([f"v({m})" for m in membranes_of])]
    lines += [*_saved(["i(Vplus)", "i(Vminus)"]), ""]
    longest = si(_LONGEST_STEP * scale.window)
    options = {name: si(x) for name, x in _tolerances(scale).items()}
    if not load.is_absent:
        options |= _with_lines(scale)
    lines += [".options " + " ".join(f"{name}={value}" for name, value in options.items())]
    lines += [f".tran {longest} {si(neurons.stop * scale.window)} 0 {longest} uic", ".end", ""]
    return "\n".join(lines)


def check_conductances(n_in: int, g_plus: Float64Array, g_minus: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Conductances in S of the synapses to the two rails as plain arrays (n_in, n_columns).

    A TypeError or ValueError if they have another shape or dtype, or one is negative or not finite.
    """
    plain = {name: plain_array(name, g) for name, g in (("g_plus", g_plus), ("g_minus", g_minus))}
    n_columns = plain["g_plus"].shape[-1]
    for name, g in plain.items():
        check_array(name, g, 2)
        if g.shape != (n_in, n_columns):
            raise ValueError(f"{name} must have shape ({n_in}, {n_columns}) to match the times, got {g.shape}")
        if not np.all((g >= 0) & (g < np.inf)):
            raise ValueError(f"{name} must be finite and not negative, got {g[~((g >= 0) & (g < np.inf))][0]}")
    return plain["g_plus"], plain["g_minus"]


def neuron_numbers(names: Sequence[int] | None, n_out: int) -> Sequence[int]:
    """Numbers of the neurons in a netlist; ValueError or TypeError if they are not whole numbers, one for each."""
    numbers = range(n_out) if names is None else [check_count("names", number, 0) for number in names]
    if len(numbers) != n_out:
        raise ValueError(f"names must have one number for each of {n_out} neurons, got {len(numbers)}")
    return numbers


def _saved(signals: Sequence[str]) -> Iterator[str]:
    yield from (f".save {' '.join(signals[i : i + _PER_LINE])}" for i in range(0, len(signals), _PER_LINE))


def _tolerances(scale: PhysicalScale) -> dict[str, float]:
    """In proportion to the circuit: ngspice's defaults are made for milliamperes, not for nanoamperes."""
    return {
        "reltol": 1e-5,
        "trtol": 1.0,
        "vntol": scale.volts(1e-9),
        "abstol": scale.amperes(1e-10),
        "chgtol": scale.capacitance * scale.volts(1e-7),
        "gmin": scale.siemens(1e-13),
    }


def _with_lines(scale: PhysicalScale) -> dict[str, str]:
    """Options that differ for lines: the end of a fast one rings, and ngspice took endless steps in 1 of 10 columns."""
    charge = scale.capacitance * scale.volts(3e-5)
    return {"method": "gear", "trtol": "7", "vntol": si(scale.volts(1e-7)), "chgtol": si(charge)}


def _header(circuit: Circuit, scale: PhysicalScale) -> Iterator[str]:
    yield f"* V_th {si(scale.v_th)} V, T {si(scale.window)} s, C {si(scale.capacitance)} F"
    rails = f"rails {si(circuit.e_plus)} and {si(circuit.e_minus)} V_th"
    yield f"* {rails}, diode drop {si(circuit.diode_drop)} V_th, ramp {circuit.ramp:g}"


def _sources(circuit: Circuit, scale: PhysicalScale, neurons: NeuronNetlist) -> Iterator[str]:
    yield f"* Rails, and {neurons.ramps}"
    yield f"Vplus plus 0 {si(scale.volts(circuit.e_plus))}"
    yield f"Vminus minus 0 {si(scale.volts(circuit.e_minus))}"
    yield f"Vfire fire 0 {neurons.fire}"
    yield ""


def _spikes(times: FloatArray, scale: PhysicalScale, neurons: NeuronNetlist) -> Iterator[str]:
    yield f"* Input spikes: the axon is high from the spike {neurons.axons}"
    for j in np.flatnonzero(times < neurons.listens - EDGE):
        start, end = edge(scale, max(scale.seconds(float(times[j])), 0.5 * EDGE * scale.window))
        low = "" if float(start) == 0 else "0 0 "
        yield f"Vin{j} in{j} 0 PWL({low}{start} 0 {end} 1{neurons.falls})"
    yield ""


def membrane_nodes(number: int, membranes: int) -> list[str]:
    """Nodes of the membranes of a neuron."""
    return [f"m{number}", *(f"m{number}_{k}" for k in range(1, membranes))]


def _capacitances(g_plus: Float64Array, g_minus: Float64Array, scale: PhysicalScale, load: RowLoad) -> list[float]:
    """Capacitors in F of the columns: without what all of their rows load them with."""
    loads = np.zeros(g_plus.shape[1])
    for rail, g in (("plus", g_plus), ("minus", g_minus)):
        per_ohm, junction = _farads(load, rail, scale)
        ohms = np.divide(1.0, g, out=np.zeros_like(g), where=g > 0)
        loads += (1 - load.position) * per_ohm * ohms.sum(axis=0) + junction * _widths(g, rail, scale, load).sum(axis=0)
    if np.any(loads >= scale.capacitance):
        raise ValueError(
            f"the junctions and bodies of a column have {loads.max():.3g} F, all of the membrane's "
            f"{scale.capacitance:.3g} F: raise the capacitance or leave out the smallest weights"
        )
    left: list[float] = (scale.capacitance - loads).tolist()
    return left


def _idle_rows(m: str, rail: str, g: Float64Array, scale: PhysicalScale, load: RowLoad) -> Iterator[str]:
    """What rows to a rail that never conduct load a membrane with: resistors that end at an open switch."""
    per_ohm, junction = _farads(load, rail, scale)
    if not np.any(g > 0) or per_ohm == junction == 0:
        return
    share, sections = parts(load.position)[1]
    groups = idle_groups(
        share / g[g > 0],
        _widths(g[g > 0], rail, scale, load),
        junction=junction,
        per_ohm=per_ohm,
        window=scale.window,
        capacitance=scale.capacitance,
        allowed=_IDLE_ERROR / 2,  # of either rail
    )
    for k, group in enumerate(groups):
        name = f"idle{rail}{k}_{m[1:]}"
        yield from _resistor(name, (name, m), sections, group.ohms, group.farads)
        if junction > 0:
            yield f"Cjunction{name} {name} 0 {si(group.multiple * junction)}"
    yield ""


def _neuron(
    number: int, capacitances: Sequence[float], circuit: Circuit, scale: PhysicalScale, neurons: NeuronNetlist
) -> Iterator[str]:
    b, m = circuit.ramp, f"m{number}"
    slope = 1.0 if b == 0 else -math.log1p(-b) / b  # so that the ramp takes T from rest to threshold for every b
    i_ramp = si(scale.amperes(slope))
    yield f"* Neuron {number}: t_out counts from the start of charging; it fails for {neurons.fails}"
    parameters = f"i_ramp={i_ramp} b={si(b)} v_th={si(scale.v_th)}"
    for one, farads in zip(membrane_nodes(number, len(capacitances)), capacitances, strict=True):
        yield f"Xneuron{one[1:]} {one} fire neuron c={si(farads)} {parameters}"
        if one != m:
            siemens = si(scale.siemens(_G_SHARE))
            yield f"Bshare{one[1:]} {one} {m} I={{{siemens}*V(fire)*V({one},{m})}}"
    yield f".meas tran t_out{number} WHEN v({m})={si(scale.v_th)} RISE=1{neurons.after}"
    yield ""


def _synapses(
    m: str,
    g_plus: npt.NDArray[np.float64],
    g_minus: npt.NDArray[np.float64],
    spiking: npt.NDArray[np.int64],
    circuit: Circuit,
    scale: PhysicalScale,
    diode: str,
) -> Iterator[str]:
    drop = f" v_d={si(scale.volts(circuit.diode_drop))}" if diode == "constant" else ""
    load = circuit.loads[0]
    for rail, g in (("plus", g_plus), ("minus", g_minus)):
        widths, (_, junction) = _widths(g, rail, scale, load), _farads(load, rail, scale)
        for j in spiking[g[spiking] > 0]:
            wide = f" width={si(widths[j])}" if junction > 0 else ""
            yield f"X{rail}{j}_{m[1:]} in{j} {rail} {m} synapse_{rail} r={si(1 / g[j])}{drop}{wide}"


def _switches(
    m: str,
    g_plus: npt.NDArray[np.float64],
    g_minus: npt.NDArray[np.float64],
    circuit: Circuit,
    scale: PhysicalScale,
) -> Iterator[str]:
    """The charge of all switches of a membrane, of given conducting devices, as one pulse just before they open."""
    plus, minus = circuit.injections[0]
    wide_plus, wide_minus = (
        _widths(g, rail, scale, circuit.loads[0]) for rail, g in (("plus", g_plus), ("minus", g_minus))
    )
    injected = plus * wide_plus.sum() + minus * wide_minus.sum()
    if injected == 0:
        return
    # Long compared with its edges, on which the simulator's first step is not exact.
    edge, length = EDGE * scale.window, 20 * EDGE * scale.window
    end = scale.window - 0.5 * edge
    current = scale.capacitance * scale.volts(float(injected)) / (length - edge)
    corners = [(end - length, 0.0), (end - length + edge, current), (end - edge, current), (end, 0.0)]
    yield f"Iswitches{m[1:]} 0 {m} PWL(0 0 {' '.join(f'{si(t)} {si(i)}' for t, i in corners)})"
    yield ""
