"""The electrical parameters of a circuit, normalised: voltages in units of V_th, times in units of the window T."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields, replace
from itertools import product
from numbers import Real
from typing import Any, TypeAlias

from rcspike import _core
from rcspike._common.html_tables import html_table
from rcspike._common.identity import digest
from rcspike._common.numbers import number
from rcspike.row_load import NO_LOAD, PARTS, RowLoad

__all__ = ["Circuit"]


def __dir__() -> list[str]:
    return __all__


_Injection: TypeAlias = tuple[float, float]


def _parameter(default: float | None, label: str, title: str, unit: str = "", *, omit_default: bool = False) -> Any:
    """A number that the engine takes by name; `label` is short, `title` and `unit` are for tables and help.

    With `omit_default`, repr and files leave it out where it is at its default.
    """
    meaning = {"label": label, "title": title, "unit": unit, "omit_default": omit_default}
    return field(default=default, metadata=meaning)


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """Rails, diode, switches and ramp of an RC-Spike circuit.

    Parameters
    ----------
    v_syn : float
        Drive voltage of the synapses in V_th: sets both rails, ``e_plus = v_syn`` and ``e_minus = -v_syn``, unless they
        are given. About 1 is the strongly coupled regime; ``math.inf`` is the conventional circuit.
    e_plus, e_minus : float, optional
        Reversal potentials of positive and negative synapses, seen from the resting voltage, in V_th;
        ``e_plus > 0 > e_minus``.
    diode_drop : float
        Forward drop V_D of the synapse diode in V_th; below every rail.
    ramp : float
        Coefficient b < 1 of a non-ideal firing ramp, t = 1 - ln(1 - b v) / ln(1 - b); 0 is the ideal ramp, t = 1 - v.
    injection : (float, float), or a sequence of such pairs
        Voltages in V_th that the switch of one conducting synapse adds to the membrane as it opens at the end of
        charging, for synapses on the positive rail and on the negative rail. A sequence has one pair per layer of a
        network, because membrane capacitances differ between layers.
    load : RowLoad, or a sequence of them
        What the devices of the rows put on the membranes besides current; of all layers, or of each. By default
        nothing.
    delay : float
        Time in T from the moment when the ramp reaches the threshold to the output spike, in [0, 1).
    v_0 : float
        V_0 in V_th of devices whose current is g V_0 sinh(V/V_0) at a voltage V, the same for all devices; at least a
        tenth of the rails. ``math.inf`` stands for ohmic devices.
    transconductance : float
        Of the amplifier that holds each column at a virtual ground, in C / T; 0 for columns without amplifiers. See
        `virtual_ground`.
    summing_capacitance, output_capacitance : float
        Of the node that the amplifier holds, and of its output, in C, the integrating capacitor.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a rail is on the wrong side of 0, the diode drop leaves no drive, the ramp coefficient is not below 1, an
        injection is not finite, a load has a negative capacitance or infinite rails, the delay is not in [0, 1), v_0
        is not above 0, is finite beside infinite rails, a load or an amplifier, or is below a tenth of the rails, or an
        amplifier lacks a summing capacitance.

    Notes
    -----
    The RC-Spike model (ISCAS 2022, DOI 10.1109/ISCAS48785.2022.9937662) as written out in arXiv 2412.09010
    v1, eq. 6-11 and 59-85.

    A weight is the current, in C V_th / T, that its device drives into a membrane at rest, whatever v_0 is: that of
    a device on the rail E has g = abs(w) / (V_0 sinh(abs(E)/V_0)), where an ohmic one has g = abs(w)/abs(E).
    docs/sinh-devices.md has the law and what it leaves out.

    The rails are fixed when a circuit is made: ``dataclasses.replace`` with another v_syn does not change them.

    Examples
    --------
    >>> Circuit(v_syn=2.0).e_minus
    -2.0
    >>> Circuit.conventional() == Circuit(v_syn=math.inf)
    True
    """

    v_syn: float = field(default=1.0, compare=False)
    e_plus: float = _parameter(None, "ep", "upper rail", "V_th")  # __post_init__ fills it in
    e_minus: float = _parameter(None, "em", "lower rail", "V_th")
    diode_drop: float = _parameter(0.0, "vd", "diode drop", "V_th")
    ramp: float = _parameter(0.0, "b", "coefficient b < 1 of a nonlinear ramp")
    injection: _Injection | tuple[_Injection, ...] = field(default=(0.0, 0.0), metadata={"omit_default": True})
    load: RowLoad | tuple[RowLoad, ...] = field(default=NO_LOAD, metadata={"omit_default": True})
    delay: float = _parameter(0.0, "t", "delay of a spike", "T", omit_default=True)
    v_0: float = _parameter(math.inf, "sinh", "V_0 of devices of g V_0 sinh(V/V_0)", "V_th", omit_default=True)
    transconductance: float = _parameter(0.0, "gm", "transconductance of amplifiers", "C/T", omit_default=True)
    summing_capacitance: float = _parameter(0.0, "cp", "capacitance of summing nodes", "C", omit_default=True)
    output_capacitance: float = _parameter(0.0, "co", "capacitance of amplifiers' outputs", "C", omit_default=True)
    core: _core.Circuit = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("v_syn", *PARAMETERS):
            value = getattr(self, name)
            if not isinstance(value, Real) and not (value is None and name in ("e_plus", "e_minus")):
                raise TypeError(f"{name} must be a number, got {value!r}")
            if value is not None:
                try:
                    object.__setattr__(self, name, float(value))
                except OverflowError as error:
                    raise ValueError(f"{name} must lie within the range of a float: {error}") from error
        if not self.v_syn > 0:
            raise ValueError(f"v_syn must be above 0, got {self.v_syn}; math.inf is the conventional circuit")
        for name, default in (("e_plus", self.v_syn), ("e_minus", -self.v_syn)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        pairs, loads = _injections(self.injection), _loads(self.load)
        object.__setattr__(self, "injection", pairs[0] if len(set(pairs)) == 1 else pairs)
        object.__setattr__(self, "load", loads[0] if len(set(loads)) == 1 else loads)
        cores = [self._core(pair, load) for pair, load in product(set(pairs), set(loads))]  # which checks all of them
        object.__setattr__(self, "core", cores[0] if len(cores) == 1 else self._core((0.0, 0.0), NO_LOAD))

    def _core(self, injection: _Injection, load: RowLoad) -> _core.Circuit:
        plus, minus = injection
        of_layer = dict(zip(PARTS, load.values, strict=True), injection_plus=plus, injection_minus=minus)
        return _core.Circuit(**self.parameters, **of_layer)

    @classmethod
    def conventional(cls) -> Circuit:
        """The limit of infinite rails: current independent of voltage, an exact multiply-accumulate."""
        return cls(v_syn=math.inf)

    @classmethod
    def virtual_ground(
        cls,
        read_voltage: float,
        *,
        transconductance: float,
        summing_capacitance: float,
        output_capacitance: float = 0.0,
    ) -> Circuit:
        """Resistors at a small voltage into an integrator, whose amplifier has a finite transconductance.

        v(1) is the charge that has come through the synapses of a column: the voltage of its integrator once the
        switches have opened and the amplifier has settled.

        Parameters
        ----------
        read_voltage : float
            At the resistors, in V_th.
        transconductance : float
            Of the amplifier, in C / T, with C the integrating capacitor; above 0.
        summing_capacitance : float
            Of the column at the amplifier's input, in C; above 0.
        output_capacitance : float
            That the amplifier drives besides, in C.

        Notes
        -----
        docs/virtual-ground.md derives the column. With a large transconductance it is that of `conventional`.

        Examples
        --------
        >>> from rcspike.functional import charge
        >>> for g_m in (10.0, 1000.0):
        ...     circuit = Circuit.virtual_ground(0.1, transconductance=g_m, summing_capacitance=0.5)
        ...     print(charge(np.array([[0.0]]), np.array([[0.5]]), circuit).round(4))
        [[0.3389]]
        [[0.4975]]
        """
        return cls(
            v_syn=read_voltage,
            transconductance=transconductance,
            summing_capacitance=summing_capacitance,
            output_capacitance=output_capacitance,
        )

    @property
    def has_amplifier(self) -> bool:
        """Whether amplifiers hold the columns at a virtual ground."""
        return self.transconductance != 0

    @property
    def parameters(self) -> dict[str, float]:
        """Numbers that the engine takes by name, all but injection and load, which may differ between layers.

        Examples
        --------
        >>> given = Circuit(v_syn=2.0, delay=0.01).parameters
        >>> {name: value for name, value in given.items() if value}
        {'e_plus': 2.0, 'e_minus': -2.0, 'delay': 0.01, 'v_0': inf}
        """
        return {name: getattr(self, name) for name in PARAMETERS}

    def shown(self) -> dict[str, float]:
        """The parameters that files and repr show; `delay` and `v_0` only if they are not at their default."""
        values = self.parameters.items()
        return {name: x for name, x in values if not (_OF[name].metadata["omit_default"] and x == _OF[name].default)}

    @property
    def injections(self) -> tuple[_Injection, ...]:
        """The pair of injections of each layer, or one pair for all layers."""
        return self.injection if isinstance(self.injection[0], tuple) else (self.injection,)

    @property
    def injects(self) -> bool:
        """Whether any switch injects charge."""
        return any(pair != (0, 0) for pair in self.injections)

    @property
    def loads(self) -> tuple[RowLoad, ...]:
        """The load of each layer, or one load for all layers."""
        return self.load if isinstance(self.load, tuple) else (self.load,)

    @property
    def loads_membranes(self) -> bool:
        """Whether the rows of any layer load its membranes."""
        return not all(load.is_absent for load in self.loads)

    def of_layer(self, depth: int) -> Circuit:
        """The circuit of one layer of a network, counted from 0: with that layer's pair of injections, and its load.

        Raises
        ------
        ValueError
            If injections or loads are given for fewer layers.

        Examples
        --------
        >>> Circuit(injection=((1e-4, -2e-4), (4e-4, -8e-4))).of_layer(1).injection
        (0.0004, -0.0008)
        """
        given: dict[str, tuple[Any, ...]] = {"injection": self.injections, "load": self.loads}
        own = {name: parts for name, parts in given.items() if len(parts) > 1}
        for name, parts in own.items():
            if not 0 <= depth < len(parts):
                raise ValueError(f"{name} is given for {len(parts)} layers, but there is a layer {depth + 1}")
        return replace(self, **{name: parts[depth] for name, parts in own.items()}) if own else self

    @property
    def label(self) -> str:
        """A short name for files and tables, made of the rails and all nonzero parameters; the same for equal circuits.

        ``v`` stands for the rails if they are symmetric, otherwise ``ep`` and ``em`` for each; ``vd`` for the diode
        drop, ``b`` for the ramp coefficient, ``q`` for injections, ``c`` for loads by a digest, ``t`` for the delay,
        ``sinh`` for v_0; ``gm``, ``cp`` and ``co`` for an amplifier.

        Examples
        --------
        >>> Circuit(v_syn=1.0).label, Circuit.conventional().label
        ('v1', 'vinf')
        >>> Circuit(e_plus=2.0, e_minus=-0.5, diode_drop=0.1).label
        'ep2-em-0.5-vd0.1'
        """
        parts = {_OF[name].metadata["label"]: x for name, x in self.parameters.items() if x != _OF[name].default}
        if self.e_plus == -self.e_minus:
            del parts["em"]
            parts = {"v": parts.pop("ep"), **parts}
        texts = [f"{name}{x!r}".removesuffix(".0") for name, x in parts.items()]
        if self.injects:
            texts.append("q" + "_".join(repr(x).removesuffix(".0") for pair in self.injections for x in pair))
        if self.loads_membranes:
            texts.append("c" + digest([list(load.values) for load in self.loads])[:8])
        return "-".join(texts)

    def __repr__(self) -> str:
        values: dict[str, object] = {"v_syn": self.v_syn, **self.shown()}
        values |= {"injection": self.injection} if self.injects else {}
        values |= {"load": self.load} if self.loads_membranes else {}
        return f"Circuit({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    def _repr_html_(self) -> str:
        rows = [
            (_OF[name].metadata["title"], name, f"{x:g} {_OF[name].metadata['unit']}".rstrip())
            for name, x in self.shown().items()
        ]
        if self.injects:
            pairs = "; ".join(f"{plus:g}, {minus:g}" for plus, minus in self.injections)
            rows.append(("charge injection", "injection", f"{pairs} V_th"))
        if self.loads_membranes:
            parts = "; ".join(", ".join(f"{x:g}" for x in load.values) for load in self.loads)
            rows.append(("load of a row: body, position, junctions", "load", f"{parts} C"))
        kind = "Conventional circuit" if self == Circuit.conventional() else "RC-Spike circuit"
        kind = "Virtual ground" if self.has_amplifier else kind
        return html_table(kind, ["parameter", "name", "value"], rows)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, ({"v_syn": self.v_syn, **self.parameters, "injection": self.injection, "load": self.load},)


_OF: dict[str, Field[Any]] = {one.name: one for one in fields(Circuit) if "label" in one.metadata}
PARAMETERS = tuple(_OF)  # that the engine takes by name


def parameter_help(name: str) -> str:
    """What a parameter is, with its unit, for people.

    Examples
    --------
    >>> parameter_help("diode_drop")
    'diode drop in V_th'
    """
    meaning = _OF[name].metadata
    return f"{meaning['title']} in {meaning['unit']}" if meaning["unit"] else str(meaning["title"])


def check_ohmic(circuit: Circuit, what: str) -> None:
    """A ValueError unless devices are ohmic and charge a capacitor: `what` is modelled for these only.

    Examples
    --------
    >>> check_ohmic(Circuit(v_0=0.5), "chips")
    Traceback (most recent call last):
        ...
    ValueError: chips are modelled for ohmic devices only, got v_0 = 0.5: leave v_0 out of the circuit
    """
    if circuit.v_0 < math.inf:
        raise ValueError(
            f"{what} are modelled for ohmic devices only, got v_0 = {circuit.v_0:g}: leave v_0 out of the circuit"
        )
    if circuit.has_amplifier:
        raise ValueError(f"{what} are not modelled for a virtual ground: leave transconductance out of the circuit")


def _rebuild(parameters: dict[str, Any]) -> Circuit:
    return Circuit(**parameters)


def _injections(given: object) -> tuple[_Injection, ...]:
    """Pairs of floats, from one pair or a sequence of pairs."""
    wrong = TypeError(f"injection must be two numbers in V_th, or two for each layer, got {given!r}")
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) == 0:
        raise wrong
    pairs = [given] if isinstance(given[0], Real) else given
    if any(not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2 for pair in pairs):
        raise wrong
    return tuple((number("injection", plus), number("injection", minus)) for plus, minus in pairs)


def _loads(given: object) -> tuple[RowLoad, ...]:
    """Loads, from one or a sequence of them."""
    loads = (given,) if isinstance(given, RowLoad) else given
    if not isinstance(loads, Sequence) or len(loads) == 0 or not all(isinstance(load, RowLoad) for load in loads):
        raise TypeError(f"load must be a RowLoad, or one for each layer, got {given!r}")
    return tuple(loads)


def layer_circuits(circuit: Circuit, n_layers: int) -> list[Circuit]:
    """The circuit of each layer of a network; a ValueError if parts are given for another number of layers."""
    circuit_core(circuit)
    for name, parts in (("injection", circuit.injections), ("load", circuit.loads)):
        if len(parts) not in (1, n_layers):
            raise ValueError(f"{name} is given for {len(parts)} layers, the network has {n_layers}")
    return [circuit.of_layer(depth) for depth in range(n_layers)]


def joined_circuit(circuits: Sequence[Circuit]) -> Circuit:
    """The circuit of a network, from the circuits of its layers: they may differ only in injection and load."""
    if len(set(circuits)) == 1:
        return circuits[0]
    without = {replace(circuit, injection=(0.0, 0.0), load=NO_LOAD) for circuit in circuits}
    if len(without) != 1:
        raise ValueError(f"a network needs layers on one circuit, got {len(without)} circuits")
    pairs = tuple(pair for circuit in circuits for pair in circuit.injections)
    return replace(circuits[0], injection=pairs, load=tuple(load for circuit in circuits for load in circuit.loads))


def circuit_core(circuit: Circuit) -> _core.Circuit:
    """The engine's own object of a circuit; a TypeError for anything else."""
    if not isinstance(circuit, Circuit):
        raise TypeError(f"circuit must be a Circuit, got {type(circuit).__name__}")
    return circuit.core


def layer_core(circuit: Circuit) -> _core.Circuit:
    """The same for one layer, whose injection and load must be those of one layer."""
    core = circuit_core(circuit)
    for name, parts in (("injection", circuit.injections), ("load", circuit.loads)):
        if len(parts) > 1:
            raise ValueError(f"{name} is given for {len(parts)} layers: take circuit.of_layer(depth)")
    return core
