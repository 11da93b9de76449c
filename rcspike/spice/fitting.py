"""Fit of circuit parameters to measurements, by least squares with exact derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rcspike._common.arrays import Float64Array, FloatArray, check_times, plain_array
from rcspike._common.extras import missing_extra
from rcspike.circuit import Circuit, check_ohmic, layer_core
from rcspike.energy import PhysicalScale
from rcspike.functional import charge_loaded, charge_loaded_vjp, device_loads, switch_widths
from rcspike.functional.charging_with_loads import bodies
from rcspike.network import Network
from rcspike.row_load import RowLoad
from rcspike.spice.loaded_columns import junction_loads
from rcspike.spice.measurements import Measurements

PARAMETERS = (
    "e_plus", "e_minus", "diode_drop", "ramp", "capacitance", "delay", "injection_plus", "injection_minus",
)  # fmt: skip
_BOUNDS = {
    "e_plus": (1e-6, math.inf),
    "e_minus": (-math.inf, -1e-6),
    "diode_drop": (0.0, math.inf),
    "ramp": (-math.inf, 1 - 1e-6),
    "capacitance": (1e-6, math.inf),
    "delay": (0.0, 1 - 1e-6),
    "injection_plus": (-math.inf, math.inf),
    "injection_minus": (-math.inf, math.inf),
}
_DEPENDENT = 1e-7  # minimum singular value of the Jacobian with columns of length 1; the exact gradients leave 1e-13


@dataclass(frozen=True)
class Fit:
    """A fitted circuit, and how well it is known.

    Parameters
    ----------
    scale : PhysicalScale
        Physical scale with the fitted capacitance.
    parameters : tuple of str
        Names of the fitted parameters.
    values, standard_errors, lower, upper : (n_parameters,)
        Estimate, standard error and confidence limits of each; the capacitance in F, the delay in T, the others
        in V_th.
    rmse_before, rmse : float
        Root mean square of the residuals, before and after; in T for spike times, in V_th for voltages.
    n : int
        Number of measurements that took part.
    """

    circuit: Circuit
    scale: PhysicalScale
    parameters: tuple[str, ...]
    values: Float64Array
    standard_errors: Float64Array
    lower: Float64Array
    upper: Float64Array
    rmse_before: float
    rmse: float
    n: int


def fit(
    measurements: Measurements,
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    circuit: Circuit,
    scale: PhysicalScale,
    *,
    parameters: Sequence[str] = ("e_plus", "e_minus", "capacitance"),
    confidence: float = 0.95,
    junction: tuple[float, float] = (0.0, 0.0),
) -> Fit:
    """Fit parameters of a circuit with known resistors to spike times or waveforms.

    Parameters
    ----------
    measurements : Measurements
        Spike times outside (0, T) have no derivative, and are left out.
    times : (batch, n_in)
        Input spike times in T; ``measurements.image`` are rows of it.
    g_plus, g_minus : (n_in, n_out)
        Conductances in S, as `rcspike.spice.layer_conductances` makes them.
    circuit, scale
        Start values of the fitted parameters, and values of the others; the circuit's load is known from the design.
    parameters : sequence of str
        Parameters to fit, among ``"e_plus"``, ``"e_minus"``, ``"diode_drop"``, ``"ramp"``, ``"capacitance"``,
        ``"delay"``, ``"injection_plus"`` and ``"injection_minus"``.
    confidence : float
        Confidence level of the limits, which assume independent residuals of equal variance.
    junction : (float, float)
        Capacitance in F with which a row that does not conduct loads the membrane, to the upper and to the lower rail,
        known from the design (`rcspike.spice.column_voltages`).

    Raises
    ------
    ImportError
        If scipy is missing.
    ValueError
        If a parameter is unknown, the measurements do not determine the parameters, or are fewer than them; or if a
        measurement belongs to a sample or neuron that does not exist.

    Notes
    -----
    Voltages depend only on ``E+ - V_D`` and ``E- + V_D``, so that at most two of the rails and the drop can be
    fitted, and on the ramp, the delay and the injection not at all. The ramp is taken to be calibrated, from rest to
    threshold in T, whatever the capacitance. A ramp that takes c T, since a larger capacitance slows it as it slows the
    charging, is the same circuit in other units: rails higher by the factor c, and a delay longer by c - 1.
    The Jacobian comes from the engine's exact gradients with respect to D and G.

    Examples
    --------
    A rail that is lower than designed, found from two points of a waveform:

    >>> designed, real, scale = Circuit(v_syn=1.0), Circuit(e_plus=0.9, e_minus=-1.0), PhysicalScale()
    >>> g_plus, g_minus = scale.siemens(np.ones((1, 1))), np.zeros((1, 1))
    >>> t, v = np.array([0.5, 1.0]), 0.9 * (1 - np.exp(-np.array([0.5, 1.0])))
    >>> nothing = np.zeros(2, dtype=np.int64)
    >>> waveform = Measurements(nothing, nothing, scale.seconds(t), scale.volts(v))
    >>> fit(waveform, np.zeros((1, 1)), g_plus, g_minus, designed, scale, parameters=["e_plus"]).values.round(6)
    array([0.9])
    """
    try:
        from scipy.optimize import least_squares
        from scipy.stats import t as student
    except ImportError as error:
        raise missing_extra("fitting needs scipy", "spice") from error

    names = tuple(parameters)
    if not names or len(set(names)) < len(names) or not set(names) <= set(PARAMETERS):
        raise ValueError(f"parameters must be some of {', '.join(PARAMETERS)}, each once, got {', '.join(names)}")
    layer_core(circuit)  # raises an error if it is that of several layers
    check_ohmic(circuit, "fits")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    groups = list(_groups(measurements, times, g_plus, g_minus, scale, junction, circuit.loads[0]))
    measured = np.concatenate([group.measured for group in groups] or [np.empty(0)])
    n, p = len(measured), len(names)
    if n <= p:
        raise ValueError(f"{n} measurements within the phase are too few for {p} parameters and their limits")

    # The capacitance counts from the designed one.
    injection = dict(zip(("injection_plus", "injection_minus"), circuit.injections[0], strict=True))
    designed: dict[str, float] = {**circuit.parameters, **injection, "capacitance": 1.0}

    def predicted(x: Float64Array) -> tuple[Float64Array, Float64Array]:
        values = {**designed, **dict(zip(names, x.tolist(), strict=True))}
        parts = [_predict(group, values) for group in groups]
        derivatives = np.concatenate([d for _, d in parts])
        return np.concatenate([y for y, _ in parts]), derivatives[:, [PARAMETERS.index(name) for name in names]]

    start = np.array([designed[name] for name in names])
    _check_independent(predicted(start)[1], names)
    found = least_squares(
        lambda x: predicted(x)[0] - measured,
        start,
        lambda x: predicted(x)[1],
        bounds=tuple(zip(*(_BOUNDS[name] for name in names), strict=True)),
        x_scale="jac",
        ftol=1e-14,
        gtol=1e-15,
        xtol=1e-14,
    )
    _check_independent(found.jac, names)
    variance = np.sum(found.fun**2) / (n - p)
    errors = np.sqrt(variance * np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    half = student.ppf(0.5 * (1 + confidence), n - p) * errors
    values = {**designed, **dict(zip(names, found.x.tolist(), strict=True))}
    c, load = values.pop("capacitance"), circuit.loads[0]
    fitted_scale = replace(scale, capacitance=scale.capacitance * c)
    of_switches = {
        "junction_plus": load.junction_plus / c,
        "junction_minus": load.junction_minus / c,
        "width_plus": load.width_plus * c,
        "width_minus": load.width_minus * c,
    }
    injected = values.pop("injection_plus"), values.pop("injection_minus")
    units = np.array([scale.capacitance if name == "capacitance" else 1.0 for name in names])
    return Fit(
        circuit=Circuit(**values, injection=injected, load=replace(load, body=load.body / c**2, **of_switches)),
        scale=fitted_scale,
        parameters=names,
        values=found.x * units,
        standard_errors=errors * units,
        lower=(found.x - half) * units,
        upper=(found.x + half) * units,
        rmse_before=_rms(predicted(start)[0] - measured),
        rmse=_rms(found.fun),
        n=n,
    )


def calibrated(network: Network, circuit: Circuit, scale: PhysicalScale, *, designed: PhysicalScale) -> Network:
    """The same resistors in another circuit: a network with which the engine computes the same as the real circuit.

    Parameters
    ----------
    network : Network
        The network as designed: its weights are resistors in its circuit and `designed`.
    circuit : Circuit
        The real circuit, for example fitted.
    scale : PhysicalScale
        The real physical scale.

    Examples
    --------
    >>> designed, real = PhysicalScale(), PhysicalScale(capacitance=280e-15)
    >>> calibrated(Network([np.eye(1)], Circuit(v_syn=2.0)), Circuit(v_syn=3.0), real, designed=designed).parameters
    {'weights.0': array([[0.75]])}
    """
    share = designed.siemens(1.0) / scale.siemens(1.0)
    plus, minus = (getattr(circuit, rail) / getattr(network.circuit, rail) for rail in ("e_plus", "e_minus"))
    return network.rescaled(circuit, plus=share * plus, minus=share * minus)


@dataclass(frozen=True, eq=False)
class _Group:
    """Measurements of one sample at one time, and the synapses of their neurons."""

    measured: Float64Array  # (n,) in V_th, or in T for spikes
    spikes: bool
    inputs: Float64Array  # (1, n_in) in units of the time of the measurement
    g_plus: Float64Array  # (n_in, n) in 1 / that time, for the designed capacitance
    g_minus: Float64Array
    junctions: Float64Array  # (n_in, 5, n) as charge_loaded takes them, of those from rest
    loads_plus: Float64Array  # the same of bodies and junctions of the circuit, for a rail at 1
    loads_minus: Float64Array

    opening: tuple[Float64Array, Float64Array]  # (n,) widths of the switches on either rail that open at the end


def _groups(
    measurements: Measurements,
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    scale: PhysicalScale,
    junction: tuple[float, float],
    load: RowLoad,
) -> Iterator[_Group]:
    m, is_spikes = measurements, measurements.voltage is None
    times, g_plus, g_minus = check_times(times), plain_array("g_plus", g_plus), plain_array("g_minus", g_minus)
    for name, index, n_there in (("image", m.image, len(times)), ("neuron", m.neuron, g_plus.shape[1])):
        if np.any((index < 0) | (index >= n_there)):
            raise ValueError(f"{name} must be in [0, {n_there}), got {index[(index < 0) | (index >= n_there)][0]}")
    t = m.time / scale.window
    within = (t > 0) & (t < 1) if is_spikes else (t > 0) & (t <= 1 + 1e-9)
    end = np.ones_like(t) if is_spikes else np.minimum(t, 1.0)  # of the interval that decides the measured value
    share = junction[0] / scale.capacitance, junction[1] / scale.capacitance
    for image, at in sorted(set(zip(m.image[within].tolist(), end[within].tolist(), strict=True))):
        rows = np.flatnonzero(within & (m.image == image) & (end == at))
        on = times[image] <= at if is_spikes else times[image] < at
        chosen = np.ix_(on, m.neuron[rows])
        p, q = (np.ascontiguousarray(g[chosen] / scale.siemens(1.0)) for g in (g_plus, g_minus))
        junctions, of_plus, of_minus = junction_loads(p, q, share), _loads_of(p, load, 0), _loads_of(q, load, 1)
        if not is_spikes:  # no switch opens
            for loads in (junctions, of_plus, of_minus):
                loads[:, 3:] = 0
        yield _Group(
            t[rows] if m.voltage is None else m.voltage[rows] / scale.v_th,
            is_spikes,
            times[image : image + 1, on].astype(np.float64) / at,
            at * p,
            at * q,
            junctions,
            of_plus,
            of_minus,
            (switch_widths(p, load.width_plus).sum(axis=0), switch_widths(q, load.width_minus).sum(axis=0)),
        )


def _loads_of(g: Float64Array, load: RowLoad, side: int) -> Float64Array:
    junction, width = ((load.junction_plus, load.width_plus), (load.junction_minus, load.width_minus))[side]
    return device_loads(bodies(load.body, g), junction * switch_widths(g, width), 1.0, load.position)


def _predict(group: _Group, values: dict[str, float]) -> tuple[Float64Array, Float64Array]:
    """Values (n,) that the model gives for a group, and their derivatives (n, 8) by the PARAMETERS in their order."""
    e_plus, e_minus, drop, b, c, delay, plus, minus = (values[name] for name in PARAMETERS)
    rail_plus, rail_minus = e_plus - drop, e_minus + drop
    D = (group.g_plus * rail_plus + group.g_minus * rail_minus) / c
    G = (group.g_plus + group.g_minus) / c
    loads = group.junctions + group.loads_plus * _drives(rail_plus) + group.loads_minus * _drives(rail_minus)
    v = charge_loaded(group.inputs, D, G, loads / c)
    found = charge_loaded_vjp(group.inputs, D, G, loads / c, np.ones_like(v))  # of its column alone
    v_D, v_G, v_loads = found[1], found[2], found[-1]
    by_plus, by_minus = (
        ((v_D * g).sum(axis=0) + (v_loads * of_rail)[:, [2, 4]].sum(axis=(0, 1))) / c
        for g, of_rail in ((group.g_plus, group.loads_plus), (group.g_minus, group.loads_minus))
    )
    by_c = -((v_D * D + v_G * G).sum(axis=0) + (v_loads * loads).sum(axis=(0, 1)) / c) / c
    v_by = np.zeros((v.shape[1], len(PARAMETERS)))
    v_by[:, :5] = np.stack([by_plus, by_minus, by_minus - by_plus, np.zeros_like(by_c), by_c], axis=1)
    if not group.spikes:
        return v[0], v_by
    n_plus, n_minus = group.opening
    v_by[:, 6:] = np.stack([n_plus, n_minus], axis=1)
    t, t_by_v, t_by_b = _ramp(v[0] + plus * n_plus + minus * n_minus, b)
    t_by = t_by_v[:, np.newaxis] * v_by
    t_by[:, PARAMETERS.index("ramp")] = t_by_b
    t_by[t <= 0] = 0.0  # one that is saturated does not move, though jitter may have put it into the phase
    t_by[:, PARAMETERS.index("delay")] = 1.0
    t = np.maximum(t, 0) + delay
    return np.minimum(t, 1), np.where((t < 1)[:, np.newaxis], t_by, 0.0)


def _drives(rail: float) -> Float64Array:
    """Factors of loads for a rail at 1 that make them those for another one."""
    return np.array([1.0, 1.0, rail, 1.0, rail])[:, np.newaxis]


def _ramp(v: Float64Array, b: float) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Spike times of the ramp without their limits, t = 1 - f(v) / f(1) with f(v) = -ln(1 - b v) / b; by v and by b."""

    def f(x: Float64Array) -> tuple[Float64Array, Float64Array]:
        if abs(b) < 1e-3:  # the series; the omitted terms are below 1e-12
            terms = [b**k * x ** (k + 1) / (k + 1) for k in range(4)]
            return np.sum(terms, axis=0), np.sum([k * b ** (k - 1) * x ** (k + 1) / (k + 1) for k in (1, 2, 3)], axis=0)
        rest = np.maximum(1 - b * x, 1e-12)
        return -np.log(rest) / b, (np.log(rest) / b + x / rest) / b

    (at_v, at_v_by_b), (at_1, at_1_by_b) = f(v), f(np.ones(1))
    share = at_v / at_1
    return 1 - share, -1 / ((1 - b * v) * at_1), -(at_v_by_b - share * at_1_by_b) / at_1


def _check_independent(jacobian: Float64Array, names: tuple[str, ...]) -> None:
    lengths = np.linalg.norm(jacobian, axis=0)
    still = [name for name, length in zip(names, lengths, strict=True) if length == 0]
    if still:
        raise ValueError(f"{', '.join(still)} has no effect on these measurements; leave it out of the parameters")
    if np.linalg.svd(jacobian / lengths, compute_uv=False)[-1] < _DEPENDENT:
        raise ValueError(
            f"these measurements do not determine {', '.join(names)}: voltages depend only on e_plus - diode_drop and "
            "e_minus + diode_drop, and on the capacitance only in proportion to all conductances; fit fewer"
        )


def _rms(x: Float64Array) -> float:
    return float(np.sqrt(np.mean(x**2)))
