"""Netlists for other simulators. None of these is run here: ngspice reads their circuits, and the text is checked."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest
from needs import ngspice

from rcspike import Circuit, PhysicalScale, functional, spice

SCALE = PhysicalScale()
TIMES = np.array([0.0, 0.31, 0.8, np.inf, 0.31])
WEIGHTS = np.array([[0.9, -0.4], [-0.3, 0.8], [0.5, -0.2], [0.7, 0.6], [0.0, 0.4]])
CIRCUITS = [
    (Circuit(v_syn=1.0), "none"),
    (Circuit(e_plus=2.0, e_minus=-1.5, diode_drop=0.3, ramp=0.155, injection=(0.01, -0.02)), "constant"),
]
OTHERS = ("xyce", "hspice")


def netlist(dialect: str, circuit: Circuit = CIRCUITS[0][0], diode: str = "none", **options: float) -> str:
    g = spice.conductances(WEIGHTS, circuit, SCALE)
    return spice.layer_netlist(TIMES, *g, circuit, SCALE, diode=diode, dialect=dialect, **options)  # type: ignore[arg-type]


def circuit_of(text: str) -> str:
    """A netlist without what is of one simulator: its tolerances, and how it saves signals."""
    text = re.sub(r"^\.(options? .*|probe tran|print tran format=csv)", "", text, flags=re.MULTILINE)
    return re.sub(r"^ i\(Vplus\)", ".save i(Vplus)", text, flags=re.MULTILINE)


@ngspice
@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize(("circuit", "diode"), CIRCUITS)
def test_the_circuit_of_a_dialect_is_that_of_the_engine(dialect: str, circuit: Circuit, diode: str) -> None:
    """In ngspice, which knows expressions in quotes, sources by CUR and subcircuits without ``params:``, too."""
    tolerances = ".options reltol=1e-5 trtol=1 vntol=1e-9 abstol=1e-16 chgtol=1e-20 gmin=1e-20"
    found = spice.run_ngspice(circuit_of(netlist(dialect, circuit, diode)).replace(".tran", f"{tolerances}\n.tran"))
    v = functional.charge(TIMES[np.newaxis], WEIGHTS, circuit)
    n = np.stack([np.count_nonzero((WEIGHTS * sign > 0) & (TIMES <= 1)[:, np.newaxis], axis=0) for sign in (1, -1)])
    t = functional.fire(v, circuit)[0]
    for i in range(2):
        end = np.interp((1 - 5e-7) * SCALE.window, found["time"], found[f"v(m{i})"]) / SCALE.v_th
        # Injection included; as in test_spice.py, of the trapezoidal rule with a longest step of 0.005 T.
        assert end == pytest.approx(v[0, i], abs=6e-5), n
        if 0 < t[i] < 1:
            at = np.interp(SCALE.v_th, found[f"v(m{i})"], found["time"]) / SCALE.window - 1
            assert at == pytest.approx(t[i], abs=1e-4)


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_dialect_has_the_elements_and_nodes_of_the_netlist_for_ngspice(dialect: str) -> None:
    def elements(text: str) -> list[str]:
        return [line for line in text.splitlines() if re.match(r"[XVIC]\w+ ", line)]

    one, other = (netlist(name, *CIRCUITS[1], until=2.5) for name in ("ngspice", dialect))
    braces = [line.replace("{", "'").replace("}", "'") if dialect == "hspice" else line for line in elements(one)]
    assert elements(other) == braces
    assert len(elements(other)) == 2 + 1 + 4 + 1 + 2 + 7 + 2  # rails, fire, spikes, C, neurons, synapses, drops
    measured = [re.findall(r"^\.meas .*", text, re.MULTILINE) for text in (one, other)]
    assert measured[0] == measured[1] and len(measured[0]) == 2


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_dialect_has_no_words_of_ngspice_and_says_that_it_was_not_run(dialect: str) -> None:
    text = netlist(dialect)
    assert not re.search(r"^\.(save|control|model)|^S\d| SW\(", text, re.MULTILINE)
    assert re.search(rf"^\* In the dialect of {dialect}, in which it has not been run", text, re.MULTILINE)
    statements = re.findall(r"^\.(\w+)", text, re.MULTILINE)
    common = {"subckt", "ends", "meas", "tran", "end"}
    assert set(statements) == common | {"xyce": {"print", "options"}, "hspice": {"probe", "option"}}[dialect]


def test_statements_of_each_simulator() -> None:
    xyce, hspice = netlist("xyce"), netlist("hspice")
    assert "B1 rail m I={V(axon)*V(rail,m)/r}" in xyce and "G1 rail m CUR='V(axon)*V(rail,m)/r'" in hspice
    assert ".tran 1e-12 2.001e-06 0 5e-09 uic" in xyce and ".tran 5e-09 2.001e-06 uic" in hspice
    assert ".print tran format=csv i(Vplus) i(Vminus) v(m0) v(m1)" in xyce
    assert ".options timeint reltol=1e-05 abstol=8.72e-10\n.options device gmin=1.4e-20\n" in xyce
    assert re.search(r"^\.option post runlvl=0 delmax=5e-09 reltol=1e-05 ", hspice, re.MULTILINE)
    assert ".subckt neuron m fire c=140f" in hspice and "C1 m 0 'c' ic=0" in hspice


def test_many_signals_are_one_statement() -> None:
    g: tuple[npt.NDArray[np.float64], ...] = spice.conductances(np.full((1, 20), 0.5), CIRCUITS[0][0], SCALE)
    text = spice.layer_netlist(np.zeros(1), g[0], g[1], CIRCUITS[0][0], SCALE, dialect="xyce")
    (start,) = re.findall(r"^\.print tran .*\n(?:\+.*\n)+", text, re.MULTILINE)
    assert re.findall(r"v\(m(\d+)\)", start) == [str(i) for i in range(20)]


def test_what_a_dialect_cannot_say_is_an_error() -> None:
    with pytest.raises(
        ValueError, match="dialect must be one of ngspice, xyce, hspice, got 'spectre'; rcspike spice ver"
    ):
        netlist("spectre")
    with pytest.raises(ValueError, match="diode must be none, constant or a card for the dialect xyce: the ideal one"):
        netlist("xyce", diode="ideal")
    card = ".model schottky D(is=1e-9 n=1.05 rs=100)"
    assert "\nD1 b m schottky\n" in netlist("hspice", diode=card)


@ngspice
def test_networks_of_shared_charge_share_it_in_each_dialect() -> None:
    """Two membranes meet at the mean of their voltages as the ramps start, which raise both by 0.001 until then."""
    mean = np.mean(2 * (1 - np.exp(-np.array([0.6, 0.3]) / 2)))
    g = spice.conductances(np.array([[0.6, 0.3]]), Circuit(v_syn=2.0), SCALE)
    for dialect in ("ngspice", *OTHERS):
        text = spice.layer_netlist(np.zeros(1), *g, Circuit(v_syn=2.0), SCALE, dialect=dialect, membranes=2)
        found = spice.run_ngspice(circuit_of(text))
        v = [float(np.interp(1.001e-6, found["time"], found[f"v({m})"])) / SCALE.v_th for m in ("m0", "m0_1")]
        assert v[0] == pytest.approx(v[1], abs=1e-5)
        assert v[0] == pytest.approx(mean + 0.001, abs=6e-5)
