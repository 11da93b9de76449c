"""The same bits on every instruction set, on any number of threads and in a forked child.

Run as a script it prints the instruction set in use and digests of what the engine computes with it, on two threads.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forks import forks, in_a_forked_child, needs_fork, repeated_by_another_thread
from strategies import CIRCUITS, Array, random_layer

from rcspike import Circuit, DeviceModel, DeviceNetwork, DevicePairs, Network, RowLoad, build_config, train
from rcspike.datasets import Dataset, Split
from rcspike.functional import (
    charge,
    charge_affine,
    charge_affine_vjp,
    charge_loaded,
    charge_loaded_vjp,
    charge_rectified,
    charge_vjp,
    charge_wired,
    fire,
    pair_loads,
    supply_charge,
    supply_charge_vjp,
    trace,
)
from rcspike.network import ResistiveLayer, spike_time_noise

pytestmark = pytest.mark.usefixtures("all_processors")

DTYPES = (np.float32, np.float64)


def digest(arrays: Iterable[Array]) -> str:
    sha = hashlib.sha256()
    for a in arrays:
        sha.update(f"{a.dtype}{a.shape}".encode())
        sha.update(np.ascontiguousarray(a).tobytes())
    return sha.hexdigest()


def layer_results(dtype: type[np.floating[Any]], threads: int) -> Iterable[Array]:
    """Layers of all circuits, with widths that fill no vector, on batches that fill no block."""
    rng = np.random.default_rng(50)
    for circuit in CIRCUITS.values():
        # 90 neurons on 300 inputs are dealt with in several parts; small intervals, long ones and huge exponents.
        for shape in ((19, 300, 90), (5, 3, 7)):
            times, weights, _ = random_layer(rng, dtype, shape=shape, circuit=circuit)
            grad_v = rng.normal(size=(shape[0], shape[2])).astype(dtype)
            G = np.abs(weights) / 2
            row = np.abs(grad_v[0])
            yield charge(times, weights, circuit, threads=threads)
            yield from charge_vjp(times, weights, circuit, grad_v, threads=threads)
            # Where most neurons are silent, some instruction sets merge tiles.
            few = np.where(rng.random(grad_v.shape) < 0.35, grad_v, dtype(0))
            yield from charge_vjp(times, weights, circuit, few, threads=threads)
            yield charge_affine(times, weights, G, drive0=row, conductance0=row, threads=threads)
            yield from charge_affine_vjp(times, weights, G, grad_v, drive0=row, conductance0=row, threads=threads)
            rails = (1 + 0.3 * rng.normal(size=weights.shape)).astype(dtype)
            devices = (np.maximum(weights, 0), rails, np.maximum(-weights, 0), -rails)
            yield charge_rectified(times, *devices, drive0=row, conductance0=row, threads=threads)
            wires = [(weights, G), (-weights, G)]
            yield charge_wired(times, wires, 0.01, off=0.1, drive0=row, conductance0=row, threads=threads)
            if np.isfinite(circuit.e_plus):
                load = RowLoad(body=1e-6 * float(np.abs(weights).mean()), position=0.3, junction_plus=1e-4)
                kept = np.where(np.abs(weights) < 0.1 * np.abs(weights).mean(), 0, weights).astype(dtype)
                of_bodies = replace(circuit, load=load)
                yield charge(times, kept, of_bodies, threads=threads)
                yield from charge_vjp(times, kept, of_bodies, grad_v, threads=threads)
                loads = pair_loads(np.maximum(kept, 0), np.maximum(-kept, 0), of_bodies).astype(dtype)
                yield charge_loaded(times, weights, G, loads, drive0=row, threads=threads)
                yield from charge_loaded_vjp(times, weights, G, loads, grad_v, drive0=row, threads=threads)
            yield from supply_charge(times, weights, circuit, threads=threads)
            yield from supply_charge_vjp(times, weights, circuit, grad_v, few, threads=threads)
            at = np.linspace(0, 1, 5).astype(dtype)
            yield trace(times[:4], np.ascontiguousarray(weights[:, :9]), circuit, at, threads=threads)
            yield fire(grad_v, Circuit(ramp=0.3))


def network_results(dtype: type[np.floating[Any]], threads: int) -> Iterable[Array]:
    """A forward pass with and without noise, and a short training run with everything switched on."""
    rng = np.random.default_rng(51)
    images, labels = rng.random((150, 6, 6)) * (rng.random((150, 6, 6)) < 0.5), np.arange(150) % 4
    data = Dataset("random", Split(images[:110], labels[:110]), Split(images[110:], labels[110:]))
    network = Network.create([36, 45, 20, 4], Circuit(v_syn=1.2, diode_drop=0.1, ramp=0.2), seed=1, dtype=dtype)
    yield network.forward(data.train.times, threads=threads)
    yield network.forward(data.train.times, noise=0.02, seed=2, threads=threads)
    for circuit in (network.circuit, CIRCUITS["asymmetric rails and a diode"]):
        pairs = [DevicePairs(np.abs(w), np.abs(w)[::-1].copy(), offset=w[0] / 10) for w in network.weights]
        yield DeviceNetwork(pairs, circuit).forward(data.train.times, threads=threads)
    for penalty in (0.0, 0.01):
        history = train(
            network,
            data,
            epochs=2,
            seed=3,
            batch_size=50,
            noise=0.01,
            temporal_penalty=0.01,
            energy_penalty=penalty,
            validation=0.1,
            threads=threads,
        )
        yield from network.weights
        yield np.array([[e.loss, e.train_accuracy, e.test_accuracy, e.validation_accuracy] for e in history])
    everything = DeviceModel(
        off=0.05, levels=50, lognormal=0.2, proportional=0.1, absolute=0.03, stuck_off=0.1, stuck_on=0.05
    )
    for circuit in (network.circuit, CIRCUITS["asymmetric rails"]):
        network = Network.create([36, 45, 20, 4], circuit, seed=1, dtype=dtype)
        train(network, data, epochs=1, seed=3, batch_size=50, devices=everything, threads=threads)
        yield from network.weights


def all_digests(threads: int) -> list[str]:
    return [digest(results(dtype, threads)) for results in (layer_results, network_results) for dtype in DTYPES]


@pytest.fixture(scope="module")
def expected() -> list[str]:
    """On the instruction set in use, on one thread."""
    return all_digests(1)


def python(*arguments: str, isa: str | None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "RCSPIKE_ISA"}
    if isa is not None:
        environment["RCSPIKE_ISA"] = isa
    # From here, where no source tree hides the installed package.
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.process
@pytest.mark.parametrize("isa", build_config()["isas"])
def test_every_instruction_set_gives_the_same_bits(isa: str, expected: list[str]) -> None:
    run = python(__file__, isa=isa)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [isa, *expected]


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_bits(threads: int, expected: list[str]) -> None:
    assert all_digests(threads) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_noise_of_a_place_does_not_depend_on_how_many_others_there_are(dtype: type[np.floating[Any]]) -> None:
    def drawn(n: int) -> Array:
        (layer,) = spike_time_noise(np.random.default_rng(7), 1, [n], 0.05, np.dtype(dtype))
        return layer.copy()[0]

    for n in (1, 15, 16, 17, 31, 32, 33, 199):
        np.testing.assert_array_equal(drawn(n), drawn(200)[:n])


def test_calls_from_several_python_threads_do_not_mix() -> None:
    layer = random_layer(np.random.default_rng(52), np.float32, shape=(40, 30, 20), circuit=Circuit())
    alone = charge(*layer)
    with ThreadPoolExecutor(4) as pool:
        for v in pool.map(lambda n: charge(*layer, threads=n), [1, 2, 3, 2, 1, 3, 2, 2] * 5):
            np.testing.assert_array_equal(v, alone)


@needs_fork
@forks
def test_a_forked_child_computes_the_same_bits_with_threads_of_its_own(expected: list[str]) -> None:
    assert all_digests(2) == expected  # so that there are threads that the child does not have
    assert in_a_forked_child(lambda: " ".join(all_digests(2))).split() == expected
    assert all_digests(2) == expected  # and the parent still has its own


@needs_fork
@forks
def test_a_child_forked_in_the_middle_of_a_call_computes_the_same_bits() -> None:
    layer = random_layer(np.random.default_rng(53), np.float32, shape=(200, 200, 100), circuit=Circuit())
    alone = digest([charge(*layer)])
    with repeated_by_another_thread(lambda: charge(*layer, threads=2)):
        for _ in range(5):
            assert in_a_forked_child(lambda: digest([charge(*layer, threads=2)])) == alone


SPLIT = Split(np.full((1000, 28, 28), 51, dtype=np.uint8), np.zeros(1000, dtype=np.int64))
COMPUTED_ONCE: dict[str, Callable[[], Array]] = {
    "spike times of a split": lambda: Split(SPLIT.images, SPLIT.labels).times,
    "packed weights": lambda: ResistiveLayer(np.ones((784, 500)), Circuit()).charge(np.zeros((1, 784))),
}


@needs_fork
@forks
@pytest.mark.parametrize("what", COMPUTED_ONCE)
def test_what_another_thread_computes_once_is_computed_in_a_forked_child_too(what: str) -> None:
    # Until Python 3.12, a cached_property of the standard library has a lock for all objects of a class.
    compute = COMPUTED_ONCE[what]
    alone = digest([compute()])
    with repeated_by_another_thread(compute):
        for _ in range(2):
            assert in_a_forked_child(lambda: digest([compute()])) == alone


@pytest.mark.parametrize("isa", ["mmx", "AVX2", "scalar,avx2"])
def test_an_unknown_instruction_set_is_rejected_with_the_known_ones(isa: str) -> None:
    # Import and all, also the second time: what was asked for is never silently replaced.
    run = python("-c", "try:\n    import rcspike\nexcept RuntimeError:\n    import rcspike", isa=isa)
    assert run.returncode != 0
    known = ", ".join(build_config()["isas"])
    assert f"RCSPIKE_ISA is '{isa}', but this build and machine run only: {known}" in run.stderr


def test_no_instruction_set_asked_for_means_the_best_one() -> None:
    best = build_config()["isas"][-1]
    for isa in (None, ""):
        run = python("-c", "import rcspike; print(rcspike.build_config()['isa'])", isa=isa)
        assert run.stdout.split() == [best], run.stderr


def test_a_build_says_what_it_is_and_runs_on() -> None:
    config = build_config()
    assert config["isa"] in config["isas"]
    assert set(config["isas"]) <= set(config["compiled_isas"])
    assert config["isas"][0] == "scalar"
    assert config["threads"] >= 1
    assert config["compiler"]


if __name__ == "__main__":
    print(build_config()["isa"], *all_digests(2))
