"""Netlists, and ngspice compared with the engine."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from commands import run
from needs import ngspice
from scipy.integrate import solve_ivp

from rcspike import Circuit, Network, PhysicalScale, spice

SCALE = PhysicalScale()
# Published rails and ramp of a design in SKY130 (arXiv 2412.09010 v1, table 2), symmetric ones, and a drop.
CIRCUITS = [
    Circuit(v_syn=1.0),
    Circuit(e_plus=2.80, e_minus=-1.53, ramp=0.155),
    Circuit(v_syn=2.0, diode_drop=0.5, ramp=-0.2),
]
# The trapezoidal rule in steps of h is off by B^3 h^2 t / 12 of exp(-B t), at most (B h)^2 / (12 e) at t = 1 / B: with
# h = 0.005 T and conductances up to B = 9 / T, 6e-5. Where more conducts, ngspice's own control asks for shorter steps.
TOLERANCE = 6e-5


def some_layer(circuit: Circuit, *, n_in: int = 40, n_out: int = 6) -> tuple[npt.NDArray[np.float64], Network]:
    """Spike times with ties, at the ends of the phase and beyond it, and a layer with neurons of all kinds."""
    rng = np.random.default_rng(5)
    times = np.round(20 * rng.random(n_in)) / 20
    times[:4] = 0.0, 1.0, np.inf, 1.5
    weights = rng.normal(0.05, 0.3, size=(n_in, n_out))
    weights[4] = 0.0
    weights[:, 0] = -np.abs(weights[:, 0])
    weights[:, 1] = 3 * np.abs(weights[:, 1])
    return times, Network([weights], circuit)


def netlist(circuit: Circuit, *, diode: str = "none") -> str:
    times, network = some_layer(circuit)
    return spice.layer_netlist(times, *spice.layer_conductances(network.layers[0], SCALE), circuit, SCALE, diode=diode)


# The text


def test_a_netlist_has_a_synapse_for_every_weight_that_conducts_and_no_other() -> None:
    times, network = some_layer(CIRCUITS[0])
    w = network.weights[0]
    found = re.findall(
        r"^X(plus|minus)(\d+)_(\d+) in(\d+) (plus|minus) m(\d+) synapse_(plus|minus) r=(\S+)",
        netlist(CIRCUITS[0]),
        re.MULTILINE,
    )
    expected = {(j, i) for j in range(len(w)) for i in range(w.shape[1]) if times[j] < 1 and w[j, i] != 0}
    assert {(int(j), int(i)) for _, j, i, *_ in found} == expected
    for sign, j, i, axon, rail, membrane, kind, r in found:
        assert (j, i) == (axon, membrane)
        assert sign == rail == kind == ("plus" if w[int(j), int(i)] > 0 else "minus")
        # R(w) = (T / C) E / w, here with E = 1; nine digits are printed.
        assert float(r) == pytest.approx(1e-6 / 140e-15 / abs(w[int(j), int(i)]), rel=1e-8)


def test_a_netlist_says_volts_seconds_and_farads() -> None:
    text = netlist(CIRCUITS[1])
    assert "Vplus plus 0 2.4416" in text  # 2.80 * 0.872 V
    assert "Vminus minus 0 -1.33416" in text
    assert "c=1.4e-13" in text
    # alpha C V_th / T with alpha = -ln(1 - b) / b
    current = float(re.search(r"i_ramp=(\S+) b=0.155", text)[1])  # type: ignore[index]
    assert current == pytest.approx(-np.log(1 - 0.155) / 0.155 * 140e-15 * 0.872 / 1e-6, rel=1e-8)


def test_a_spike_is_centred_on_its_time_and_ends_with_the_phase() -> None:
    for name, pairs in re.findall(r"^Vin(\d+) in\d+ 0 PWL\((.*)\)", netlist(CIRCUITS[0]), re.MULTILINE):
        t, v = np.array(pairs.split(), dtype=float).reshape(-1, 2).T
        assert np.all(np.diff(t) > 0)
        assert list(v[-4:]) == [0, 1, 1, 0]
        up, down = np.interp(0.5, v[-4:-2], t[-4:-2]), np.interp(0.5, v[-1:-3:-1], t[-1:-3:-1])
        time = 1e-6 * some_layer(CIRCUITS[0])[0][int(name)]
        assert up == pytest.approx(time, abs=1e-12)  # the width of the edge
        assert down == pytest.approx(1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("diode", "element"),
    [
        ("none", "R1 a m {r}"),
        ("ideal", "D1 b m ideal_diode"),
        ("constant", "V1 b m {v_d}"),
        (".model 1N5817 D(is=1e-9 n=1.05)", "D1 b m diode"),
    ],
)
def test_the_library_has_the_diode_that_was_asked_for(diode: str, element: str) -> None:
    plus, minus = re.findall(r"\.subckt synapse_\w+ (.*?)\.ends", spice.library(diode=diode), re.DOTALL)
    assert element in plus
    assert (element.replace("b m", "m b") if diode != "none" else element) in minus


@pytest.mark.parametrize("line", [".control\nshell touch {file}\n.endc", ".include {file}", ".lib {file}", "R1 a b 1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n* comment\n", "\r"])
def test_a_card_brings_no_other_line_into_the_netlist(line: str, end: str, tmp_path: Path) -> None:
    text = f".model d D(is=1e-9){end}{line.format(file=tmp_path / 'file')}"
    with pytest.raises(ValueError, match=r"or a single card '\.model NAME D\(\.\.\.\)'"):
        spice.library(diode=text)


def test_a_card_is_written_anew_from_its_names_and_numbers() -> None:
    card = (
        "\n.Model d D (IS = 5.15f, ; of one junction\n+ n=1.05)\n* measured at 300 K\n\n  + rs=2.5kOhm bv=1meg m=.5\n"
    )
    assert ".model diode d is=5.15e-15 n=1.05 rs=2500 bv=1000000 m=0.5\n" in spice.library(diode=card)
    many = ".model long d(" + " ".join(f"p{i}={i}" for i in range(20)) + ")"
    found = re.search(r"^\.model diode d( .*(?:\n\+ .*)*)", spice.library(diode=many), re.MULTILINE)
    assert found and re.findall(r"(p\d+)=(\d+)", found[1]) == [(f"p{i}", str(i)) for i in range(20)]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("is=oops", "'is' .*diode.* 'oops'"),
        ("is={1e-9*2}", "'1e-9\\*2'"), ("is=1e999", "'1e999'"), ("n=nan", "'nan'"),
        ("is=1e-9 off", "'off'"), ("is", "'is'"), ("is=1 n", "'n'"), ("is=1 IS=2", "'is' twice"), ("is=1_0", "'1_0'"),
        ("is=\u0661", "'\u0661'"), ("1n=2", "'1n'"), ("k\u00e9=1", "'k\u00e9'"), ("is=\"1\"", "'\"1\"'"),
    ],
)  # fmt: skip
def test_what_is_not_a_number_in_a_card_is_named(parameters: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"{named}"):
        spice.library(diode=f".model d D({parameters})")


@pytest.mark.parametrize("name", ["1N4148", "BAT54-A", "axon_switch", "d\u00e9", "d" * 100])
def test_a_diode_of_any_name_is_the_diode_of_the_netlist(name: str) -> None:
    assert ".model diode d is=1e-09 n=1.1\n" in spice.library(diode=f".model {name} D(is=1n n={{1.1}})\n.end\n")


@pytest.mark.parametrize("rest", [" $comment", " $", "; comment", " // comment", "\n$ comment"])
def test_comments_at_the_end_of_a_line_are_left_out(rest: str) -> None:
    assert ".model diode d is=1e-09 n=1\n" in spice.library(diode=f".model d D(is=1n{rest}\n+ n=1)")


@pytest.mark.parametrize("diode", ["schottky", ".model npn NPN(bf=100)", ""])
def test_an_unknown_diode_is_rejected(diode: str) -> None:
    with pytest.raises(ValueError, match="diode must be none, ideal, constant or a single card"):
        spice.library(diode=diode)


def test_a_conventional_circuit_has_no_netlist() -> None:
    with pytest.raises(ValueError, match="SPICE needs finite rails"):
        netlist(Circuit.conventional())


def test_arrays_that_do_not_fit_are_rejected() -> None:
    g = np.ones((2, 1))
    with pytest.raises(ValueError, match=r"g_minus must have shape \(2, 1\)"):
        spice.layer_netlist(np.zeros(2), g, np.ones((3, 1)), CIRCUITS[0], SCALE)
    with pytest.raises(ValueError, match=r"g_plus.*got -1"):
        spice.layer_netlist(np.zeros(2), -g, g, CIRCUITS[0], SCALE)
    with pytest.raises(ValueError, match=r"times.*got -0\.5"):
        spice.layer_netlist(np.array([0.0, -0.5]), g, g, CIRCUITS[0], SCALE)
    with pytest.raises(ValueError, match=r"names.*got 2"):
        spice.layer_netlist(np.zeros(2), g, g, CIRCUITS[0], SCALE, names=[1, 2])
    with pytest.raises(TypeError, match="names must be an int, got '0 "):
        spice.layer_netlist(np.zeros(2), g, g, CIRCUITS[0], SCALE, names=["0 0 1\n.include x"])  # type: ignore[list-item]


def test_a_missing_simulator_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    times, network = some_layer(CIRCUITS[0])
    with pytest.raises(FileNotFoundError, match="apt-get install ngspice"):
        spice.compare_layer(network, times, 1)


def test_errors_of_spike_times_leave_out_spikes_that_neither_run_decides() -> None:
    t = np.array([0.31, 0.9, np.inf, np.inf, 0.0, 0.0])
    t_ref = np.array([0.30, np.inf, 0.8, np.inf, 0.0, 0.1])
    np.testing.assert_allclose(spice.spike_time_errors(t, t_ref), [0.01, -0.1, 0.2, -0.1], atol=1e-15)


# The simulator


@ngspice
@pytest.mark.parametrize("circuit", CIRCUITS, ids=str)
def test_ngspice_agrees_with_the_exact_solution(circuit: Circuit) -> None:
    times, network = some_layer(circuit)
    comparison = spice.compare_layer(network, times, 1)
    D, G = oracle.affine(network.weights[0], circuit.e_plus, circuit.e_minus, circuit.diode_drop)
    exact = oracle.charge(times[np.newaxis], D, G)
    np.testing.assert_allclose(comparison.v_spice, exact[0], atol=TOLERANCE)
    np.testing.assert_allclose(comparison.t_out_spice, oracle.fire(exact, circuit.ramp)[0], atol=TOLERANCE)
    assert np.isinf(comparison.t_out_spice[0])


@ngspice
@pytest.mark.parametrize("time", [np.inf, 1.0])
def test_a_neuron_without_input_is_silent(time: float) -> None:
    comparison = spice.compare_layer(Network([np.array([[0.5, -0.5]])], CIRCUITS[0]), np.array([time]), 1)
    np.testing.assert_array_equal(comparison.t_out_spice, [np.inf, np.inf])
    assert len(comparison.t_error) == 0


@ngspice
def test_a_diode_that_drops_nothing_changes_nothing() -> None:
    times, network = some_layer(CIRCUITS[0])
    comparison = spice.compare_layer(network, times, 1, diode="ideal")
    assert np.max(np.abs(comparison.v_error)) < TOLERANCE


@ngspice
def test_resistors_of_kilo_and_of_teraohms_give_the_same() -> None:
    times, network = some_layer(CIRCUITS[1])
    for scale in (PhysicalScale(capacitance=1e-9, v_th=0.2), PhysicalScale(capacitance=1e-15, window=1e-3)):
        comparison = spice.compare_layer(network, times, 1, scale=scale)
        assert np.max(np.abs(comparison.v_error)) < TOLERANCE


@ngspice
def test_a_pair_of_devices_is_both_of_its_synapses() -> None:
    rng = np.random.default_rng(2)
    g_plus, g_minus = rng.random((2, 12, 3)) * SCALE.siemens(0.4)
    times, circuit = rng.random(12), CIRCUITS[1]
    measured = spice.simulate_layer(times, g_plus, g_minus, circuit, SCALE)
    D = (g_plus * circuit.e_plus + g_minus * circuit.e_minus) / SCALE.siemens(1.0)
    exact = oracle.charge(times[np.newaxis], D, (g_plus + g_minus) / SCALE.siemens(1.0))
    np.testing.assert_allclose(measured.v_end / SCALE.v_th, exact[0], atol=TOLERANCE)


@ngspice
def test_the_rails_deliver_the_integral_of_the_synapses_currents() -> None:
    rng = np.random.default_rng(3)
    times, circuit = np.array([0.0, 0.3, 0.8]), CIRCUITS[1]
    g_plus, g_minus = rng.random((2, 3, 1)) * SCALE.siemens(1.0)
    measured = spice.simulate_layer(times, g_plus, g_minus, circuit, SCALE)
    p, m = (g[:, 0] / SCALE.siemens(1.0) for g in (g_plus, g_minus))

    def rates(t: float, y: npt.NDArray[np.float64]) -> list[float]:
        on = times <= t
        plus, minus = (p[on] * (circuit.e_plus - y[0])).sum(), (m[on] * (y[0] - circuit.e_minus)).sum()
        return [plus - minus, plus, minus]

    y = np.zeros(3)
    for start, end in [(0.0, 0.3), (0.3, 0.8), (0.8, 1.0)]:
        y = solve_ivp(rates, (start, np.nextafter(end, 0)), y, rtol=1e-10, atol=1e-12).y[:, -1]
    coulombs = SCALE.capacitance * SCALE.v_th
    assert measured.charge_plus == pytest.approx(coulombs * y[1], rel=1e-4, abs=0)
    assert measured.charge_minus == pytest.approx(-coulombs * y[2], rel=1e-4, abs=0)
    energy = SCALE.joules(circuit.e_plus * y[1] - circuit.e_minus * y[2])
    assert measured.energy == pytest.approx(energy, rel=1e-4, abs=0)


@ngspice
@pytest.mark.parametrize("circuit", CIRCUITS, ids=str)
def test_the_rails_spend_the_energy_that_the_engine_counts(circuit: Circuit) -> None:
    times, network = some_layer(circuit)
    comparison = spice.compare_layer(network, times, 1)
    assert comparison.energy_spice == pytest.approx(comparison.energy, rel=TOLERANCE)


@ngspice
def test_results_do_not_depend_on_how_many_simulators_run() -> None:
    times, network = some_layer(CIRCUITS[0], n_out=30)
    one, two = (spice.compare_layer(network, times, 1, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.v_spice, two.v_spice)


@ngspice
def test_spikes_of_one_spice_layer_feed_the_next() -> None:
    circuit = CIRCUITS[0]
    times, network = some_layer(circuit)
    weights = [network.weights[0], np.random.default_rng(1).normal(0.2, 0.6, size=(6, 4))]
    first, second = spice.compare_network(Network(weights, circuit), times)
    np.testing.assert_allclose(first.t_out_spice, first.t_out, atol=TOLERANCE)
    np.testing.assert_allclose(second.v_spice, second.v, atol=10 * TOLERANCE)
    # Driven by other spikes, the second layer would give something else.
    shifted = second.measured.v_end / SCALE.v_th - oracle.charge(
        np.minimum(first.t_out + 0.05, 1.5)[np.newaxis], *oracle.affine(weights[1], 1.0, -1.0, 0.0)
    )
    assert np.max(np.abs(shifted)) > 10 * TOLERANCE


@ngspice
def test_a_netlist_runs_on_its_own_and_measures_the_spikes(tmp_path: Path) -> None:
    (tmp_path / "layer.cir").write_text(netlist(CIRCUITS[1]))
    said = run("ngspice", "-b", "layer.cir", cwd=tmp_path)
    measured = {int(i): float(t) for i, t in re.findall(r"^t_out(\d+)\s*=\s*(\S+)", said, re.MULTILINE)}
    times, network = some_layer(CIRCUITS[1])
    D, G = oracle.affine(network.weights[0], CIRCUITS[1].e_plus, CIRCUITS[1].e_minus, 0.0)
    t_out = oracle.fire(oracle.charge(times[np.newaxis], D, G), CIRCUITS[1].ramp)[0]
    within = np.flatnonzero((t_out > 0) & (t_out < 1))
    assert set(measured) == set(within)
    np.testing.assert_allclose([measured[i] / 1e-6 - 1 for i in within], t_out[within], atol=TOLERANCE)


@ngspice
def test_a_netlist_that_ngspice_does_not_understand_is_its_own_words() -> None:
    with pytest.raises(RuntimeError, match="ngspice failed"):
        spice.run_ngspice("* nonsense\nZ1 a b nothing\n.tran 1n 1u\n.end\n")


@pytest.mark.parametrize("layer", [0, 2])
def test_a_layer_that_is_not_there_is_rejected(layer: int) -> None:
    times, network = some_layer(CIRCUITS[0])
    with pytest.raises(ValueError, match=rf"layer.*got {layer}"):
        spice.compare_layer(network, times, layer)
    with pytest.raises(ValueError, match="layer 1 has neurons 0 to 5, got 6"):
        spice.compare_layer(network, times, 1, neurons=[0, 6])
