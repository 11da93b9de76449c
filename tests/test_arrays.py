"""Arrays that come in: subclasses of NumPy's give the results of plain ones, and pixels are not taken for times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rcspike import Circuit, DeviceModel, DeviceNetwork, DevicePairs, Network, PhysicalScale, draw_devices
from rcspike import functional as f
from rcspike.chips import Devices, DiodeVariation, Jitter, Measured, TimeQuantisation, WireResistance, program
from rcspike.datasets import Split
from rcspike.energy import activity
from rcspike.network import ResistiveLayer
from rcspike.spice import calibrated, input_times, layer_netlist
from rcspike.spice.fitting import fit
from rcspike.spice.measurements import Measurements

CIRCUIT, SCALE = Circuit(v_syn=2.0), PhysicalScale()
TIMES = np.array([[0.25, 0.5], [0.0, np.inf]])
WEIGHTS = np.array([[0.5, -0.25], [0.125, 0.75]])
ONES = np.ones((2, 2))
NUMBERS = np.array([0, 1])


def network(w: Any = WEIGHTS) -> Network:
    return Network([w], CIRCUIT)


def measured(column: Any) -> Any:
    return Measurements(NUMBERS, NUMBERS, column).time


# Each takes an array and returns one that depends on it.
BORDERS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "network": (WEIGHTS, lambda w: network(w).weights[0]),
    "calibrated": (WEIGHTS, lambda w: calibrated(network(w), CIRCUIT, SCALE, designed=SCALE).weights[0]),
    "forward": (TIMES, lambda t: network().forward(t)),
    "schedule": (TIMES, lambda t: network().forward(f.schedule(t))),
    "other precision": (TIMES, lambda t: network(WEIGHTS.astype(np.float32)).forward(t)),
    "charge times": (TIMES, lambda t: f.charge(t, WEIGHTS, CIRCUIT)),
    "charge weights": (WEIGHTS, lambda w: f.charge(TIMES, w, CIRCUIT)),
    "charge_vjp": (ONES, lambda g: f.charge_vjp(TIMES, WEIGHTS, CIRCUIT, g)[1]),
    "charge_affine": (ONES, lambda g: f.charge_affine(TIMES, WEIGHTS, g)),
    "charge_rectified": (ONES, lambda g: f.charge_rectified(TIMES, g, ONES, ONES, -ONES)),
    "charge_wired": (ONES, lambda g: f.charge_wired(TIMES, [(WEIGHTS, g)], 0.1)),
    "fire": (WEIGHTS, lambda v: f.fire(v, CIRCUIT)),
    "fire_vjp": (ONES, lambda g: f.fire_vjp(WEIGHTS, CIRCUIT, g)),
    "supply_charge": (WEIGHTS, lambda w: f.supply_charge(TIMES, w, CIRCUIT)[0]),
    "encode": (ONES, f.encode),
    "activity": (TIMES, lambda t: activity(network(), t).spikes),
    "pairs": (WEIGHTS, lambda w: DevicePairs(w, w).plus),
    "pairs of weights": (WEIGHTS, lambda w: DevicePairs.of_weights(w).minus),
    "device network": (
        TIMES,
        lambda t: DeviceNetwork([DevicePairs.of_weights(WEIGHTS)], CIRCUIT).forward(t),
    ),
    "draw_devices": (WEIGHTS, lambda w: draw_devices(w, DeviceModel(lognormal=0.1), seed=0).plus),
    "devices": (WEIGHTS, lambda w: Devices().layer(w, CIRCUIT).plus),
    "chip": (TIMES, lambda t: program(network(), [DiodeVariation(sigma=0.1)], seed=0).forward(t)),
    "layer": (WEIGHTS, lambda w: ResistiveLayer(w, CIRCUIT).charge(TIMES)),
    "netlist": (ONES, lambda g: np.array([layer_netlist(TIMES[0], g, ONES, CIRCUIT, SCALE)])),
    "input_times": (TIMES, lambda t: input_times(network(), t, 1)),
    "fit": (
        1e-7 * ONES,
        lambda g: (
            fit(
                Measurements(np.zeros(4, int), np.array([0, 1, 0, 1]), np.array([3, 3, 9, 9]) * 1e-7, np.full(4, 0.1)),
                TIMES,
                g,
                0 * ONES,
                CIRCUIT,
                SCALE,
                parameters=["e_plus"],
            ).values
        ),
    ),
}
ONE_DIMENSION: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "trace": (np.array([0.5, 1.0]), lambda at: f.trace(TIMES, WEIGHTS, CIRCUIT, at)),
    "drive0": (np.ones(2), lambda d: f.charge_affine(TIMES, WEIGHTS, ONES, drive0=d)),
    "offset": (np.ones(2), lambda o: DevicePairs(WEIGHTS, WEIGHTS, offset=o).offset),
    "measurements": (1e-7 * np.ones(2), measured),
    "image": (NUMBERS, lambda i: Measurements(i, NUMBERS, np.ones(2)).image),
    "netlist times": (TIMES[0], lambda t: np.array([layer_netlist(t, ONES, ONES, CIRCUIT, SCALE)])),
    "labels": (NUMBERS, lambda y: Split(np.ones((2, 1, 2)), y).labels),
    "images": (np.ones((2, 1, 2)), lambda x: Split(x, NUMBERS).images),
}


@pytest.mark.parametrize("name", BORDERS)
def test_a_matrix_is_as_good_as_an_array_and_becomes_one(name: str) -> None:
    array, use = BORDERS[name]
    expected, found = use(array), use(array.view(np.matrix))
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", [*BORDERS, *ONE_DIMENSION])
def test_a_mask_is_an_error_and_a_masked_array_without_one_is_an_array(name: str) -> None:
    array, use = (BORDERS | ONE_DIMENSION)[name]
    mask = np.zeros(array.shape, dtype=bool)
    expected, found = use(array), use(np.ma.MaskedArray(array, mask=mask))
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)
    mask.flat[0] = True
    with pytest.raises(ValueError, match=r"\w+(\[0\])?.*got 1 masked values; use \.filled"):
        use(np.ma.MaskedArray(array, mask=mask))


def test_a_mask_is_an_error_in_tables() -> None:
    pytest.importorskip("sklearn")
    from rcspike.sklearn import RCSpikeClassifier

    X, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    classifier = RCSpikeClassifier((), epochs=1, random_state=0).fit(X, y)
    masked = np.ma.MaskedArray(X, mask=X > 0.9)
    for use in (lambda: classifier.predict(masked), lambda: classifier.fit(masked, y)):
        with pytest.raises(ValueError, match="X must have no mask"):
            use()
    with pytest.raises(ValueError, match="y must have no mask"):
        classifier.fit(X, np.ma.MaskedArray(y, mask=y > 0))
    column = np.ma.MaskedArray([0.0, 1.0, 2.0], mask=[False, True, False])
    with pytest.raises(TypeError, match=r"measured: mean.*got masked"):
        Measured(target=(0, 1, 2), mean=column, std=(0, 0, 0))  # type: ignore[arg-type]


def test_arrays_in_a_file_are_read_as_those_in_memory(tmp_path: Path) -> None:
    TIMES.tofile(tmp_path / "times")
    stored = np.memmap(tmp_path / "times", dtype=np.float64, mode="r", shape=TIMES.shape)
    np.testing.assert_array_equal(network().forward(stored), network().forward(TIMES))


# Pixels and times

ENTRIES: dict[str, Callable[[Any], Any]] = {
    "forward": lambda t: network().forward(t),
    "predict": lambda t: network().predict(t),
    "schedule": f.schedule,
    "charge": lambda t: f.charge(t, WEIGHTS, CIRCUIT),
    "charge_affine": lambda t: f.charge_affine(t, WEIGHTS, ONES),
    "charge_rectified": lambda t: f.charge_rectified(t, ONES, ONES, ONES, -ONES),
    "charge_wired": lambda t: f.charge_wired(t, [(WEIGHTS, ONES)], 0.1),
    "supply_charge": lambda t: f.supply_charge(t, WEIGHTS, CIRCUIT),
    "trace": lambda t: f.trace(t, WEIGHTS, CIRCUIT, np.array([1.0])),
    "activity": lambda t: activity(network(), t),
    "device network": lambda t: DeviceNetwork([DevicePairs.of_weights(WEIGHTS)], CIRCUIT).predict(t),
    "chip": lambda t: program(network(), seed=0).predict(t),
    "blocking chip": lambda t: program(network(), [DiodeVariation(sigma=0.1)], seed=0).predict(t),
    "wired chip": lambda t: program(network(), [WireResistance(resistance=0.1)], seed=0).predict(t),
    "SPICE": lambda t: input_times(network(), t, 1),
    "netlist": lambda t: layer_netlist(t.ravel(), np.ones((t.size, 1)), np.ones((t.size, 1)), CIRCUIT, SCALE),
}
PIXELS = np.array([[0, 0], [12, 0], [0, 0], [255, 0], [128, 17]])


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_integers_are_not_times(entry: str, dtype: Any) -> None:
    with pytest.raises(TypeError, match=rf"times.*got {np.dtype(dtype)}; .* rcspike\.encode"):
        ENTRIES[entry](PIXELS.astype(dtype))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_as_floats_are_not_times(entry: str, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"times must be in T, .* up to 255, as pixels are; .* rcspike\.encode"):
        ENTRIES[entry](PIXELS.astype(dtype))


SPIKE = st.one_of(st.floats(0, 1), st.just(np.inf))
# Values that people write for no spike, and times that noise makes of a late one.
TIME = st.one_of(SPIKE, st.floats(1, 4).filter(lambda t: t % 1 != 0), st.sampled_from([2.0, 1e9]))


@given(hnp.arrays(np.float64, (12, 2), elements=TIME))
def test_no_times_are_taken_for_pixels(times: Any) -> None:
    silent = np.where(times > 1, np.inf, times)
    np.testing.assert_array_equal(network().forward(times), network().forward(silent))


def test_a_late_fraction_is_seen() -> None:
    times = np.tile([[0.0, 1.0], [3.0, 4.0]], (20, 1))
    times[:, 1] += np.arange(40) // 39 * 0.5
    times[5] = 5
    assert network().forward(times).shape == (40, 2)


def test_the_spikes_of_a_hidden_layer_are_not_judged() -> None:
    """On a clock of period T, with jitter as long, they are whole numbers, some far above 1."""
    rng = np.random.default_rng(0)
    deep = Network([rng.normal(size=(2, 30)), rng.normal(size=(30, 2))], CIRCUIT)
    effects = [TimeQuantisation(step=1.0), Jitter(sigma=3.0)]
    assert program(deep, effects, seed=0).forward(np.tile(TIMES, (20, 1)), seed=0).shape == (40, 2)
