"""The engine in the page against the native one: the same bits, and the energy that `rcspike energy` counts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import browser, playground

pytest.importorskip("sklearn")

from chromium import Tab, chromium
from playground import bits, encoded, open_page, run_in_page, shipped_data

import rcspike
from rcspike import Circuit, Network, _core
from rcspike.datasets import Dataset
from rcspike.energy import BASELINES, activity, energy_parts, load_process, operating_point
from rcspike.functional import charge_wired, schedule

pytestmark = [browser, playground, pytest.mark.long]

N_IMAGES = 200
EXACT = 1e-12  # relative: sums over neurons in another order, in double precision


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("browser")) as opened:
        open_page(opened)
        yield opened


def network_of(kind: str) -> Network:
    if kind == "convolution":
        return Network.create("conv8-pool-10", Circuit(v_syn=1.0), input_shape=(8, 8), seed=1)
    if kind == "single-phase":
        return Network.create([64, 50, 10], Circuit(v_syn=2.0), seed=1, phases="single")
    return Network.create([64, 50, 10], Circuit(v_syn=1.0), seed=1)


def as_bits(array: Any) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array, np.float32).view(np.uint32).ravel()


@pytest.mark.parametrize("kind", ["two-phase", "convolution", "single-phase"])
def test_two_hundred_images_have_the_bits_of_the_native_engine(
    tab: Tab, kind: str, digits: Dataset, tmp_path: Path
) -> None:
    network, times = network_of(kind), digits.test.times[:N_IMAGES]
    found = run_in_page(tab, network, times, tmp_path)
    assert np.array_equal(found["read"], as_bits(network.forward(times)))
    assert found["answers"] == network.predict(times).tolist()
    for result, layer in zip(network.walk(times), found["layers"], strict=True):
        assert np.array_equal(layer["t_out"], as_bits(result.t_out))


@pytest.mark.parametrize(
    "circuit",
    [
        Circuit(e_plus=2.0, e_minus=-0.8, diode_drop=0.1, injection=(1e-3, -2e-3)),
        Circuit(v_syn=3.0, ramp=0.3, delay=0.01),
        Circuit.conventional(),
    ],
    ids=["diode and injection", "ramp and delay", "conventional"],
)
def test_a_slider_gives_the_circuit_that_it_names(tab: Tab, circuit: Circuit, digits: Dataset, tmp_path: Path) -> None:
    weights, times = network_of("two-phase").weights, digits.test.times[:20]
    model = Network(weights, Circuit(ramp=circuit.ramp, delay=circuit.delay))
    wanted = Network(weights, circuit)
    plus, minus = circuit.injections[0]
    rails = {"e_plus": circuit.e_plus, "e_minus": circuit.e_minus}
    moved = {name: x for name, x in rails.items() if math.isfinite(x)}
    if not moved:  # JSON has no infinity
        model = model.rescaled(circuit, plus=1.0, minus=1.0)
    given = moved | {"diode_drop": circuit.diode_drop, "injection_plus": plus, "injection_minus": minus}
    found = run_in_page(tab, model, times, tmp_path, **given)
    assert np.array_equal(found["read"], as_bits(wanted.forward(times)))


def test_wires_charge_as_those_of_the_native_engine(tab: Tab, digits: Dataset, tmp_path: Path) -> None:
    network, times, r = network_of("two-phase"), digits.test.times[:20], 1e-3
    w = network.weights[0]
    plus, minus = np.maximum(w, 0), np.minimum(w, 0)
    found = run_in_page(tab, network, times, tmp_path, wire_resistance=r)
    assert np.array_equal(found["layers"][0]["v"], as_bits(charge_wired(times, [(plus, plus), (minus, -minus)], r)))


def test_noise_and_offsets_move_spikes_by_what_they_say(tab: Tab, digits: Dataset, tmp_path: Path) -> None:
    network, times = network_of("two-phase"), digits.test.times[:N_IMAGES]
    (v, exact), *_ = [(r.v, r.t_out) for r in network.walk(times)]
    inside = (v > 0.2) & (v < 0.8)  # three standard deviations from where spikes are lost
    for name, per_image in (("noise", True), ("offset", False)):
        found = run_in_page(tab, network, times, tmp_path, **{name: 0.05}, seed=3)
        with np.errstate(invalid="ignore"):  # of neurons that are silent
            shifts = found["layers"][0]["t_out"].view(np.float32).reshape(exact.shape) - exact
        some = shifts[inside & np.isfinite(shifts)]
        if per_image:
            assert np.std(some) == pytest.approx(0.05, rel=0.1)
            assert abs(np.mean(some)) < 0.005
        else:  # the same for all images of a neuron
            spread = [np.ptp(column[mask]) for column, mask in zip(shifts.T, inside.T, strict=True) if mask.any()]
            assert max(spread) < 1e-6
            assert np.std(some) > 0.01


def training_order(tab: Tab, n: int) -> list[int]:
    source = "const text = document.getElementById('trainer').textContent.split('let stopped')[0];"
    order: list[int] = tab.run(
        f"(() => {{ {source} return [...new Function(text + 'return orderOf')()({n}, 0, 0)]; }})()"
    )
    return order


@pytest.mark.parametrize("kind", ["two-phase", "convolution", "single-phase"])
def test_the_weights_after_an_epoch_have_the_bits_of_the_native_engine(
    tab: Tab, kind: str, digits: Dataset, tmp_path: Path
) -> None:
    network, train, settings = network_of(kind), digits.train, shipped_data(tab)["training"]
    own = settings["single" if kind == "single-phase" else "two"]
    order = training_order(tab, len(train.labels))
    assert sorted(order) == list(range(len(train.labels)))
    network.save(tmp_path / "start.safetensors")
    conditions = json.dumps({"noise": 0, "offset": 0, "wire_resistance": 0})
    found = tab.run(
        f"""(() => {{
          const model = rcspike.engine.open(bytesOf({encoded((tmp_path / "start.safetensors").read_bytes())}));
          const images = {{
            times: floatsOf({encoded(train.times)}), labels: {json.dumps(train.labels.tolist())},
            trained: {len(train.labels)}, silentPenalty: {own["silentPenalty"]},
          }};
          const training = rcspike.engine.train(model, {conditions}, images);
          const seen = training.epoch({json.dumps(order)}, {own["batchSize"]}, {own["rate"]});
          training.stop();
          return {{ seen, weights: model.shapes.map((_, layer) => textOf(rcspike.engine.weights(model, layer))) }};
        }})()"""
    )
    trainer: Any = _core.trainer(
        list(network.parameters.values()),
        [layer.circuit.core for layer in network.layers],
        wiring=[layer.wiring.core for layer in network.layers],
        phases=network.phases,
        silent_penalty=own["silentPenalty"],
    )
    events: Any = schedule(train.times, phases=network.phases)
    loss, correct, picked = 0.0, 0, np.array(order)
    for first in range(0, len(order), own["batchSize"]):
        batch = picked[first : first + own["batchSize"]]
        report = trainer.step(events, batch, train.labels[batch], [], learning_rate=own["rate"])
        loss, correct = loss + report.loss, correct + report.correct
    for mine, theirs in zip(trainer.weights(), found["weights"], strict=True):
        assert np.array_equal(bits(theirs), as_bits(mine))
    assert found["seen"]["loss"] == pytest.approx(loss / len(order), rel=EXACT)
    assert found["seen"]["trainAccuracy"] == pytest.approx(correct / len(order), rel=EXACT)


@pytest.mark.parametrize(
    "network",
    [
        network_of("two-phase"),
        Network(network_of("two-phase").weights, Circuit(e_plus=2.0, e_minus=-1.5, diode_drop=0.2, ramp=0.2)),
        Network(network_of("two-phase").weights, Circuit(v_syn=1.5, injection=(1e-3, -2e-3))),
        Network([40 * w for w in network_of("two-phase").weights], Circuit(v_syn=1.0)),  # with wide switches
        Network(network_of("two-phase").weights, Circuit.conventional()),
        network_of("single-phase"),
    ],
    ids=["plain", "diode and ramp", "injection", "wide switches", "conventional", "single-phase"],
)
def test_the_energy_of_each_part_is_that_of_python(tab: Tab, network: Network, digits: Dataset, tmp_path: Path) -> None:
    times = digits.test.times[:50]
    point, done = operating_point(network.circuit, load_process("sky130")), activity(network, times)
    wanted = {"RC-Spike": energy_parts(done, point)} if math.isfinite(network.circuit.e_plus) else {}
    if network.phases == "two":
        wanted |= {name: parts(done, point) for name, parts in BASELINES.items()}
    found = run_in_page(tab, network, times, tmp_path)["energy"]
    assert list(found) == list(wanted)
    for circuit, parts in wanted.items():
        assert list(found[circuit]) == list(parts)
        for part, joules in parts.items():
            assert found[circuit][part] == pytest.approx(joules.mean(axis=0), rel=EXACT, abs=0), f"{part} of {circuit}"


def membranes_in_page(tab: Tab, network: Network, times: Any, at: Any, folder: Path) -> Any:
    """Voltages of the first layer, (n_out, n_at)."""
    network.save(folder / "model.safetensors")
    text = tab.run(
        f"""(() => {{
          const model = rcspike.engine.open(bytesOf({encoded((folder / "model.safetensors").read_bytes())}));
          const ideal = {{ noise: 0, offset: 0, wire_resistance: 0 }};
          const run = rcspike.engine.run(model, ideal, floatsOf({encoded(times)}));
          return textOf(rcspike.engine.membranes(run, 0, floatsOf({encoded(at)})));
        }})()"""
    )
    return bits(text).view(np.float32).reshape(-1, len(at))


@pytest.mark.parametrize("kind", ["two-phase", "single-phase"])
def test_membranes_are_those_of_the_trace(tab: Tab, kind: str, digits: Dataset, tmp_path: Path) -> None:
    network, times = network_of(kind), digits.test.times[:1]
    at = np.linspace(0, 3 if kind == "single-phase" else 1, 33, dtype=np.float32)
    found, wanted = membranes_in_page(tab, network, times, at, tmp_path), network.layers[0].trace(times, at)[0]
    known = ~np.isnan(wanted)  # a single-phase neuron is not followed beyond its spike
    assert np.array_equal(found[known], wanted[known])


def test_membranes_of_a_convolution_end_at_its_voltages(tab: Tab, digits: Dataset, tmp_path: Path) -> None:
    network, times, at = network_of("convolution"), digits.test.times[:1], np.array([0.0, 0.5, 1.0], np.float32)
    found, layer = membranes_in_page(tab, network, times, at, tmp_path), network.layers[0]
    traced = layer.neurons(np.arange(layer.n_out)).trace(times, at)[0]
    # Spike times are shifted by up to 1 T in float32: half an ulp of 1, times the slopes of some ten synapses.
    assert found == pytest.approx(traced, abs=1e-5)
    assert np.array_equal(found[:, 2], layer.charge(times)[0])


def test_numbers_in_the_stories_are_those_of_the_networks_in_the_page(
    tab: Tab, digits: Dataset, tmp_path: Path
) -> None:
    def shipped(name: str) -> Network:
        (file,) = (one["file"] for one in shipped_data(tab)["models"] if one["name"] == name)
        (tmp_path / "model.safetensors").write_bytes(base64.b64decode(file))
        return Network.load(tmp_path / "model.safetensors")

    def accuracy(name: str, v_syn: float, noise: float) -> float:
        network = shipped(name).rescaled(Circuit(v_syn=v_syn), plus=1.0, minus=1.0)
        return float(np.mean([rcspike.evaluate(network, digits.test, noise=noise, seed=seed) for seed in range(5)]))

    told = {("conventional", math.inf): 0.94, ("conventional", 1.0): 0.67, ("two-phase", 1.0): 0.89}
    for (name, v_syn), share in told.items():
        assert accuracy(name, v_syn, 0.1) == pytest.approx(share, abs=0.015)  # of 360 images, over five draws
        assert 0.97 < accuracy(name, v_syn, 0.0) < 0.985
