"""A layer at transistor level: columns with the transistors of a process, in absolute volts, for ngspice.

A column is made of parts: synapses that conduct during the phase, synapses that do not, the membrane, the ramp and the
comparator. Each part is a function that yields its lines, so that another neuron or another wiring reuses the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray, check_times
from rcspike._common.numbers import check_count, number
from rcspike.energy import PhysicalScale
from rcspike.functional import switch_widths
from rcspike.spice import ramp_and_comparator
from rcspike.spice.ideal_netlist import check_conductances, membrane_nodes, neuron_numbers
from rcspike.spice.idle_rows import RowGroup, idle_groups
from rcspike.spice.model_card import comment
from rcspike.spice.pdk import CORNERS, Fet, JunctionDiode, Pdk
from rcspike.spice.resistor_bodies import ResistorBody, line

SYNAPSES = ("switch", "diode")
RAMPS = ("ideal", "mirror")
COMPARATORS = ("ideal", "ota")
_LEAD = 0.01  # of T: the operating point before the charging phase; longer if the edge of a spike at 0 is
_LONGEST_EDGE = 0.05  # of T: with longer ones the neurons of a layer would see each other's edges and not spikes
# Longest step in T, and relative tolerance. The femtocoulombs of a comparator need more than those of the column: spike
# times are then within 0.001 % of T of those with steps four times shorter, and were wrong by 0.3 % without.
_LONGEST_STEP = {"ideal": 0.02, "ota": 0.002}
_TOLERANCE = {"ideal": 1e-4, "ota": 1e-5}
# Steps of the simulator in which all switches open. With 4 to 6, which it takes by itself, the charge that a switch
# leaves is wrong by a tenth, which was 0.2 to 0.5 % of T; with 20 steps spike times are right to 0.001 % of T.
_STEPS_OF_OPENING = 20
_DRAWN_WIDTH = 0.42e-6  # m, of the switch that `junction` belongs to
# Width of the gates between membranes that share charge, divided by that of a switch.
_GATE_WIDTH = 10
# F with which a row that does not conduct loads the membrane, to the upper and to the lower rail, in the middle of the
# ramp, 0.225 V above rest, by the published models (tt, 27 °C).
_JUNCTIONS = {"switch": (0.251e-15, 0.302e-15), "diode": (0.141e-15, 0.170e-15)}
# Diode to the upper and to the lower rail. Each has the well that all rows of a column share at the membrane, so that
# the capacitance of the well is a part of the capacitor. The square is the smallest that the layout generator of the
# PDK draws by itself (sky130.tcl of open_pdks: w 0.45, l 0.45).
_DIODES, _DIODE_SIDE = ("pd2nw_05v5", "pw2nd_05v5"), 0.45e-6
# V from rest between a diode and a switch at the start: where the leakage of the switch brings it (tt, 27 °C), which
# takes longer than both phases. ngspice does not find the operating point of such nodes by itself.
_AT_DIODE = 0.08


@dataclass(frozen=True, kw_only=True)
class Transistors:
    """Design of the columns at transistor level.

    A synapse is a transistor between its rail and its resistor, whose other end is the membrane: an nfet at the lower
    rail, a pfet at the upper one. With diodes, a junction of 0.45 um by 0.45 um is between resistor and membrane: p+ in
    the n-well at the upper rail, n+ in the p-well at the lower one.

    Parameters
    ----------
    scale : PhysicalScale
        As designed: the capacitance is that of a whole column in which no row conducts, of which the junctions of its
        switches, and the bodies of its resistors beyond them, are a part.
    rails : (float, float)
        Upper and lower rail in V, seen from the resting voltage.
    corner : {"tt", "ss", "ff", "sf", "fs"}
    celsius : float
        Temperature in °C.
    synapse : {"switch", "diode"}
        A switch and a resistor, or also a diode, which takes 0.5 to 0.6 V of its rail.
    switch : (float, float)
        Width and length of the narrowest switches in m. A length of 0.15 um leaks too much when it is fast and hot.
    width_per_siemens : (float, float)
        Width that a switch at the upper and at the lower rail needs for the conductance of its resistor, in narrowest
        switches per S: that of a synapse of conductance g is ``max(1, width_per_siemens g)`` times as wide. By default
        all are alike.
    switch_ohms : (float, float)
        Resistance in ohm of the narrowest switch at the upper and at the lower rail, by which resistors are drawn
        smaller (`rcspike.spice.with_switch_resistance` measures it).
    edge : float
        Rise and fall time of the gates in s. A spike is in the middle of its edge, at half of the supply; the switch
        conducts when its gate is at a threshold voltage from its rail.
    body : ResistorBody, optional
        Capacitance of the resistors along their length, and the place of their switches; by default resistors have none
        and the switches are at the rails.
    idle_error : float
        Largest error in T of a spike by the groups in which rows that do not conduct are simulated
        (`idle_groups` in ``rcspike.spice.idle_rows`` defines it); with 0 each row is by itself.
    guard : float
        Time from the opening of the switches to the start of the ramp, in T. It is a part of the delay of the spikes.
    v_supply, v_rest : float
        Supply and resting voltage in V.
    junction : (float, float), optional
        Capacitance in F with which a row of a switch of 0.42 um that does not conduct loads the membrane, to the upper
        and to the lower rail, without the body of its resistor; the drawn capacitor is smaller by that of all rows. The
        defaults are those of the published models in the middle of the ramp, 0.225 V above rest (tt, 27 °C), of either
        kind of synapse.
    ramp : {"ideal", "mirror"}
    mirrors : int
        Transistors in parallel in the mirror of a ramp: one carries the 0.45 uA of 1 pF and 1 us, 25 the 45 uA of
        10 pF and 100 ns.
    ramp_trim : float
        Current of the ramps divided by that of the design.
    replica : bool
        Trim the ramps so that a column in which no row conducts takes T from rest to threshold, as a replica column on
        the chip does. Junctions differ by 5 % between corners, and with 600 of them a ramp of 1 pF by 0.9 %.
    comparator : {"ideal", "ota"}
    mismatch : int, optional
        Seed of the threshold voltages of all transistors; all are alike by default. Those that do not conduct during
        the phase stay alike.

    Raises
    ------
    TypeError
        If a number is not a number.
    ValueError
        If a rail does not lie within the supply, or a size, a time or a choice is not possible.

    Examples
    --------
    >>> from pathlib import Path
    >>> Transistors(pdk=Pdk(folder=Path("nowhere")), rails=(0.45, -1.0))
    Traceback (most recent call last):
    ...
    ValueError: rails of 0.45 and -1 V around a rest of 0.9 V must lie within 0 and 1.8 V, on both sides of rest
    """

    pdk: Pdk
    scale: PhysicalScale = field(default_factory=lambda: PhysicalScale(capacitance=1e-12, v_th=0.45))
    rails: tuple[float, float] = (0.45, -0.45)
    corner: str = "tt"
    celsius: float = 27.0
    synapse: str = "switch"
    switch: tuple[float, float] = (0.42e-6, 0.25e-6)
    width_per_siemens: tuple[float, float] = (0.0, 0.0)
    switch_ohms: tuple[float, float] = (0.0, 0.0)
    edge: float = 0.2e-9
    body: ResistorBody | None = None
    idle_error: float = 3e-5
    guard: float = 0.02
    v_supply: float = 1.8
    v_rest: float = 0.9
    junction: tuple[float, float] | None = None
    ramp: str = "ideal"
    mirrors: int = 1
    ramp_trim: float = 1.0
    replica: bool = False
    comparator: str = "ideal"
    mismatch: int | None = None

    def __post_init__(self) -> None:
        for name in ("celsius", "edge", "idle_error", "guard", "v_supply", "v_rest", "ramp_trim"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        plus, minus = self.rails
        if not -273.15 < self.celsius < np.inf:
            raise ValueError(f"celsius must be above -273.15 and finite, got {self.celsius:g}")
        if not self.v_supply >= self.v_rest + plus > self.v_rest > self.v_rest + minus >= 0:
            raise ValueError(
                f"rails of {plus:g} and {minus:g} V around a rest of {self.v_rest:g} V must lie within 0 and "
                f"{self.v_supply:g} V, on both sides of rest"
            )
        if not 0 < self.edge <= _LONGEST_EDGE * self.scale.window:
            raise ValueError(f"edge must be above 0 and at most {_LONGEST_EDGE} T, got {self.edge:g} s")
        if not 0 <= self.idle_error < np.inf:
            raise ValueError(f"idle_error must be finite and not negative, in T, got {self.idle_error:g}")
        for name in ("width_per_siemens", "switch_ohms"):
            if not all(0 <= one < np.inf for one in getattr(self, name)):
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        if not 0 <= self.guard < 1:
            raise ValueError(f"guard must be in [0, 1), in T, got {self.guard:g}")
        check_count("mirrors", self.mirrors, 1)
        if not 0 < self.ramp_trim < np.inf:
            raise ValueError(f"ramp_trim must be above 0 and finite, got {self.ramp_trim:g}")
        if self.body is not None and self.synapse != "switch":
            raise ValueError(f"resistors have a body with a switch only, got synapse {self.synapse!r}")
        choices = {"corner": CORNERS, "synapse": SYNAPSES, "ramp": RAMPS, "comparator": COMPARATORS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")

    def fet(self, device: str, width: float, length: float) -> Fet:
        """A transistor in this corner; sizes in m, errors as `Pdk.fet`."""
        return self.pdk.fet(device, width, length, corner=self.corner)

    @property
    def diodes(self) -> tuple[JunctionDiode, JunctionDiode] | None:
        """The diodes of synapses to the upper and to the lower rail; errors as `Pdk.diode`."""
        if self.synapse == "switch":
            return None
        plus, minus = (self.pdk.diode(device, _DIODE_SIDE, corner=self.corner) for device in _DIODES)
        return plus, minus

    @property
    def lead(self) -> float:
        """Time from the start of a simulation to that of its charging phase, in T."""
        return max(_LEAD, self.edge / self.scale.window)

    @property
    def stop(self) -> float:
        """Last time point of a simulation in s."""
        return (self.lead + 2.05) * self.scale.window

    @property
    def ramp_current(self) -> float:
        """Current of a ramp in A."""
        return self.ramp_trim * self.scale.amperes(1.0)

    @property
    def loads(self) -> tuple[float, float]:
        """Capacitance in F with which the narrowest switch loads the membrane while it is open, to each rail."""
        of_row = _JUNCTIONS[self.synapse] if self.junction is None else self.junction
        plus, minus = (c * self.switch[0] / _DRAWN_WIDTH for c in of_row)
        return plus, minus

    def resistors(self, g: Float64Array, side: int) -> tuple[Float64Array, Float64Array]:
        """Resistors in ohm of conductances above 0 in S, and widths of their switches as multiples of the narrowest.

        A ValueError if a switch has more than the resistance that is asked for.

        Parameters
        ----------
        g : (n,)
        side : int
            0 for the upper rail, 1 for the lower one.
        """
        widths = switch_widths(g, self.width_per_siemens[side])
        ohms: Float64Array = 1 / g - self.switch_ohms[side] / widths
        if np.any(ohms <= 0):
            at = int(np.argmin(ohms))
            raise ValueError(
                f"a synapse of {1 / g[at]:.4g} ohm has a switch of {self.switch_ohms[side] / widths[at]:.4g} ohm, "
                f"{widths[at]:.3g} times the narrowest: give wider switches, or leave out the largest weights"
            )
        return ohms, widths

    def drawn_capacitance(self, n_plus: float, n_minus: float, ohms: float = 0.0) -> float:
        """Capacitor in F that is drawn for a column with these numbers of narrowest switches to either rail.

        A ValueError if their junctions and the bodies of their resistors have more than the capacitance of the column.

        Parameters
        ----------
        n_plus, n_minus : float
        ohms : float
            Sum of the resistances of the column, which the capacitance of their bodies belongs to.
        """
        n = n_plus, n_minus
        loads = sum(x * c for x, c in zip(n, self.loads, strict=True))
        loads += 0.0 if self.body is None else self.body.load(ohms)
        if loads >= self.scale.capacitance:
            of_what, way_out = "junctions", "raise the capacitance or narrow the switches"
            if self.body is not None:
                of_what, way_out = "junctions and bodies", "raise the capacitance or leave out the smallest weights"
            raise ValueError(
                f"the {of_what} of {sum(n):.4g} switches have {loads:.3g} F, all of the membrane's "
                f"{self.scale.capacitance:.3g} F: {way_out}"
            )
        return self.scale.capacitance - loads


def transistor_netlist(
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    design: Transistors,
    *,
    names: Sequence[int] | None = None,
    layer: int = 1,
    title: str = "a layer at transistor level",
    membranes: int = 1,
) -> str:
    """One sample in a layer as a netlist of transistors. Its charging phase starts after `lead`, an operating point.

    Membranes are the nodes ``m0``, ``m1``, ..., and the outputs of comparators ``s0``, ``s1``, ...; supplies are the
    sources ``Vplus``, ``Vminus``, ``Vramp`` and ``Vcomparator``. Synapses to a rail that do not conduct in a phase are
    alike but for their resistors: one resistor, and one transistor with a multiplicity, stand for a group of similar
    ones. A synapse may have a device to either rail, each with its switch. The other membranes of a neuron that has
    several are ``m0_1``, ``m0_2``, ...: each has a ramp, and transmission gates ten times as wide as a switch connect
    them to the first one in the first quarter of the guard time.

    Errors as in `Pdk.fet` and `Transistors.drawn_capacitance`, or if a shape does not fit, or if there is no guard time
    in which membranes could be connected.

    Parameters
    ----------
    times : (n_in,)
        Input spike times in T; ``inf`` or above 1 means no spike.
    g_plus, g_minus : (n_in, n_out membranes)
        Conductance of the resistors to either rail in S, as `rcspike.spice.layer_conductances` makes them.
    names : (n_out,) sequence of int, optional
        Numbers of the neurons; 0, 1, ... by default.
    layer : int
        Number of the layer, for its mismatch.
    title : str
        First line.
    membranes : int
        Columns that share their charge in one neuron, as in `rcspike.spice.layer_netlist`.
    """
    times = check_times(times, 1)
    g_plus, g_minus = check_conductances(len(times), g_plus, g_minus)
    if g_plus.shape[1] % membranes:
        raise ValueError(f"the {g_plus.shape[1]} columns are not neurons of {membranes} membranes each")
    if membranes > 1 and design.guard * design.scale.window < 8 * design.edge:
        raise ValueError(f"guard must leave time to connect membranes before the ramp, got {design.guard:g} T")
    numbers = neuron_numbers(names, g_plus.shape[1] // membranes)
    window = design.scale.window
    conducting = np.flatnonzero(times < 1 - 1.001 * design.edge / window)  # a later gate falls before it has risen
    switches = design.fet("nfet_01v8", *design.switch), design.fet("pfet_01v8", *design.switch)
    cards = [one.card for one in (*switches, *(design.diodes or ()))]
    cards += ramp_and_comparator.mirror_cards(design.fet) if design.ramp == "mirror" else []
    cards += ramp_and_comparator.comparator_cards(design.fet) if design.comparator == "ota" else []
    wide = _GATE_WIDTH * design.switch[0], design.switch[1]
    gate_fets = [design.fet(device, *wide) for device in ("nfet_01v8", "pfet_01v8") if membranes > 1]
    cards += [one.card for one in gate_fets]
    lines = [comment(title), *dict.fromkeys(map(str, cards))]
    lines += [
        *_sources(design),
        *(_gate_controls(design) if membranes > 1 else ()),
        *_gates(times, conducting, g_plus, g_minus, design),
    ]
    if design.ramp == "mirror":
        lines += ramp_and_comparator.mirror_common(design.fet, design.ramp_current, design.mirrors)
    lines += ramp_and_comparator.comparator_common(design.fet) if design.comparator == "ota" else []
    for i, neuron in enumerate(numbers):
        draw = _shifts(design, layer, neuron)
        lines += [f"* Neuron {neuron}"]
        nodes = membrane_nodes(neuron, membranes)
        for k, m in enumerate(nodes, start=i * membranes):
            # A transmission gate loads both of its ends, as rows to either rail do.
            gates = 0 if membranes == 1 else membranes - 1 if m == nodes[0] else 1
            resistors = [design.resistors(g[g[:, k] > 0, k], side) for side, g in enumerate((g_plus, g_minus))]
            n_plus, n_minus = (float(widths.sum()) + _GATE_WIDTH * gates for _, widths in resistors)
            drawn = design.drawn_capacitance(n_plus, n_minus, sum(float(ohms.sum()) for ohms, _ in resistors))
            lines += [f"C{m[1:]} {m} 0 {_si(drawn)}", f".ic v({m})={_si(design.v_rest)}"]
            for rail, g, fet in (("minus", g_minus[:, k], switches[0]), ("plus", g_plus[:, k], switches[1])):
                lines += _synapses(m, rail, g, conducting, fet, draw(fet.mismatch, len(times)), design)
            lines += _ramp(m, design, draw)
            lines += _gate_between(m, nodes[0], *gate_fets) if m != nodes[0] else []
        lines += ramp_and_comparator.comparator_lines(neuron, design.fet, draw) if design.comparator == "ota" else []
        lines += [f".save v({') v('.join(nodes)})" + (f" v(s{neuron})" if design.comparator == "ota" else "")]
    lines += [".save i(Vplus) i(Vminus) i(Vramp) i(Vcomparator)", *_analysis(design), ".end", ""]
    return "\n".join(lines)


def _sources(design: Transistors) -> Iterator[str]:
    supply, rest, (plus, minus) = _si(design.v_supply), design.v_rest, design.rails
    yield "* Supplies in absolute volts; the substrate is node 0"
    yield f"Vsupply supply 0 {supply}"
    yield f"Vplus plus 0 {_si(rest + plus)}"
    yield f"Vminus minus 0 {_si(rest + minus)}"
    yield f"Vramp ramp 0 {supply}"
    yield f"Vcomparator comparator 0 {supply}"
    yield f"Vthreshold threshold 0 {_si(rest + design.scale.v_th)}"
    if design.ramp == "mirror":
        start, half = (design.lead + 1 + design.guard) * design.scale.window, 0.5 * design.edge
        yield f"Vfire fire 0 PWL(0 {supply} {_si(start - half)} {supply} {_si(start + half)} 0)"


def _gate_controls(design: Transistors) -> Iterator[str]:
    """Sources ``share`` and ``apart``, which connect membranes in the guard time."""
    start, half = (design.lead + 1 + 0.25 * design.guard) * design.scale.window, 0.5 * design.edge
    for node, before, after in (("share", "0", _si(design.v_supply)), ("apart", _si(design.v_supply), "0")):
        yield f"V{node} {node} 0 PWL(0 {before} {_si(start - half)} {before} {_si(start + half)} {after})"


def _gate_between(membrane: str, other: str, nfet: Fet, pfet: Fet) -> Iterator[str]:
    """A transmission gate; its threshold voltages do not matter, and do not vary."""
    yield nfet.line(f"sharen_{membrane[1:]}", membrane, "share", other, "0")
    yield pfet.line(f"sharep_{membrane[1:]}", membrane, "apart", other, "supply")


def _gates(
    times: FloatArray, conducting: npt.NDArray[np.int64], g_plus: Float64Array, g_minus: Float64Array, d: Transistors
) -> Iterator[str]:
    """Gates of the rows: high for an nfet and low for a pfet from the spike to the end of the charging phase."""
    window, half, supply = d.scale.window, 0.5 * d.edge, _si(d.v_supply)
    end = (d.lead + 1) * window
    yield "* Gates of the switches, and steps in which they open"
    for j in conducting:
        start = (d.lead + float(times[j])) * window
        for kind, g, off, on in (("n", g_minus, "0", supply), ("p", g_plus, supply, "0")):
            if np.any(g[j] > 0):
                corners = ((start - half, off), (start + half, on), (end - half, on), (end + half, off))
                yield f"V{kind}{j} {kind}{j} 0 PWL(0 {off} {' '.join(f'{_si(t)} {v}' for t, v in corners)})"
    steps = np.linspace(end - half, end + half, _STEPS_OF_OPENING + 1)
    yield f"Vsteps steps 0 PWL(0 0 {' '.join(f'{_si(t)} {k % 2}' for k, t in enumerate(steps))})"


def _synapses(
    membrane: str,
    rail: str,
    g: Float64Array,
    conducting: npt.NDArray[np.int64],
    fet: Fet,
    shifts: Float64Array,
    design: Transistors,
) -> Iterator[str]:
    """Switches, resistors and diodes of a membrane to one rail: each that conducts, and groups of those that do not."""
    kind, idle = ("n", "0") if rail == "minus" else ("p", "supply")
    diode = None if design.diodes is None else design.diodes[rail == "minus"]
    x, per_ohm = (0.0, 0.0) if design.body is None else (design.body.position, design.body.capacitance_per_ohm)

    def to_membrane(node: str, ohms: float, farads: float, multiple: int = 1) -> Iterator[str]:
        end = membrane if diode is None else f"d{node}"
        yield from _part(node, (node, end), 1, ohms, farads, design)
        if diode is not None:
            near = design.v_rest + (-_AT_DIODE if rail == "minus" else _AT_DIODE)
            yield from (f".ic v({one})={_si(near)}" for one in (node, end))
            ends = (membrane, end) if rail == "minus" else (end, membrane)
            yield from diode.lines(node, *ends, multiple=multiple)

    on = conducting[g[conducting] > 0]
    for j, ohms, width in zip(on, *design.resistors(g[on], int(rail == "minus")), strict=True):
        node = f"{kind}{j}_{membrane[1:]}"
        source = f"r{node}" if x > 0 else rail
        yield from _part(source, (rail, source), 0, x * ohms, x * per_ohm * ohms, design) if x > 0 else ()
        shift = float(shifts[j] / np.sqrt(width))  # as the mismatch of thresholds goes with the area
        yield fet.line(node, node, f"{kind}{j}", source, idle, multiple=float(width), shift=shift)
        yield from to_membrane(node, (1 - x) * ohms, (1 - x) * per_ohm * ohms)
    others = g.copy()
    others[conducting] = 0
    for k, group in enumerate(_idle(others[others > 0], rail, design)):
        node = f"{kind}off{k}_{membrane[1:]}"
        yield fet.line(node, node, idle, rail, idle, multiple=group.multiple)
        yield from to_membrane(node, group.ohms, group.farads, group.rows)


def _part(
    name: str, ends: tuple[str, str], part: int, ohms: float, farads: float, design: Transistors
) -> Iterator[str]:
    """A part of a resistor, from the rail to its switch (0) or from there to the membrane (1), with its body."""
    if design.body is None:
        yield f"R{name} {' '.join(ends)} {_si(ohms)}"
        return
    n = design.body.parts[part][1]
    values = {"ohms": ohms / n, "half": 0.5 * ohms / n, "farads": farads / n}
    yield from line(name, ends, n, **{key: _si(value) for key, value in values.items()})


def _idle(g: Float64Array, rail: str, design: Transistors) -> list[RowGroup]:
    """Rows to a rail that do not conduct, of these conductances in S, in groups."""
    if len(g) == 0:
        return []
    x, per_ohm = (0.0, 0.0) if design.body is None else (design.body.position, design.body.capacitance_per_ohm)
    ohms, widths = design.resistors(g, int(rail == "minus"))
    return idle_groups(
        (1 - x) * ohms,
        widths,
        junction=_JUNCTIONS[design.synapse][rail == "minus"] * design.switch[0] / _DRAWN_WIDTH,
        per_ohm=per_ohm,
        window=design.scale.window,
        capacitance=design.scale.capacitance,
        allowed=design.idle_error,
    )


def _ramp(membrane: str, design: Transistors, draw: ramp_and_comparator.Draw) -> Iterator[str]:
    if design.ramp == "mirror":
        yield from ramp_and_comparator.mirror_lines(membrane, design.fet, draw, design.mirrors)
        return
    start, half = (design.lead + 1 + design.guard) * design.scale.window, 0.5 * design.edge
    current = _si(design.ramp_current)
    yield f"Iramp{membrane[1:]} ramp {membrane} PWL(0 0 {_si(start - half)} 0 {_si(start + half)} {current})"


def _analysis(design: Transistors) -> Iterator[str]:
    # Off-state currents are picoamperes: gmin must be far below. The tolerance of charges is relative to reltol.
    reltol = _TOLERANCE[design.comparator]
    yield f".options temp={_si(design.celsius)} gmin=1e-15 reltol={reltol:g} abstol=1e-12 vntol={1e-3 * reltol:g}"
    yield ".options chgtol=1e-14 trtol=10"
    step = _si(_LONGEST_STEP[design.comparator] * design.scale.window)
    yield f".tran {step} {_si(design.stop)} 0 {step}"


def _shifts(design: Transistors, layer: int, neuron: int) -> ramp_and_comparator.Draw:
    """A function that draws (n,) shifts of thresholds in V of a standard deviation, in the order of the parts."""
    if design.mismatch is None:
        return lambda sigma, n: np.zeros(n)
    rng = np.random.default_rng(np.random.SeedSequence(design.mismatch, spawn_key=(layer, neuron)))
    return lambda sigma, n: sigma * rng.standard_normal(n)


def _si(x: float) -> str:
    return f"{x:.12g}"
