"""Crossings that ngspice measures, of neurons of a single phase, compared with the reference and the engine."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import crossing_oracle
import numpy as np
import oracle
import pytest
from needs import ngspice

from rcspike import Circuit, Network, PhysicalScale, spice

SCALE = PhysicalScale()
CIRCUITS = [Circuit(v_syn=2.0), Circuit(v_syn=3.0, e_minus=-0.8, diode_drop=0.2, delay=0.1)]
SHARE = 2e-5  # of the time scale of a membrane: 0.002 %


def column(circuit: Circuit, n_in: int = 784, n_out: int = 2) -> tuple[np.ndarray, Network]:
    """A fifth of the inputs spike, up to 1.5 T; weights of which most are positive."""
    rng = np.random.default_rng(8)
    times = np.where(rng.random(n_in) < 0.2, 1.5 * rng.random(n_in), math.inf)
    weights = rng.normal(0.02, 0.02, (n_in, n_out)) * 784 / n_in
    return times, Network([weights], circuit, phases="single")


@ngspice
@pytest.mark.parametrize(("circuit", "n_in"), list(zip(CIRCUITS, (784, 100), strict=True)), ids=str)
def test_ngspice_crosses_the_threshold_where_the_reference_does(circuit: Circuit, n_in: int) -> None:
    times, network = column(circuit, n_in)
    found = spice.compare_layer(network, times, 1, workers=1)
    drive, conductance = oracle.affine(network.weights[0], circuit.e_plus, circuit.e_minus, circuit.diode_drop)
    exact, _ = crossing_oracle.first_spike(times[np.newaxis], drive, conductance)
    assert np.isfinite(exact).all()
    conducting = [conductance[times < spike, i].sum() for i, spike in enumerate(exact[0])]
    errors = np.abs(found.t_out_spice - exact[0] - circuit.delay)
    assert (errors <= SHARE / np.array(conducting)).all()
    np.testing.assert_allclose(found.t_out, exact[0] + circuit.delay, rtol=1e-12)
    np.testing.assert_allclose(found.t_error, found.t_out_spice - found.t_out, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.v_spice, found.v, rtol=0, atol=1e-5)
    assert found.energy_spice == pytest.approx(found.energy, rel=1e-5)


@ngspice
def test_spikes_of_one_layer_drive_the_next_and_silent_neurons_stay_silent() -> None:
    weights = [np.array([[1.5, -1.0], [1.0, 0.5]]), np.array([[2.5], [1.0]])]
    network = Network(weights, CIRCUITS[0], phases="single")
    first, second = spice.compare_network(network, np.array([0.1, 0.6]), workers=1)
    assert np.isinf(first.t_out).tolist() == np.isinf(first.t_out_spice).tolist() == [False, True]
    assert second.t_out_spice[0] > first.t_out_spice[0]
    assert np.abs(np.concatenate([first.t_error, second.t_error])).max() < 2e-5


def test_a_netlist_of_a_single_phase_has_no_ramp_and_no_end_of_its_spikes() -> None:
    times, network = column(CIRCUITS[0], n_in=6, n_out=1)
    conductances = spice.layer_conductances(network.layers[0], SCALE)
    text = spice.layer_netlist(np.arange(6) * 0.5, *conductances, CIRCUITS[0], SCALE, phases="single", until=2.25)
    assert "Vfire fire 0 0\n" in text
    assert ".tran 5e-09 2.25e-06 " in text
    assert ".meas tran t_out0 WHEN v(m0)=0.872 RISE=1\n" in text
    sources = [line for line in text.splitlines() if line.startswith("Vin")]
    assert len(sources) == 5
    assert all(line.endswith(" 1)") for line in sources)
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="until must be above 0 and finite"):
            spice.layer_netlist(times, *conductances, CIRCUITS[0], SCALE, phases="single", until=wrong)


@pytest.mark.long
@ngspice
def test_the_commands_write_and_verify_netlists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cli_runs import rcspike_

    monkeypatch.chdir(tmp_path)
    Network.create([64, 8, 10], Circuit(v_syn=2.0), phases="single", seed=0).save("one.safetensors")
    Network.create([64, 8, 10], Circuit(v_syn=2.0), seed=0).save("two.safetensors")
    Path("m.csv").write_text("image,neuron,spike_time\n0,0,1e-6\n")

    def said(words: str) -> str:
        return rcspike_("spice", *shlex.split(words)).output

    assert "8 neurons" in said("export one.safetensors digits --until 3 --out layer.cir")
    assert ".tran 5e-09 3e-06 " in Path("layer.cir").read_text()
    assert "until 3.0 applies only to single-phase neurons" in said("export two.safetensors digits --until 3")
    assert "until must be above 0" in said("export one.safetensors digits --until -3")
    assert "a fit needs neurons of two phases" in said("fit m.csv one.safetensors digits")
    assert "class  the same for 2 of 2 images" in said(
        "verify one.safetensors digits --images 2 --end-to-end --workers 1 --out out"
    )
    assert set(json.loads(Path("out/spice.json").read_text())["files_sha256"]) > {"layer1.svg", "layer2.svg"}
