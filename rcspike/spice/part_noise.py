"""Noise of the ramp and of the comparator of a design, by the small-signal noise analysis of ngspice.

The analysis gives spectral densities at one bias. A spike has of them what passes in the time that it takes: the window
of the ramp, and the moment in which the comparator decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.energy.operating_point_in_volts import BOLTZMANN
from rcspike.spice import ramp_and_comparator
from rcspike.spice.ngspice import noise_spectrum, run_ngspice
from rcspike.spice.transistors import Transistors

_LOWEST, _HIGHEST = 10.0, 1e9  # Hz; what is slower than 10 Hz is an offset
_SIMULATED, _INTEGRATED = 20, 2000  # points a decade
_MIDDLE = 0.5  # of the threshold: bias of the ramp
_STEP = 2e-3  # V at the input of a comparator, which shifts its spike
_STEPS = 40  # of them, each at the input of another comparator, evenly in time
_LEAD, _BEFORE = 150e-9, 50e-9  # s from the start to the threshold, and from the first step to the threshold
_BEYOND = 1.1  # last step, in delays of the comparator after the threshold


@dataclass(frozen=True, kw_only=True)
class RampNoise:
    """Noise of a ramp, as the standard deviation of the voltage that it leaves on a membrane.

    Parameters
    ----------
    white : float
        In V after a full window, of the white part alone: its variance grows in proportion to the time.
    whole : float
        The same with the 1/f part above 10 Hz, most of which is the same in all spikes of an inference.
    constant : float
        White part as the constant `ramp_noise` of a process, in 1/V.
    """

    white: float
    whole: float
    constant: float


def ramp_noise(design: Transistors) -> RampNoise:
    """Noise of the ramp of a design: its mirror, the reference that all neurons share, and the switch.

    With the one-sided density S_i of the current at the middle of the ramp, the white part is S_i T / 2C^2, since the
    capacitor integrates for T.

    Raises
    ------
    FileNotFoundError, RuntimeError
        If ngspice is missing or fails.

    Examples
    --------
    >>> from rcspike.spice import find_pdk
    >>> found = ramp_noise(Transistors(pdk=find_pdk()))  # doctest: +SKIP
    >>> round(1e3 * found.white, 2), round(1e3 * found.whole, 2)  # mV  # doctest: +SKIP
    (0.24, 0.27)
    """
    scale, level = design.scale, design.v_rest + _MIDDLE * design.scale.v_th
    lines = ["* the ramp of a neuron", *dict.fromkeys(map(str, ramp_and_comparator.mirror_cards(design.fet)))]
    lines += [f"Vsupply supply 0 {design.v_supply:.9g}", f"Vramp ramp 0 {design.v_supply:.9g}", "Vfire fire 0 0"]
    lines += ramp_and_comparator.mirror_common(design.fet, design.ramp_current, design.mirrors)
    lines += ramp_and_comparator.mirror_lines("m0", design.fet, _alike, design.mirrors)
    lines += [f"Vm m0 0 DC {level:.9g} AC 1", "Hout out 0 Vm 1"]
    f, density, gain = _densities(lines, "out", "Vm", design)
    density = density * gain  # of the current into the membrane, in A^2/Hz
    # Least squares of the relative errors of S = white + flicker / f, where the mirror follows its gate.
    slow = f < 5 / scale.window
    terms = np.stack([np.ones(int(slow.sum())), 1 / f[slow]], axis=1) / density[slow, np.newaxis]
    white = float(np.linalg.lstsq(terms, np.ones(len(terms)), rcond=None)[0][0])
    integral = scale.window * np.sinc(f * scale.window) / scale.capacitance
    variance = white * scale.window / (2 * scale.capacitance**2)
    thermal = BOLTZMANN * (design.celsius + 273.15) / scale.capacitance
    return RampNoise(
        white=float(np.sqrt(variance)),
        whole=float(np.sqrt(variance + _integral((density - white) * integral**2, f))),
        constant=variance / (2 * thermal * scale.v_th),
    )


@dataclass(frozen=True, kw_only=True)
class ComparatorNoise:
    """Noise of a comparator in V, as a standard deviation at its input.

    Parameters
    ----------
    crossing : float
        Of the moment at which the ramp of the design makes it switch: that moment's standard deviation times the slope.
    still : float
        Of both inputs at rest at the threshold: noise at the output of the pair over its gain. The output then has
        all the time to average, which a ramp does not leave it.
    delay : float
        From the threshold to the output without noise, in s.
    """

    crossing: float
    still: float
    delay: float


def comparator_noise(design: Transistors) -> ComparatorNoise:
    """Noise of the comparator of a design, from 10 Hz.

    A step at the input moves the output by as much as the input's voltage at that time weighs in the decision. The
    weights w(t), which transient analyses measure, take from the density S of the noise at the input what a spike has
    of it: the integral of S(f) abs(W(f))^2, with the Fourier transform W of w.

    Raises
    ------
    FileNotFoundError, RuntimeError
        If ngspice is missing or fails.

    Examples
    --------
    >>> from rcspike.spice import find_pdk
    >>> found = comparator_noise(Transistors(pdk=find_pdk()))  # doctest: +SKIP
    >>> round(1e3 * found.crossing, 2), round(1e3 * found.still, 2)  # mV  # doctest: +SKIP
    (0.34, 0.27)
    """
    level = design.v_rest + design.scale.v_th
    bias = [*_comparators(design, 1), f"Vm m0 0 DC {level:.9g} AC 1"]
    f, density, gain = _densities(bias, "out0", "Vm", design)
    still = np.sqrt(_integral(density * gain, f) / gain[0])
    (delay,) = _delays(design, np.array([np.inf]), 2 * _BEFORE)
    at = np.linspace(-_BEFORE, _BEYOND * delay, _STEPS)
    earlier = delay - _delays(design, at, 2 * delay)
    slope, width = design.scale.v_th / design.scale.window, at[1] - at[0]
    weights = -np.diff(earlier * slope / _STEP)
    fine = np.geomspace(f[0], f[-1], int(np.log10(f[-1] / f[0]) * _INTEGRATED))
    middles = 0.5 * (at[1:] + at[:-1])
    transform = np.exp(-2j * np.pi * fine[:, np.newaxis] * middles) @ weights * np.sinc(fine * width)
    crossing = np.sqrt(_integral(_at(fine, f, density) * np.abs(transform) ** 2, fine))
    return ComparatorNoise(crossing=float(crossing), still=float(still), delay=float(delay))


def _comparators(design: Transistors, n: int) -> list[str]:
    lines = ["* comparators", *dict.fromkeys(map(str, ramp_and_comparator.comparator_cards(design.fet)))]
    lines += [f"V{node} {node} 0 {design.v_supply:.9g}" for node in ("supply", "comparator")]
    lines += [f"Vthreshold threshold 0 {design.v_rest + design.scale.v_th:.9g}"]
    lines += ramp_and_comparator.comparator_common(design.fet)
    return lines + [line for i in range(n) for line in ramp_and_comparator.comparator_lines(i, design.fet, _alike)]


def _delays(design: Transistors, steps: Float64Array, longest: float) -> Float64Array:
    """From the threshold to the output in s, of a ramp with a step at each of these times in s after the threshold."""
    slope, stop = design.scale.v_th / design.scale.window, _LEAD + longest
    start = design.v_rest + design.scale.v_th - slope * _LEAD
    lines = [*_comparators(design, len(steps)), f"Vr r 0 PWL(0 {start:.12g} {stop:.12g} {start + slope * stop:.12g})"]
    for i, step in enumerate(steps + _LEAD):
        jump = f"{step:.12g} 0 {step + 1e-10:.12g} {_STEP:g}" if np.isfinite(step) else f"{stop:.12g} 0"
        lines.append(f"Vstep{i} m{i} r PWL(0 0 {jump})")
    lines += [f".save {' '.join(f'v(s{i})' for i in range(len(steps)))}"]
    lines += [
        f".options temp={design.celsius:.9g} gmin=1e-15 reltol=1e-5 abstol=1e-12",
        f".tran 0.5n {stop:.12g} 0 0.5n",
    ]
    vectors = run_ngspice("\n".join([*lines, ".end", ""]), stop=stop)
    half, time = 0.5 * design.v_supply, vectors["time"]
    found = np.empty(len(steps))
    for i in range(len(steps)):
        v = vectors[f"v(s{i})"]
        if not v[-1] > half:
            raise RuntimeError(f"a comparator did not switch within {longest:.3g} s of the threshold")
        after = int(np.argmax(v > half))
        found[i] = np.interp(half, v[after - 1 : after + 1], time[after - 1 : after + 1]) - _LEAD
    return found


def _densities(
    lines: list[str], output: str, source: str, design: Transistors
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Frequencies in Hz, density of the noise at the source in V^2/Hz or A^2/Hz, and squared gain to the output."""
    options = f".options temp={design.celsius:.9g} gmin=1e-15"
    analysis = f".noise v({output}) {source} dec {_SIMULATED} {_LOWEST:g} {_HIGHEST:g}"
    vectors = noise_spectrum("\n".join([*lines, options, analysis, ".end", ""]))
    at_output, at_input = vectors["onoise_spectrum"] ** 2, vectors["inoise_spectrum"] ** 2
    return vectors["frequency"], at_input, at_output / at_input


def _at(fine: Float64Array, f: Float64Array, density: Float64Array) -> Float64Array:
    return np.exp(np.interp(np.log(fine), np.log(f), np.log(density)))


def _integral(y: Float64Array, f: Float64Array) -> float:
    return float(np.sum(0.5 * (y[1:] + y[:-1]) * np.diff(f)))


def _alike(sigma: float, n: int) -> Float64Array:
    return np.zeros(n)
